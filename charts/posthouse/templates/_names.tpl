{{/*
What the names of all objects begin with: the release's name. A StatefulSet's name may have 52 characters, or its pods cannot be
labelled with its revision; "-relay" is six of them.
*/}}
{{- define "posthouse.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | replace "." "-" | trunc 46 | trimSuffix "-" -}}
{{- end -}}

{{- define "posthouse.contractNamespace" -}}
{{- default .Release.Namespace .Values.contractNamespace -}}
{{- end -}}

{{/* The ServiceAccount of a component: (list . "relay"). */}}
{{- define "posthouse.serviceAccountName" -}}
{{- $ctx := index . 0 -}}
{{- $component := index . 1 -}}
{{- $account := (index $ctx.Values $component).serviceAccount -}}
{{- if $account.create -}}
{{- default (printf "%s-%s" (include "posthouse.fullname" $ctx) $component) $account.name -}}
{{- else -}}
{{- default "default" $account.name -}}
{{- end -}}
{{- end -}}

{{/* Secret with the certificate of the listeners; empty when relays make one themselves. */}}
{{- define "posthouse.tlsSecretName" -}}
{{- if .Values.tls.secretName -}}
{{- .Values.tls.secretName -}}
{{- else if .Values.tls.certManager.enabled -}}
{{- printf "%s-tls" (include "posthouse.fullname" .) -}}
{{- end -}}
{{- end -}}

{{/* Labels by which pods of a component are found: (list . "relay"). */}}
{{- define "posthouse.selectorLabels" -}}
{{- $ctx := index . 0 -}}
app.kubernetes.io/name: {{ default $ctx.Chart.Name $ctx.Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ $ctx.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of an object: (list . "relay" labels...). */}}
{{- define "posthouse.labels" -}}
{{- $ctx := index . 0 -}}
{{- $own := include "posthouse.selectorLabels" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/version" (toString $ctx.Chart.AppVersion) -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" $ctx.Release.Service -}}
{{- $_ := set $own "app.kubernetes.io/part-of" "posthouse" -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" $ctx.Chart.Name ($ctx.Chart.Version | replace "+" "_")) -}}
{{- $all := deepCopy (default dict $ctx.Values.commonLabels) -}}
{{- range slice . 2 -}}
{{- $all = mergeOverwrite $all (deepCopy (default dict .)) -}}
{{- end -}}
{{- mergeOverwrite $all $own | toYaml -}}
{{- end -}}

{{/* metadata of an object: (dict "ctx" . "name" ... "component" ... "namespace" ... "labels" ... "annotations" ...). */}}
{{- define "posthouse.metadata" -}}
name: {{ .name | quote }}
{{- with .namespace }}
namespace: {{ . | quote }}
{{- end }}
labels:
  {{- include "posthouse.labels" (list .ctx .component (default dict .labels)) | nindent 2 }}
{{- $annotations := mergeOverwrite (deepCopy (default dict .ctx.Values.commonAnnotations)) (deepCopy (default dict .annotations)) }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "posthouse.image" -}}
{{- $image := merge (dict) .Values.image (dict "repository" "posthouse") -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Whether a kind of somebody else's API is to be rendered: (list . "monitoring.coreos.com/v1/ServiceMonitor" mode). */}}
{{- define "posthouse.renders" -}}
{{- $ctx := index . 0 -}}
{{- if or (eq (index . 2) "Always") ($ctx.Capabilities.APIVersions.Has (index . 1)) -}}true{{- end -}}
{{- end -}}
