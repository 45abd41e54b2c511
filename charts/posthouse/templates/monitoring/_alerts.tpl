{{/* The alerts, on metrics of operator and relay: (dict "own" selectors "operator" selectors "relay" selectors "attempt" seconds). */}}
{{- define "posthouse.alerts" -}}
- alert: PosthouseStoreRefuses
  expr: max(posthouse_store_up{ {{- .own -}} }) == 0
  for: 2m
  labels: { severity: critical }
  annotations:
    summary: No relay takes mail, because of its store.
    description: /readyz of a relay says what the store lacks.
- alert: PosthouseRelayStoreRefuses
  expr: posthouse_store_up{ {{- .own -}} } == 0
  for: 10m
  labels: { severity: warning }
  annotations:
    summary: The relay {{ "{{ $labels.pod }}" }} takes no mail, because of its store.
    description: /readyz of the pod says what the store lacks.
- alert: PosthouseRedisUnseen
  expr: time() - posthouse_store_seen_timestamp_seconds{ {{- .own -}} } > 120
  for: 2m
  labels: { severity: critical }
  annotations:
    summary: The relay {{ "{{ $labels.pod }}" }} has not heard of its Redis for two minutes.
- alert: PosthouseRedisMemory
  expr: |-
    max(posthouse_store_memory_bytes{ {{- .own -}} ,what="used"})
    / (max(posthouse_store_memory_bytes{ {{- .own -}} ,what="limit"}) > 0) > 0.7
  for: 10m
  labels: { severity: warning }
  annotations:
    summary: The Redis of the store is 70 % full; at 80 % mail is refused.
- alert: PosthouseNotDurable
  expr: max by (mode) (posthouse_store_durability{ {{- .own -}} ,mode="None"}) == 1
  for: 10m
  labels: { severity: warning }
  annotations:
    summary: Relays run on a Redis of which nobody vouches that it keeps mail.
- alert: PosthouseMailIsLate
  expr: max(posthouse_queue_oldest_message_seconds{ {{- .own -}} ,state="Due"}) > 900
  for: 10m
  labels: { severity: warning }
  annotations:
    summary: Mail that could leave has been in the queue for over a quarter of an hour.
    description: The relays do not keep up. PosthouseRelayDown tells when none runs.
- alert: PosthouseDeliveryHangs
  expr: posthouse_lease_age_seconds{ {{- .own -}} } > {{ add .attempt 600 }}
  labels: { severity: warning }
  annotations:
    summary: The relay {{ "{{ $labels.pod }}" }} cannot write down what became of a delivery.
- alert: PosthouseBounces
  expr: |-
    sum(rate(posthouse_relay_events_total{ {{- .own -}} ,type="bounced"}[15m]))
    / sum(rate(posthouse_relay_events_total{ {{- .own -}} ,type=~"delivered|bounced|expired"}[15m])) > 0.1
  for: 15m
  labels: { severity: warning }
  annotations:
    summary: More than a tenth of all recipients bounce.
- alert: PosthouseExpired
  expr: sum(increase(posthouse_relay_events_total{ {{- .own -}} ,type="expired"}[1h])) > 0
  labels: { severity: warning }
  annotations:
    summary: Mail was given up because it grew too old.
- alert: PosthouseWorkersEnd
  expr: sum by (pod) (increase(posthouse_worker_ends_total{ {{- .own -}} }[15m])) > 3
  labels: { severity: warning }
  annotations:
    summary: Workers of the relay {{ "{{ $labels.pod }}" }} end again and again.
- alert: PosthouseReconcileErrors
  expr: sum by (controller) (rate(controller_runtime_reconcile_total{ {{- .own -}} ,result="error"}[10m])) > 0.05
  for: 15m
  labels: { severity: warning }
  annotations:
    summary: The operator fails again and again at {{ "{{ $labels.controller }}" }}.
- alert: PosthouseQueueGrows
  expr: max(workqueue_depth{ {{- .own -}} }) > 1000
  for: 30m
  labels: { severity: warning }
  annotations:
    summary: More than a thousand objects have waited for the operator for half an hour.
- alert: PosthouseNobodyLeads
  expr: max(leader_election_master_status{ {{- .own -}} }) == 0
  for: 5m
  labels: { severity: critical }
  annotations:
    summary: No operator works; mail goes on by what stands, but nothing new is made.
- alert: PosthouseForbidden
  expr: sum(increase(rest_client_requests_total{ {{- .own -}} ,code="403"}[15m])) > 0
  for: 15m
  labels: { severity: warning }
  annotations:
    summary: The API server refuses Posthouse something that it needs.
    description: Its log says what; compare its Roles with those of the chart.
- alert: PosthouseContractsOld
  expr: max(posthouse_contracts_age_seconds{ {{- .own -}} }) > 3600
  labels: { severity: warning }
  annotations:
    summary: A relay has not heard of the API server for over an hour.
    description: It works on what it knows; after seven days it takes no new mail.
- alert: PosthouseContractsTooOld
  expr: max(posthouse_contracts_age_seconds{ {{- .own -}} }) > 432000
  labels: { severity: critical }
  annotations:
    summary: A relay has not heard of the API server for five days; in two more it takes no new mail.
- alert: PosthouseDeletionsHeldBack
  expr: max(posthouse_orphans{ {{- .own -}} ,state="held_back"}) > 0
  labels: { severity: critical }
  annotations:
    summary: Many custom resources went at once; Posthouse deletes nothing until somebody confirms it.
    description: docs/guides/deletions.md tells what to do.
- alert: PosthouseOldKeysInUse
  expr: max(posthouse_old_key_tenants{ {{- .own -}} }) > 0
  for: 24h
  labels: { severity: info }
  annotations:
    summary: Tenants use API keys that were replaced.
- alert: PosthouseOperatorDown
  expr: absent(up{ {{- .operator -}} } == 1)
  for: 5m
  labels: { severity: critical }
  annotations:
    summary: No operator can be scraped; if none runs, mail goes on by what stands, but nothing new is made.
- alert: PosthouseRelayDown
  expr: absent(up{ {{- .relay -}} } == 1)
  for: 5m
  labels: { severity: critical }
  annotations:
    summary: No relay can be scraped; if none runs, nobody takes mail.
{{- end -}}
