{{/* Legal values that may surprise, for NOTES.txt: a line for each. */}}
{{- define "dkron.warnings" }}
{{- $left := list }}
{{- range ternary (list "jobs" "api" "secrets") (list "jobs" "secrets") .Values.api.enabled }}
{{- if and (eq (toString (get $.Values.admissionPolicies .)) "auto") (not (include "dkron.admission" (list $ .))) }}{{ $left = append $left . }}{{ end }}
{{- end }}
{{- if $left }}
WARNING: auto in admissionPolicies installs nothing for {{ join ", " $left }}, because this release has no other cluster-wide rights: users who may create Jobs can forge runs, and a DkronRun may name any Secret of its namespace. Have an administrator install the policies, with admissionPolicies.NAME=true, or set them to false.
{{- end }}
{{- if .Values.api.enabled }}
{{- $served := include "dkron.servedNamespaces" . }}
NOTE: the account of the REST API may write DkronJobs in {{ if eq $served "*" }}all namespaces{{ else }}namespace {{ replace "," ", " $served }}{{ end }}. A job can print each Secret of its namespace, so the account reaches every Secret there.{{ if ne $served (include "dkron.served" .) }} To serve only namespace {{ include "dkron.served" . }}, set api.namespaces=[].{{ end }}
{{- if and (has "dkron" .Values.api.auth) (eq (include "dkron.tokenNamespace" .) .Release.Namespace) }}
{{ if .Values.archive.postgresql.secretName }}WARNING{{ else }}NOTE{{ end }}: the account of the REST API also reads all Secrets of namespace {{ .Release.Namespace }}, where its tokens are{{ with .Values.archive.postgresql.secretName }}, and with them the archive's URL in Secret {{ . }}{{ end }}. To keep tokens apart, name a namespace for them in api.tokenNamespace.
{{- end }}
{{- if include "dkron.asksCallers" . }}
{{- if and .Values.ingress.enabled (empty .Values.ingress.tls) }}
WARNING: ingress.tls is empty, so callers would send their tokens in clear text, unless the ingress passes on TLS of the REST API (api.tls).
{{- end }}
{{- if and .Values.monitoring.serviceMonitor.enabled (empty .Values.monitoring.serviceMonitor.authorization) }}
WARNING: Prometheus needs a token to scrape the REST API, with the right to get /metrics, in a Secret that monitoring.serviceMonitor.authorization names: one of dkron-api{{ if not (has "dkron" .Values.api.auth) }}, so add dkron to api.auth{{ end }}.
{{- end }}
{{- if and (include "dkron.asksCluster" .) .Values.rbac.create .Values.watchNamespaces }}
NOTE: {{ if has "kubernetes" .Values.api.auth }}kubernetes{{ else }}oidc with the cluster's rights{{ end }} in api.auth takes two objects without a namespace: a binding of the ClusterRole system:auth-delegator, and the ClusterRole runner. A user without rights to create them sets api.auth to dkron, or to oidc with api.oidc.rights=dkron.
{{- end }}
{{- if and (include "dkron.asksCluster" .) (not .Values.rbac.create) }}
WARNING: rbac.create is false: bind the ClusterRole system:auth-delegator to the service account of the REST API, else it answers every token of the cluster with 503.
{{- end }}
{{- else }}
{{- if not .Values.networkPolicy.enabled }}
WARNING: the REST API has no authentication, and networkPolicy.enabled is false: every pod of the cluster can run any command in namespace {{ include "dkron.served" . }}.
{{- else if empty .Values.networkPolicy.api.from }}
WARNING: the REST API has no authentication, and networkPolicy.api.from is empty: every pod of the cluster can run any command in namespace {{ include "dkron.served" . }}.
{{- else }}
WARNING: the REST API has no authentication. A NetworkPolicy admits only the peers in networkPolicy.api.from, and only if the cluster's network plugin enforces NetworkPolicies.
{{- end }}
{{- if or .Values.ingress.enabled .Values.httpRoute.enabled }}
WARNING: the REST API can be reached from outside. Require authentication at the ingress or gateway, and list its pods in networkPolicy.api.from.
{{- end }}
{{- end }}
{{- if and (include "dkron.sharesToken" .) (not .Values.rbac.create) }}
WARNING: rbac.create is false: let the operator's service account create serviceaccounts/token of the account {{ include "dkron.serviceAccount" (list . "api") }}, else the REST API in its pod has no token, and the pod is not ready.
{{- end }}
{{- if and .Values.httpRoute.enabled (empty .Values.httpRoute.hostnames) (empty .Values.api.allowedHosts) }}
WARNING: httpRoute.hostnames is empty: name the hosts of the gateway's listeners in api.allowedHosts, else the REST API answers their requests with 421.
{{- end }}
{{- end }}
{{- if and .Values.crds.enabled (not .Values.crds.keep) }}
WARNING: crds.keep is false: helm uninstall deletes all DkronJobs of the cluster, also DkronJobs of other releases.
{{- end }}
{{- if .Values.crds.enabled }}
NOTE: this release owns the custom resources of the whole cluster. A second release must set crds.enabled=false, and only one release may watch each namespace.
{{- else }}
NOTE: crds.enabled is false: install the custom resources separately, and keep them at this version.
{{- end }}
{{- if and (not .Values.operator.serviceAccount.create) (empty .Values.operator.serviceAccount.name) }}
WARNING: the operator uses the service account "default", because operator.serviceAccount.create is false and operator.serviceAccount.name is empty: every pod without a service account gets the same permissions.
{{- end }}
{{- if .Values.jobs.inReleaseNamespace }}
WARNING: jobs.inReleaseNamespace is true: users who may write jobs in namespace {{ .Release.Namespace }} can mount every Secret there.
{{- end }}
{{- if eq (int .Values.operator.replicas) 0 }}
WARNING: operator.replicas is 0: no job runs.
{{- else if eq (int .Values.operator.replicas) 1 }}
NOTE: operator.replicas is 1. If its node fails, nothing fires until Kubernetes has started the pod elsewhere, which takes minutes; with operator.replicas=2 another takes over within {{ add .Values.operator.lease.durationSeconds .Values.operator.lease.retryPeriodSeconds }} seconds.
{{- else if eq .Values.operator.strategy.type "Recreate" }}
WARNING: operator.strategy.type is Recreate: an upgrade ends all {{ .Values.operator.replicas }} replicas before it starts new ones.
{{- end }}
{{- if and .Values.jobs.outputDir (gt (int .Values.operator.replicas) 1) }}
WARNING: jobs.outputDir is written by the replica that leads: {{ .Values.jobs.outputDir }} has to be on a volume that all replicas share, else files are spread over several.
{{- end }}
{{- end }}
