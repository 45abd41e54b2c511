{{/* A Role with its binding; without a namespace a ClusterRole: (dict "ctx" . "component" ... "name" ... "namespace" ... "rules" ... "account" ...). */}}
{{- define "posthouse.role" }}
{{- $prefix := ternary "" "Cluster" (hasKey . "namespace") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $prefix }}Role
metadata:
  {{- include "posthouse.metadata" . | nindent 2 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $prefix }}RoleBinding
metadata:
  {{- include "posthouse.metadata" . | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $prefix }}Role
  name: {{ .name | quote }}
subjects:
  - kind: ServiceAccount
    name: {{ .account | quote }}
    namespace: {{ .ctx.Release.Namespace | quote }}
{{- end -}}

{{/* Keys, contracts, credentials and records are Secrets and ConfigMaps. The history of keys, a ConfigMap, is never deleted. */}}
{{- define "posthouse.contractRules" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch]
{{- end -}}

{{/* What the operator does where tenants are. */}}
{{- define "posthouse.tenantRules" -}}
- apiGroups: [posthouse.dev]
  resources: [relaytenants, sendingdomains]
  verbs: [list, watch]
- apiGroups: [posthouse.dev]
  resources: [relaytenants/status, sendingdomains/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [secrets, configmaps]
  verbs: [get, list, watch, create, patch, delete]
{{- if dig "dnsAutomation" list (default dict .Values.fleet) }}
- apiGroups: [externaldns.k8s.io]
  resources: [dnsendpoints]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* What the operator does in its own namespace: the lease of the one that works, and relays to ask for usage. */}}
{{- define "posthouse.ownRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [posthouse-operator]
  verbs: [get, update]
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
{{- end -}}

{{/* All that a relay reads of the cluster: contracts, keys and credentials for smarthosts. */}}
{{- define "posthouse.contractReaderRules" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch]
{{- end -}}

{{- define "posthouse.tokenReviewRules" -}}
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
{{- end -}}
