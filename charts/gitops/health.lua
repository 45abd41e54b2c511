-- Health of a RelayTenant or a SendingDomain for Argo CD. Ready means that all that Posthouse must do is done; what somebody has
-- to publish in DNS is told in the message and holds nothing up.
local hs = { status = "Progressing", message = "Posthouse has not looked at it yet" }
if obj.metadata.deletionTimestamp ~= nil then
  hs.message = "It is being deleted"
  return hs
end
if obj.status == nil or obj.status.conditions == nil then
  return hs
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  hs.message = "Posthouse has not looked at the change yet"
  return hs
end
local found = {}
for _, condition in ipairs(obj.status.conditions) do
  found[condition.type] = condition
end
if found.Stalled ~= nil and found.Stalled.status == "True" then
  hs.status = "Degraded"
  hs.message = found.Stalled.message
  return hs
end
local ready = found.Ready
if ready == nil then
  return hs
end
hs.message = ready.message
if ready.status == "True" then
  hs.status = "Healthy"
  for _, name in ipairs({ "DNSVerified", "CreditsAvailable", "SendingAllowed" }) do
    if found[name] ~= nil and found[name].status ~= "True" then
      hs.message = found[name].message
    end
  end
end
return hs
