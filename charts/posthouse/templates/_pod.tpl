{{/* The pod template of a component: (dict "ctx" . "component" "relay" "args" ... "env" ... "volumes" ... "mounts" ... and so on). */}}
{{- define "posthouse.pod" -}}
{{- $ctx := .ctx -}}
{{- $component := .component -}}
{{- $values := index $ctx.Values $component -}}
{{- $fleet := include "posthouse.fleet" $ctx -}}
{{- $admin := (fromYaml $fleet).admin.port -}}
metadata:
  labels:
    {{- omit (include "posthouse.labels" (list $ctx $component $values.podLabels) | fromYaml) "helm.sh/chart" | toYaml | nindent 4 }}
  annotations:
    checksum/fleet: {{ sha256sum $fleet | quote }}
    {{- with mergeOverwrite (deepCopy (default dict $ctx.Values.commonAnnotations)) (deepCopy (default dict $values.podAnnotations)) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "posthouse.serviceAccountName" (list $ctx $component) | quote }}
  automountServiceAccountToken: true
  enableServiceLinks: false
  {{- with $ctx.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .stopSeconds }}
  securityContext:
    {{- toYaml (merge (dict) (deepCopy (default dict $values.podSecurityContext)) (default dict .podSecurityContext)) | nindent 4 }}
  containers:
    - name: {{ $component }}
      image: {{ include "posthouse.image" $ctx | quote }}
      imagePullPolicy: {{ $ctx.Values.image.pullPolicy }}
      args:
        {{- toYaml (concat .args (list "--fleet" "/etc/posthouse/fleet/fleet.yaml" "--namespace" (include "posthouse.contractNamespace" $ctx) "--log-level" $ctx.Values.logLevel) (default list $values.extraArgs)) | nindent 8 }}
      env:
        - name: POD_NAME
          valueFrom: { fieldRef: { fieldPath: metadata.name } }
        - name: POD_NAMESPACE
          valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
        - name: POD_IP
          valueFrom: { fieldRef: { fieldPath: status.podIP } }
        {{- with $ctx.Values.bindAddress }}
        - name: POSTHOUSE_BIND_ADDRESS
          value: {{ . | quote }}
        {{- end }}
        {{- with .env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with $values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: admin
          containerPort: {{ $admin }}
        {{- with .ports }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      startupProbe:
        httpGet: { path: /healthz, port: admin }
        {{- with $values.startupProbe }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      livenessProbe:
        httpGet: { path: /healthz, port: admin }
        {{- with $values.livenessProbe }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      readinessProbe:
        httpGet: { path: /readyz, port: admin }
        {{- with $values.readinessProbe }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      securityContext:
        {{- toYaml $values.securityContext | nindent 8 }}
      volumeMounts:
        - name: fleet
          mountPath: /etc/posthouse/fleet
          readOnly: true
        - name: tmp
          mountPath: /tmp
        {{- with .mounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: fleet
      configMap:
        name: {{ include "posthouse.fullname" $ctx }}-fleet
    - name: tmp
      emptyDir: {}
    {{- with .volumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- $selector := dict "matchLabels" (include "posthouse.selectorLabels" (list $ctx $component) | fromYaml) }}
    {{- range default (list (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway")) $values.topologySpreadConstraints }}
    {{- list (merge (dict) . (dict "labelSelector" $selector)) | toYaml | nindent 4 }}
    {{- end }}
{{- end -}}
