{{/* What all pods of the chart have in common. */}}

{{- define "dkron.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "dkron.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
{{- end }}

{{/* A pod's fields around its containers, called with (list $ "operator"). */}}
{{- define "dkron.pod" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
{{- $own := get $root.Values $part -}}
serviceAccountName: {{ include "dkron.serviceAccount" . }}
# Each container mounts the token of its own account; a container that is added gets none.
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $own.terminationGracePeriodSeconds }}
securityContext:
  {{- mustMergeOverwrite (fromYaml (include "dkron.podSecurity" $root)) $own.podSecurityContext | toYaml | nindent 2 }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $own.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "dkron.spread" $own | fromYamlArray }}
topologySpreadConstraints:
  {{- range . }}
  -
    {{- if not (hasKey . "labelSelector") }}
    labelSelector:
      matchLabels:
        {{- include "dkron.selector" (list $root $part) | nindent 8 }}
    {{- end }}
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* How the pods of a part, with these values, are spread: as they say, else several of them as far as that is possible.
The hash is there for pods of a new version to be spread among themselves. */}}
{{- define "dkron.spread" -}}
{{- if .topologySpreadConstraints }}
{{- toYaml .topologySpreadConstraints }}
{{- else if and (gt (int .replicas) 1) (empty .affinity) }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end }}

{{/* A pod's labels and annotations. Not the chart's version, which would replace pods that have not changed. */}}
{{- define "dkron.podMetadata" -}}
{{- $root := index . 0 -}}
{{- $own := get $root.Values (index . 1) -}}
labels:
  {{- include "dkron.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ $root.Chart.AppVersion | replace "+" "_" | quote }}
  app.kubernetes.io/part-of: dkron-operator
  {{- if and $root.Values.api.enabled (eq (index . 1) (ternary "operator" "api" (eq $root.Values.api.mode "sidecar"))) }}
  {{- include "dkron.restLabel" $root | nindent 2 }}
  {{- end }}
  {{- with $root.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with $own.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $own.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The fields of a container that are the same for each part. */}}
{{- define "dkron.container" -}}
{{- $root := index . 0 -}}
{{- $own := get $root.Values (index . 1) -}}
image: {{ include "dkron.image" $root | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
{{- with $own.extraArgs }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
# What is missing is said in a sentence: kubectl describe pod shows it.
terminationMessagePolicy: FallbackToLogsOnError
resources:
  {{- toYaml $own.resources | nindent 2 }}
securityContext:
  {{- mustMergeOverwrite (fromYaml (include "dkron.containerSecurity" $root)) $own.securityContext | toYaml | nindent 2 }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- if $own.serviceAccount.automount }}
  - name: {{ index . 1 }}-token
    mountPath: /var/run/secrets/kubernetes.io/serviceaccount
    readOnly: true
  {{- end }}
  {{- with $own.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "dkron.podNameEnv" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end }}

{{- define "dkron.operatorContainer" -}}
{{- $own := .Values.operator -}}
name: operator
command: [dkron-operator]
{{ include "dkron.container" (list . "operator") }}
env:
  {{- include "dkron.podNameEnv" . | nindent 2 }}
  - name: POD_IP
    valueFrom:
      fieldRef:
        fieldPath: status.podIP
  {{- with include "dkron.watched" . }}
  - name: DKRON_NAMESPACE
    value: {{ . | quote }}
  {{- end }}
  - name: DKRON_CLUSTER_NAMESPACE
    value: {{ .Release.Namespace }}
  {{- if .Values.jobs.inReleaseNamespace }}
  - name: DKRON_RUN_IN_OWN_NAMESPACE
    value: "true"
  {{- end }}
  {{- with $own.refusedNamespaces }}
  - name: DKRON_REFUSED_NAMESPACES
    value: {{ join "," . | quote }}
  {{- end }}
  - name: DKRON_REFUSED_ACCOUNTS
    value: {{ include "dkron.ownAccounts" . | quote }}
  - name: DKRON_POD_SECURITY
    value: {{ .Values.jobs.podSecurity }}
  - name: DKRON_LEASE_DURATION
    value: {{ $own.lease.durationSeconds | quote }}
  - name: DKRON_LEASE_RENEW_DEADLINE
    value: {{ $own.lease.renewDeadlineSeconds | quote }}
  - name: DKRON_LEASE_RETRY_PERIOD
    value: {{ $own.lease.retryPeriodSeconds | quote }}
  - name: DKRON_EXECUTOR_IMAGE
    value: {{ default (include "dkron.image" .) .Values.jobs.executorImage | quote }}
  {{- with .Values.jobs.defaultImage }}
  - name: DKRON_DEFAULT_IMAGE
    value: {{ . | quote }}
  {{- end }}
  {{- with .Values.jobs.inlineCalls }}
  - name: DKRON_INLINE_CALLS
    value: {{ . | quote }}
  {{- end }}
  {{- with .Values.jobs.inlineAllow }}
  - name: DKRON_INLINE_ALLOW
    value: {{ join "," . | quote }}
  {{- end }}
  {{- with .Values.jobs.inlineDeny }}
  - name: DKRON_INLINE_DENY
    value: {{ join "," . | quote }}
  {{- end }}
  {{- if .Values.jobs.strict }}
  - name: DKRON_STRICT
    value: "true"
  {{- end }}
  - name: DKRON_DATACENTER
    value: {{ .Values.jobs.datacenter | quote }}
  - name: DKRON_REGION
    value: {{ .Values.jobs.region | quote }}
  {{- with .Values.jobs.outputDir }}
  - name: DKRON_OUTPUT_DIR
    value: {{ . | quote }}
  {{- end }}
  - name: DKRON_MONITORING_HOST
    value: 0.0.0.0
  - name: DKRON_MONITORING_PORT
    value: "8081"
  {{- if .Values.monitoring.perJob }}
  - name: DKRON_METRICS_PER_JOB
    value: "true"
  {{- end }}
  - name: DKRON_LOG_FORMAT
    value: {{ $own.log.format }}
  - name: DKRON_LOG_LEVEL
    value: {{ $own.log.level }}
  {{- with include "dkron.tracingEnv" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with $own.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  - name: metrics
    containerPort: 8081
{{- with $own.startupProbe }}
startupProbe:
  httpGet: {path: /readyz, port: metrics}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.livenessProbe }}
livenessProbe:
  httpGet: {path: /healthz, port: metrics}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.readinessProbe }}
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "dkron.apiContainer" -}}
{{- $own := .Values.api -}}
name: api
command: [dkron-api]
{{ include "dkron.container" (list . "api") }}
env:
  {{- include "dkron.podNameEnv" . | nindent 2 }}
  - name: DKRON_API_HOST
    value: 0.0.0.0
  - name: DKRON_API_PORT
    value: "8080"
  - name: DKRON_API_NAMESPACE
    value: {{ include "dkron.served" . }}
  - name: DKRON_API_NAMESPACES
    value: {{ include "dkron.servedNamespaces" . | quote }}
  - name: DKRON_API_CLUSTER_NAMESPACE
    value: {{ .Release.Namespace }}
  - name: DKRON_API_AUTH
    value: {{ join "," $own.auth | quote }}
  {{- with $own.audiences }}
  - name: DKRON_API_AUDIENCES
    value: {{ join "," . | quote }}
  {{- end }}
  - name: DKRON_API_ALLOWED_HOSTS
    value: {{ include "dkron.allowedHosts" . | quote }}
  {{- with $own.corsOrigins }}
  - name: DKRON_API_CORS_ORIGINS
    value: {{ join "," . | quote }}
  {{- end }}
  {{- with $own.rate }}
  - name: DKRON_API_RATE
    value: {{ . | quote }}
  {{- end }}
  {{- if $own.runWaits }}
  - name: DKRON_API_RUN_WAITS
    value: "true"
  {{- end }}
  {{- if .Values.jobs.strict }}
  - name: DKRON_API_STRICT
    value: "true"
  {{- end }}
  - name: DKRON_API_DATACENTER
    value: {{ .Values.jobs.datacenter | quote }}
  - name: DKRON_API_REGION
    value: {{ .Values.jobs.region | quote }}
  - name: DKRON_API_LOG_FORMAT
    value: {{ $own.log.format }}
  - name: DKRON_API_LOG_LEVEL
    value: {{ $own.log.level }}
  {{- with include "dkron.tracingEnv" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with $own.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  - name: http
    containerPort: 8080
lifecycle:
  preStop:
    {{- include "dkron.restPreStop" . | nindent 4 }}
{{- with $own.startupProbe }}
startupProbe:
  tcpSocket: {port: http}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- /* A connection, not an answer: under load an answer may be 503, and a restart would not help. */}}
{{- with $own.livenessProbe }}
livenessProbe:
  tcpSocket: {port: http}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.readinessProbe }}
readinessProbe:
  httpGet: {path: /health, port: http}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Volumes of a pod, called with (list $ "operator" "api"): the parts that are in it, that of the pod's account first. */}}
{{- define "dkron.volumes" -}}
{{- $root := first . -}}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- range $place, $part := rest . }}
{{- $own := get $root.Values $part }}
{{- if $own.serviceAccount.automount }}
- name: {{ $part }}-token
  {{- include "dkron.tokenFiles" (list $root (eq $place 0)) | nindent 2 }}
{{- end }}
{{- with $own.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end }}

{{/* The three files with which a program reaches the API server, as Kubernetes mounts them: a token of the pod's own account,
which the kubelet renews, or one from the Secret of the other account that is in the pod. */}}
{{- define "dkron.tokenFiles" -}}
projected:
  sources:
    {{- if last . }}
    - serviceAccountToken:
        path: token
        expirationSeconds: 3607
    {{- else }}
    # The pod waits until Kubernetes has written this key.
    - secret:
        name: {{ include "dkron.restTokenSecret" (first .) }}
        items: [{key: token, path: token}]
    {{- end }}
    - configMap:
        name: kube-root-ca.crt
        items: [{key: ca.crt, path: ca.crt}]
    - downwardAPI:
        items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]
{{- end }}

{{/* Where traces go, and what they say of the pod. */}}
{{- define "dkron.tracingEnv" -}}
{{- with .Values.tracing.endpoint -}}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- with $.Values.tracing.resourceAttributes }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ include "dkron.attributes" . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "dkron.attributes" -}}
{{- $parts := list }}
{{- range $key, $value := . }}{{ $parts = append $parts (printf "%s=%s" $key $value) }}{{ end }}
{{- join "," $parts }}
{{- end }}
