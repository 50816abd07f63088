{{/* Rights, by what they are for. tests/chart compares them with those that the tests prove to be needed. */}}

{{/* Whether to give the rights about Kueue. */}}
{{- define "dkron.asksKueue" -}}
{{- if eq (toString .Values.kueue.enabled) "auto" }}
{{- if .Capabilities.APIVersions.Has "kueue.x-k8s.io/v1beta2" }}true{{ end }}
{{- else if .Values.kueue.enabled }}true{{ end }}
{{- end }}

{{/* The operator, in each namespace with jobs. */}}
{{- define "dkron.rules.operatorJobs" -}}
- apiGroups: [dkron.io]
  resources: [dkronjobs]
  verbs: [get, list, watch, patch, delete]
- apiGroups: [dkron.io]
  resources: [dkronpauses, dkronpools]
  verbs: [list, watch]
- apiGroups: [dkron.io]
  resources: [dkronjobs/status, dkronpauses/status, dkronpools/status]
  verbs: [patch]
- apiGroups: [dkron.io]
  resources: [dkronbackfills]
  verbs: [get, list, watch, delete]
- apiGroups: [dkron.io]
  resources: [dkronbackfills/status]
  verbs: [patch]
- apiGroups: [dkron.io]
  resources: [dkronruns]
  verbs: [create, get, list, watch, delete]
- apiGroups: [dkron.io]
  resources: [dkronruns/status]
  verbs: [patch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, get, list, watch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, list]
{{- if include "dkron.asksKueue" . }}
# Why Jobs wait in a queue of Kueue.
- apiGroups: [kueue.x-k8s.io]
  resources: [localqueues]
  verbs: [get]
- apiGroups: [kueue.x-k8s.io]
  resources: [workloads]
  verbs: [list]
{{- end }}
{{- end }}

{{/* The operator, in the namespace of the release: what is said of the installation, and who leads it. */}}
{{- define "dkron.rules.operatorHome" -}}
- apiGroups: [dkron.io]
  resources: [dkronclusters]
  verbs: [get, list, watch, create]
# Pauses of all namespaces, and pools of several.
- apiGroups: [dkron.io]
  resources: [dkronpauses, dkronpools]
  verbs: [list, watch]
- apiGroups: [dkron.io]
  resources: [dkronclusters/status, dkronpauses/status, dkronpools/status]
  verbs: [patch]
# The chart creates it: a right to create cannot name the object.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [dkron]
  verbs: [get, patch]
{{- if include "dkron.sharesToken" . }}
# Tokens for the REST API in its pod.
- apiGroups: [""]
  resources: [serviceaccounts/token]
  resourceNames: [{{ include "dkron.serviceAccount" (list . "api") }}]
  verbs: [create]
{{- end }}
# Its own: how many replicas there are.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
{{- with .Values.rbac.secretNames }}
# Those that receivers and notifications of the DkronCluster name.
- apiGroups: [""]
  resources: [secrets]
  resourceNames:
    {{- toYaml . | nindent 4 }}
  verbs: [get]
{{- end }}
{{- end }}

{{/* The REST API, in each namespace that it serves. */}}
{{- define "dkron.rules.apiJobs" -}}
- apiGroups: [dkron.io]
  resources: [dkronjobs]
  verbs: [list, watch, get, create, patch, delete]
# Runs with values of parameters or an Idempotency-Key, and runs of backfills. Clients may withdraw them.
- apiGroups: [dkron.io]
  resources: [dkronruns]
  verbs: [get, list, create, delete]
- apiGroups: [dkron.io]
  resources: [dkronbackfills, dkronpauses]
  verbs: [get, list, create, patch, delete]
# The places of runs that wait.
- apiGroups: [dkron.io]
  resources: [dkronpools]
  verbs: [list]
- apiGroups: [dkron.io]
  resources: [dkronjobs/status]
  verbs: [patch]
{{- if .Values.api.watchJobs }}
# Runs that have just begun: only their Jobs show them.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, watch]
{{- end }}
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
{{- if include "dkron.asksKueue" . }}
# At which places Jobs wait in a queue of Kueue.
- apiGroups: [visibility.kueue.x-k8s.io]
  resources: [localqueues/pendingworkloads]
  verbs: [get]
{{- end }}
{{- if include "dkron.archive" . }}
# When the namespace was created: it sees nothing of the archive from before. A Role in a namespace gives this for it.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- end }}
{{- end }}

{{/* The REST API, in the namespace of the release. */}}
{{- define "dkron.rules.apiHome" -}}
- apiGroups: [dkron.io]
  resources: [dkronclusters]
  resourceNames: [dkron]
  verbs: [list, watch, patch]
- apiGroups: [dkron.io]
  resources: [dkronpolicies]
  verbs: [list, watch{{ if include "dkron.asksPolicies" . }}, create, patch, delete{{ end }}]
# Pauses of all namespaces, for the page of each, and pools of several.
- apiGroups: [dkron.io]
  resources: [dkronpauses, dkronpools]
  verbs: [list]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [dkron]
  verbs: [list, watch{{ if eq .Values.api.mode "sidecar" }}, patch{{ end }}]
{{- end }}

{{/* The REST API, in the namespace of its own tokens: it reads Secrets of the type dkron.io/token. A Role cannot name a
type, and a watch by name sees no new token. */}}
{{- define "dkron.rules.apiTokens" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch]
{{- end }}

{{/* A pod with only the REST API that is about to end: whether another one is ready. */}}
{{- define "dkron.rules.handOver" -}}
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list]
{{- end }}

{{/* The hook that applies the value cluster. */}}
{{- define "dkron.rules.cluster" -}}
- apiGroups: [dkron.io]
  resources: [dkronclusters]
  resourceNames: [dkron]
  verbs: [create, patch]
{{- end }}

{{/* Nodes have no namespace: for jobs with tags, and for GET /v1/members. */}}
{{- define "dkron.rules.nodes" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- end }}

{{/* A Role and its binding, called with (dict "root" $ "part" "operator" "name" "operator-home" "namespace" … "account" "name" "rules" …). */}}
{{- define "dkron.role" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ include "dkron.name" (list .root .name) }}
  namespace: {{ .namespace }}
  labels:
    {{- include "dkron.labels" (list .root .part) | nindent 4 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ include "dkron.name" (list .root .name) }}
  namespace: {{ .namespace }}
  labels:
    {{- include "dkron.labels" (list .root .part) | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ include "dkron.name" (list .root .name) }}
subjects:
  - kind: ServiceAccount
    name: {{ .account }}
    namespace: {{ .root.Release.Namespace }}
{{- end }}

{{- define "dkron.clusterRole" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "dkron.clusterName" (list .root .name) }}
  labels:
    {{- include "dkron.labels" (list .root .part) | nindent 4 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ include "dkron.clusterName" (list .root .name) }}
  labels:
    {{- include "dkron.labels" (list .root .part) | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ include "dkron.clusterName" (list .root .name) }}
subjects:
  - kind: ServiceAccount
    name: {{ .account }}
    namespace: {{ .root.Release.Namespace }}
{{- end }}
