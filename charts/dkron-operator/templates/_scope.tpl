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
