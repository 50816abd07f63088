{{/* What all pods of the chart have in common. */}}

{{/* On OpenShift without users and groups: the SCC restricted-v2 gives each namespace a range, and refuses all others. */}}
{{- define "dkron.podSecurity" -}}
runAsNonRoot: true
{{- if not (include "dkron.openshift" .) }}
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "dkron.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
{{- end }}

{{/* Whether the cluster chooses users and groups, as OpenShift does: "true", else empty. */}}
{{- define "dkron.openshift" -}}
{{- if eq (toString .Values.openshift) "auto" }}
{{- if .Capabilities.APIVersions.Has "security.openshift.io/v1" }}true{{ end }}
{{- else if .Values.openshift }}true{{ end }}
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
{{- include "dkron.place" $own }}
{{- range $field := list "runtimeClassName" "dnsPolicy" }}
{{- with get $own $field }}
{{ $field }}: {{ . }}
{{- end }}
{{- end }}
{{- range $field := list "hostAliases" "dnsConfig" }}
{{- with get $own $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
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

{{/* The containers of a pod that are not the chart's, called with the name of the value and the values of the parts. */}}
{{- define "dkron.more" -}}
{{- $containers := list }}
{{- range rest . }}{{ $containers = concat $containers (get . (first $)) }}{{ end }}
{{- with $containers }}{{ toYaml . }}{{ end }}
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
# A sentence names a missing file: kubectl describe pod shows it.
terminationMessagePolicy: FallbackToLogsOnError
resources:
  {{- toYaml $own.resources | nindent 2 }}
securityContext:
  {{- mustMergeOverwrite (fromYaml (include "dkron.containerSecurity" $root)) $own.securityContext | toYaml | nindent 2 }}
volumeMounts:
  - name: {{ index . 1 }}-tmp
    mountPath: /tmp
  {{- if $own.serviceAccount.automount }}
  - name: {{ index . 1 }}-token
    mountPath: /var/run/secrets/kubernetes.io/serviceaccount
    readOnly: true
  {{- end }}
  {{- if include "dkron.sharesToken" $root }}
  - name: rest-token
    mountPath: {{ include "dkron.restTokenFolder" $root }}
    {{- if eq (index . 1) "api" }}
    readOnly: true
    {{- end }}
  {{- end }}
  {{- if eq (include "dkron.archive" $root) "sqlite" }}
  - name: archive
    mountPath: {{ include "dkron.archiveFolder" $root }}
  {{- end }}
  {{- with $own.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- if eq (index . 1) "api" }}
  {{- with include "dkron.restMounts" $root | trim }}
  {{- . | nindent 2 }}
  {{- end }}
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
  {{- if include "dkron.sharesToken" . }}
  - name: DKRON_REST_ACCOUNT
    value: {{ include "dkron.serviceAccount" (list . "api") }}
  - name: DKRON_REST_TOKEN_FILE
    value: {{ include "dkron.restTokenFolder" . }}/token
  {{- end }}
  - name: DKRON_POD_SECURITY
    value: {{ ternary "unset" .Values.jobs.podSecurity (eq (include "dkron.openshift" .) "true") }}
  - name: DKRON_LEASE_DURATION
    value: {{ $own.lease.durationSeconds | quote }}
  - name: DKRON_LEASE_RENEW_DEADLINE
    value: {{ $own.lease.renewDeadlineSeconds | quote }}
  - name: DKRON_LEASE_RETRY_PERIOD
    value: {{ $own.lease.retryPeriodSeconds | quote }}
  {{- with include "dkron.budgetEnv" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
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
  {{- with include "dkron.archiveEnv" (list . "operator") | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "dkron.retentionEnv" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .Values.jobs.outputDir }}
  - name: DKRON_OUTPUT_DIR
    value: {{ . | quote }}
  {{- end }}
  # All addresses, of IPv4 and of IPv6.
  - name: DKRON_MONITORING_HOST
    value: ""
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
{{- /* /healthz, not /readyz: a process that works waits for the API server, and a restart would not help. */}}
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
  # All addresses, of IPv4 and of IPv6.
  - name: DKRON_API_HOST
    value: ""
  - name: DKRON_API_PORT
    value: "8080"
  - name: DKRON_API_NAMESPACE
    value: {{ include "dkron.served" . }}
  - name: DKRON_API_NAMESPACES
    value: {{ include "dkron.servedNamespaces" . | quote }}
  - name: DKRON_API_CLUSTER_NAMESPACE
    value: {{ .Release.Namespace }}
  {{- if has "dkron" $own.auth }}
  - name: DKRON_API_TOKEN_NAMESPACE
    value: {{ include "dkron.tokenNamespace" . }}
  {{- end }}
  - name: DKRON_API_AUTH
    value: {{ join "," $own.auth | quote }}
  {{- with include "dkron.archiveEnv" (list . "api") | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- if eq $own.mode "deployment" }}
  - name: DKRON_API_BESIDE_OPERATOR
    value: "false"
  {{- end }}
  {{- if include "dkron.sharesToken" . }}
  - name: DKRON_API_KUBE_TOKEN_FILE
    value: {{ include "dkron.restTokenFolder" . }}/token
  {{- end }}
  {{- with $own.audiences }}
  - name: DKRON_API_AUDIENCES
    value: {{ join "," . | quote }}
  {{- end }}
  {{- with include "dkron.oidcEnv" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  - name: DKRON_API_ALLOWED_HOSTS
    value: {{ include "dkron.allowedHosts" . | quote }}
  {{- with $own.trustedProxies }}
  - name: DKRON_API_TRUSTED_PROXIES
    value: {{ join "," . | quote }}
  {{- end }}
  {{- with $own.rootPath }}
  - name: DKRON_API_ROOT_PATH
    value: {{ . | quote }}
  {{- end }}
  {{- with $own.traceUrl }}
  - name: DKRON_API_TRACE_URL
    value: {{ . | quote }}
  {{- end }}
  {{- if include "dkron.tlsSecret" . }}
  - name: DKRON_API_TLS_CERT
    value: {{ include "dkron.tlsFolder" . }}/tls.crt
  - name: DKRON_API_TLS_KEY
    value: {{ include "dkron.tlsFolder" . }}/tls.key
  {{- end }}
  {{- with $own.corsOrigins }}
  - name: DKRON_API_CORS_ORIGINS
    value: {{ join "," . | quote }}
  {{- end }}
  {{- if not (kindIs "invalid" $own.rate) }}
  - name: DKRON_API_RATE
    value: {{ $own.rate | quote }}
  {{- end }}
  {{- with $own.maxStreamsPerCaller }}
  - name: DKRON_API_MAX_STREAMS_PER_CALLER
    value: {{ int64 . | quote }}
  {{- end }}
  {{- if not $own.watchJobs }}
  - name: DKRON_API_WATCH_JOBS
    value: "false"
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
{{- /* /livez says that the process answers. /health is 503 while the cache is old, and others are under load: a restart
would not help. */}}
{{- $get := dict "port" "http" }}
{{- if include "dkron.tlsSecret" . }}{{ $get = set $get "scheme" "HTTPS" }}{{ end }}
{{- with $own.startupProbe }}
startupProbe:
  httpGet: {{- merge (dict "path" "/livez") $get | toYaml | nindent 4 }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.livenessProbe }}
livenessProbe:
  httpGet: {{- merge (dict "path" "/livez") $get | toYaml | nindent 4 }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.readinessProbe }}
readinessProbe:
  httpGet: {{- merge (dict "path" "/health") $get | toYaml | nindent 4 }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Volumes of a pod, called with (list $ "operator" "api"): the parts that are in it, the volume of the pod's account first. */}}
{{- define "dkron.volumes" -}}
{{- $root := first . -}}
{{- range $place, $part := rest . }}
{{- $own := get $root.Values $part }}
- name: {{ $part }}-tmp
  emptyDir:
    sizeLimit: 64Mi
{{- if $own.serviceAccount.automount }}
- name: {{ $part }}-token
  {{- include "dkron.accountFiles" (eq $place 0) | nindent 2 }}
{{- end }}
{{- with $own.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- if eq (include "dkron.archive" $root) "sqlite" }}
- name: archive
  persistentVolumeClaim:
    claimName: {{ default (include "dkron.name" (list $root "archive")) $root.Values.archive.sqlite.existingClaim }}
{{- end }}
{{- if include "dkron.sharesToken" $root }}
- name: rest-token
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
{{- end }}
{{- end }}

{{/* The files with which a program reaches the API server, as Kubernetes mounts them. The token of the pod's own account is
from the kubelet, which renews it; the operator provides the token of the other account in the pod. Not 3607 seconds, as Kubernetes
itself would ask for: the API server makes a year of them. */}}
{{- define "dkron.accountFiles" -}}
projected:
  sources:
    {{- if . }}
    - serviceAccountToken:
        path: token
        expirationSeconds: 3600
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
