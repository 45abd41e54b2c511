{{/*
What Helm refuses, for it alone sees what is there: a plain rendering, such as Argo CD's, refuses nothing. An upgrade that would leave
something behind with nobody to look after it: whoever brings it along, or wants it left, stops what uses it first.
*/}}

{{- define "posthouse.refuseMailLeftOnVolume" -}}
{{- $name := printf "%s-relay" (include "posthouse.fullname" .) -}}
{{- $isFile := include "posthouse.storeIsFile" . -}}
{{- range dig "items" list (lookup "apps/v1" "StatefulSet" .Release.Namespace "") -}}
{{- $labels := default dict .metadata.labels -}}
{{- $isOurs := and (eq (dig "app.kubernetes.io/instance" "" $labels) $.Release.Name) (eq (dig "app.kubernetes.io/component" "" $labels) "relay") -}}
{{- $isLeft := or (not $isFile) (ne .metadata.name $name) -}}
{{- if and $isOurs $isLeft (gt (int (dig "spec" "replicas" 0 .)) 0) -}}
{{- fail (printf "the mail that waits and the credits that are used are on the volume of the StatefulSet %[1]s, and nobody would look after them there. Stop the relay (kubectl --namespace %[2]s scale statefulset %[1]s --replicas 0), move them to the store that is to take its place as docs/guides/upgrade.md tells, and upgrade then" .metadata.name $.Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "posthouse.refuseMailLeftInRedis" -}}
{{- if include "posthouse.storeIsFile" . -}}
{{- range dig "items" list (lookup "apps/v1" "Deployment" .Release.Namespace "") -}}
{{- $labels := default dict .metadata.labels -}}
{{- $isOurs := and (eq (dig "app.kubernetes.io/instance" "" $labels) $.Release.Name) (eq (dig "app.kubernetes.io/component" "" $labels) "relay") -}}
{{- if and $isOurs (gt (int (dig "spec" "replicas" 0 .)) 0) -}}
{{- fail (printf "the mail that waits and the credits that are used are in the Redis of the Deployment %[1]s, and nobody would look after them there. Stop the relays (kubectl --namespace %[2]s scale deployment %[1]s --replicas 0), move them to the volume as docs/guides/upgrade.md tells, and upgrade then" .metadata.name $.Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "posthouse.refuseKeysLeftBehind" -}}
{{- $name := printf "%s-operator" (include "posthouse.fullname" .) -}}
{{- $wanted := include "posthouse.contractNamespace" . -}}
{{- $operator := lookup "apps/v1" "Deployment" .Release.Namespace $name -}}
{{- if gt (int (dig "spec" "replicas" 0 $operator)) 0 -}}
{{- range dig "spec" "template" "spec" "containers" list $operator -}}
{{- $before := regexFind "(^| )--namespace [^ ]+" (join " " .args) | trim | trimPrefix "--namespace " -}}
{{- if and (eq .name "operator") $before (ne $before $wanted) -}}
{{- fail (printf "contractNamespace would change from %[1]s to %[2]s, and keys, credentials and contracts do not follow: an operator that does not find them makes new ones, with new records to publish and new API keys. Stop the operator (kubectl --namespace %[3]s scale deployment %[4]s --replicas 0), copy what is in %[1]s to %[2]s as docs/guides/backup.md tells, and upgrade then" $before $wanted $.Release.Namespace $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Two releases in one namespace would share contracts, keys and the Lease of the operator that works: the second is not installed.
Where no API server is asked, as by helm template, none is found.
*/}}
{{- define "posthouse.refuseSecond" -}}
{{- if .Release.IsInstall -}}
{{- range (lookup "apps/v1" "Deployment" .Release.Namespace "").items -}}
{{- $labels := default dict .metadata.labels -}}
{{- $other := get $labels "app.kubernetes.io/instance" -}}
{{- if and (eq (get $labels "app.kubernetes.io/part-of") "posthouse") (ne $other $.Release.Name) -}}
{{- fail (printf "the namespace %s has the release %s of Posthouse already: give this one a namespace of its own" $.Release.Namespace $other) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
