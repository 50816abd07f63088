{{/* Watched and served namespaces, and combinations of values that make no sense. */}}

{{/* The namespaces that the operator watches, divided by commas. Empty means all. */}}
{{- define "dkron.watched" -}}
{{- join "," (.Values.watchNamespaces | uniq) }}
{{- end }}

{{/* The namespaces in which the operator runs jobs, divided by commas: those that are watched, the release's among them
only with jobs.inReleaseNamespace. Empty means all. */}}
{{- define "dkron.jobNamespaces" -}}
{{- $namespaces := uniq .Values.watchNamespaces }}
{{- if not .Values.jobs.inReleaseNamespace }}{{ $namespaces = without $namespaces .Release.Namespace }}{{ end }}
{{- if and .Values.watchNamespaces (empty $namespaces) }}
{{- fail (printf "watchNamespaces: holds only %q, the release's own namespace, in which the operator runs no jobs: their authors could use its account and Secrets. Install the release in another namespace, or set jobs.inReleaseNamespace=true and api.mode=deployment" .Release.Namespace) }}
{{- end }}
{{- join "," $namespaces }}
{{- end }}

{{/* The namespace whose jobs the REST API serves at /v1. */}}
{{- define "dkron.served" -}}
{{- $_ := include "dkron.jobNamespaces" . }}
{{- $watched := .Values.watchNamespaces }}
{{- $others := without (uniq $watched) .Release.Namespace }}
{{- $served := .Values.api.namespace | default (first $others) | default (ternary .Release.Namespace "default" (has .Release.Namespace $watched)) }}
{{- if and $watched (not (has $served $watched)) }}
{{- fail (printf "api.namespace: the operator does not watch %q; watchNamespaces holds %s" $served (join ", " $watched)) }}
{{- else if and (eq $served .Release.Namespace) (not .Values.jobs.inReleaseNamespace) }}
{{- fail (printf "api.namespace: the operator runs no jobs in %q, the release's own namespace. Serve another one, install the release in a namespace of its own, or set jobs.inReleaseNamespace=true and api.mode=deployment" $served) }}
{{- end }}
{{- $served }}
{{- end }}

{{/* All namespaces that the REST API serves, divided by commas, or "*". Callers without a token get one namespace, unless
others are named. */}}
{{- define "dkron.servedNamespaces" -}}
{{- $wanted := uniq (default list .Values.api.namespaces) }}
{{- $watched := .Values.watchNamespaces }}
{{- if has "*" $wanted }}
{{- if or $watched (gt (len $wanted) 1) }}
{{- fail "api.namespaces: use * without further names, and only if watchNamespaces is empty" }}
{{- end }}
{{- end }}
{{- range $wanted }}
{{- if and $watched (not (has . $watched)) }}
{{- fail (printf "api.namespaces: the operator does not watch %q; watchNamespaces holds %s" . (join ", " $watched)) }}
{{- else if and (eq . $.Release.Namespace) (not $.Values.jobs.inReleaseNamespace) }}
{{- fail (printf "api.namespaces: the operator runs no jobs in %q, the release's own namespace; leave it out, or set jobs.inReleaseNamespace=true and api.mode=deployment" .) }}
{{- end }}
{{- end }}
{{- if has "*" $wanted }}*
{{- else if and (kindIs "invalid" .Values.api.namespaces) (include "dkron.asksCallers" .) }}
{{- include "dkron.jobNamespaces" . | default "*" }}
{{- else }}
{{- join "," (prepend $wanted (include "dkron.served" .) | uniq) }}
{{- end }}
{{- end }}

{{/* The namespace of the REST API's own tokens. */}}
{{- define "dkron.tokenNamespace" -}}
{{- .Values.api.tokenNamespace | default .Release.Namespace }}
{{- end }}

{{/* Namespaces that get an account for the pods of jobs, divided by commas. */}}
{{- define "dkron.accountNamespaces" -}}
{{- if .Values.watchNamespaces }}
{{- include "dkron.jobNamespaces" . }}
{{- else if .Values.api.enabled }}
{{- include "dkron.served" . }}
{{- else if .Values.jobs.inReleaseNamespace }}
{{- .Release.Namespace }}
{{- end }}
{{- end }}

{{/* The release's own accounts, which no job may have, as NAMESPACE/NAME, divided by commas. */}}
{{- define "dkron.ownAccounts" -}}
{{- $names := list (include "dkron.serviceAccount" (list . "operator")) }}
{{- if .Values.api.enabled }}{{ $names = append $names (include "dkron.serviceAccount" (list . "api")) }}{{ end }}
{{- if .Values.cluster }}{{ $names = append $names (include "dkron.name" (list . "cluster")) }}{{ end }}
{{- $accounts := list }}
{{- range uniq $names }}{{ $accounts = append $accounts (printf "%s/%s" $.Release.Namespace .) }}{{ end }}
{{- join "," $accounts }}
{{- end }}

{{/* The release that has the custom resources of this cluster and is at work: "name namespace", empty if it is this one
or none. Helm takes over objects of a release that is gone. Without a cluster nothing is known. */}}
{{- define "dkron.otherOwner" -}}
{{- $annotations := dig "metadata" "annotations" dict (lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" "dkronjobs.dkron.io") }}
{{- $name := get $annotations "meta.helm.sh/release-name" }}
{{- $namespace := get $annotations "meta.helm.sh/release-namespace" }}
{{- if and $name (or (ne $name .Release.Name) (ne $namespace .Release.Namespace)) }}
{{- range (lookup "apps/v1" "Deployment" $namespace "").items }}
{{- $labels := dig "metadata" "labels" dict . }}
{{- if and (eq (get $labels "app.kubernetes.io/part-of") "dkron-operator") (eq (get $labels "app.kubernetes.io/instance") $name) (eq (get $labels "app.kubernetes.io/component") "operator") }}
{{- printf "%q in namespace %q" $name $namespace }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A volume claim of the operator's pods that they could not have at once, though there may be two of them, be it during
an upgrade. Empty if there is none. Without a cluster nothing is known. */}}
{{- define "dkron.narrowClaim" -}}
{{- $together := or (gt (int .Values.operator.replicas) 1) (eq .Values.operator.strategy.type "RollingUpdate") }}
{{- $volumes := .Values.operator.extraVolumes }}
{{- if and .Values.api.enabled (eq .Values.api.mode "sidecar") }}{{ $volumes = concat $volumes .Values.api.extraVolumes }}{{ end }}
{{- $narrow := list }}
{{- range $volume := $volumes }}
{{- with dig "persistentVolumeClaim" "claimName" "" $volume }}
{{- $modes := dig "spec" "accessModes" list (lookup "v1" "PersistentVolumeClaim" $.Release.Namespace .) }}
{{- if and $together $modes (not (has "ReadWriteMany" $modes)) (not (has "ReadOnlyMany" $modes)) }}
{{- $narrow = append $narrow (printf "%q is %s" . (join ", " $modes)) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $narrow }}{{ first $narrow }}{{ end }}
{{- end }}
