{{/* true where the store lies on a volume of the one relay pod. */}}
{{- define "posthouse.storeIsFile" -}}
{{- if and (not .Values.redis.secretName) (hasPrefix "file:" (dig "store" "file:" (default dict .Values.fleet))) -}}true{{- end -}}
{{- end -}}

{{/* The fleet file: what the values say, and what the chart knows for the rest. */}}
{{- define "posthouse.fleet" -}}
{{- $host := default "::" .Values.bindAddress -}}
{{- if contains "$(" $host -}}{{- $host = "::" -}}{{- end -}}
{{- $fleet := dict
      "hostname" (printf "%s-relay.%s.svc" (include "posthouse.fullname" .) .Release.Namespace)
      "listeners" (list
        (dict "name" "submission" "port" 587)
        (dict "name" "submissions" "port" 465 "tls" "Implicit")
        (dict "name" "alternate" "port" 2525))
      "admin" (dict "host" $host "port" 8025) -}}
{{- if ge (int (include "posthouse.seconds" (dig "limits" "stopTimeout" "25s" (default dict .Values.fleet)))) 5 -}}
{{- $_ := set $fleet "limits" (dict "drainDelay" "5s") -}}
{{- end -}}
{{- if include "posthouse.storeIsFile" . -}}
{{- $_ := set $fleet "store" "file:/var/lib/posthouse/store" -}}
{{- end -}}
{{- if include "posthouse.tlsSecretName" . -}}
{{- $_ := set $fleet "tls" (dict "certificateFile" "/etc/posthouse/tls/tls.crt" "keyFile" "/etc/posthouse/tls/tls.key") -}}
{{- end -}}
{{- mergeOverwrite $fleet (deepCopy (default dict .Values.fleet)) | toYaml -}}
{{- end -}}

{{/* A duration of the fleet file in whole seconds, rounded up. */}}
{{- define "posthouse.seconds" -}}
{{- $milliseconds := 0 -}}
{{- $factors := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 -}}
{{- range regexFindAll "[0-9]+(ms|h|m|s)" . -1 -}}
{{- $unit := regexFind "[a-z]+" . -}}
{{- $milliseconds = add $milliseconds (mul (int64 (trimSuffix $unit .)) (int64 (get $factors $unit))) -}}
{{- end -}}
{{- div (add $milliseconds 999) 1000 -}}
{{- end -}}

{{/* How long a relay pod may take to stop. */}}
{{- define "posthouse.relayStopSeconds" -}}
{{- if .Values.relay.stopSeconds -}}
{{- .Values.relay.stopSeconds -}}
{{- else -}}
{{- $limits := dig "limits" dict (include "posthouse.fleet" . | fromYaml) -}}
{{- $drainDelay := include "posthouse.seconds" (dig "drainDelay" "0s" $limits) -}}
{{- $stopTimeout := include "posthouse.seconds" (dig "stopTimeout" "25s" $limits) -}}
{{- add (int64 $drainDelay) (int64 $stopTimeout) 10 -}}
{{- end -}}
{{- end -}}
