{{/* What is watched and what is served, and combinations of values that cannot be meant. */}}

{{/* The namespaces in which jobs are, for objects that are needed in each: those that are watched, else the release's. */}}
{{- define "dkron.watched" -}}
{{- join "," (.Values.watchNamespaces | uniq) }}
{{- end }}

{{/* The namespace whose jobs the REST API serves. */}}
{{- define "dkron.served" -}}
{{- $watched := .Values.watchNamespaces }}
{{- $wanted := .Values.api.namespace }}
{{- if and $wanted $watched (not (has $wanted $watched)) }}
{{- fail (printf "api.namespace: the operator does not watch %q; watchNamespaces holds %s" $wanted (join ", " $watched)) }}
{{- else if $wanted }}
{{- $wanted }}
{{- else if or (empty $watched) (has .Release.Namespace $watched) }}
{{- .Release.Namespace }}
{{- else if eq (len $watched) 1 }}
{{- first $watched }}
{{- else }}
{{- fail (printf "api.namespace: say which namespace the REST API serves; watchNamespaces holds %s" (join ", " $watched)) }}
{{- end }}
{{- end }}

{{/* The service accounts of the release, which no job uses. */}}
{{- define "dkron.refusedAccounts" -}}
{{- $parts := list "operator" }}
{{- if and .Values.api.enabled (eq .Values.api.mode "deployment") }}{{ $parts = append $parts "api" }}{{ end }}
{{- $accounts := list }}
{{- range $parts }}
{{- $name := include "dkron.serviceAccount" (list $ .) }}
{{- /* Pods that name no account have this one. */}}
{{- if ne $name "default" }}{{ $accounts = append $accounts (printf "%s/%s" $.Release.Namespace $name) }}{{ end }}
{{- end }}
{{- join "," $accounts }}
{{- end }}

{{/* Whether jobs run in the release's namespace: it is one of those that are named, or the REST API serves it. */}}
{{- define "dkron.runsInOwn" -}}
{{- if or (has .Release.Namespace .Values.watchNamespaces) (and .Values.api.enabled (eq (include "dkron.served" .) .Release.Namespace)) }}true{{ end }}
{{- end }}

{{/* The release that has the custom resources of this cluster and is at work: "name namespace", empty if it is this one
or none. What a release that is gone has left behind is for Helm to take over. Without a cluster nothing is known. */}}
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
