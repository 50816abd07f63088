{{/* What is legal and may surprise, for NOTES.txt: a line for each. */}}
{{- define "dkron.warnings" }}
{{- if .Values.api.enabled }}
{{- if not .Values.networkPolicy.enabled }}
WARNING: the REST API has no authentication, and networkPolicy.enabled is false: every pod of the cluster can run any command in namespace {{ include "dkron.served" . }}.
{{- else if empty .Values.networkPolicy.api.from }}
WARNING: the REST API has no authentication, and networkPolicy.api.from is empty: every pod of the cluster can run any command in namespace {{ include "dkron.served" . }}.
{{- else }}
WARNING: the REST API has no authentication. A NetworkPolicy lets in those whom networkPolicy.api.from names; it holds only where the cluster's network enforces such policies.
{{- end }}
{{- if or .Values.ingress.enabled .Values.httpRoute.enabled }}
WARNING: the REST API can be reached from outside. Have the ingress or gateway ask for credentials, and name its pods in networkPolicy.api.from.
{{- end }}
{{- end }}
{{- if and .Values.crds.enabled (not .Values.crds.keep) }}
WARNING: crds.keep is false: helm uninstall deletes all DkronJobs of the cluster, those of other releases as well.
{{- end }}
{{- if .Values.crds.enabled }}
NOTE: this release has the custom resources of the whole cluster. A second release has to set crds.enabled=false, and each namespace may be watched by one release alone.
{{- else }}
NOTE: crds.enabled is false: the custom resources have to be installed, and kept at this version, by somebody else.
{{- end }}
{{- if and (not .Values.operator.serviceAccount.create) (empty .Values.operator.serviceAccount.name) }}
WARNING: the operator has the account "default", since operator.serviceAccount.create is false and it has no name: its rights are those of every pod without an account.
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
