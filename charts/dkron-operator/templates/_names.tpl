{{/* Names: everything is called after the release; a component's name is that and its own. */}}

{{- define "dkron.chartName" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release "dkron" gives "dkron"; one whose name tells nothing gives "mine-dkron-operator". */}}
{{- define "dkron.fullname" -}}
{{- $name := include "dkron.chartName" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if or (contains $name .Release.Name) (hasPrefix .Release.Name $name) }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The name of a part, called with (list $ "operator"): cut so that the part stays readable. */}}
{{- define "dkron.name" -}}
{{- $root := index . 0 }}
{{- $part := index . 1 }}
{{- $room := sub 62 (len $part) | int }}
{{- printf "%s-%s" (include "dkron.fullname" $root | trunc $room | trimSuffix "-") $part }}
{{- end }}

{{/* The name of what has no namespace: two releases of one name in two namespaces do not meet. */}}
{{- define "dkron.clusterName" -}}
{{- $root := index . 0 }}
{{- printf "%s-%s" $root.Release.Namespace (include "dkron.name" .) }}
{{- end }}

{{- define "dkron.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "dkron.chartName" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* All labels of an object of a part, called with (list $ "operator"). */}}
{{- define "dkron.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "dkron.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/part-of: dkron-operator
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Metadata of an object that a part has by its own name. */}}
{{- define "dkron.metadata" -}}
name: {{ include "dkron.name" . }}
namespace: {{ (index . 0).Release.Namespace }}
labels:
  {{- include "dkron.labels" . | nindent 2 }}
{{- end }}

{{/* The name of the service account of a part: operator, api or jobs. */}}
{{- define "dkron.serviceAccount" -}}
{{- $root := index . 0 }}
{{- $part := index . 1 }}
{{- $account := (get $root.Values $part).serviceAccount }}
{{- if $account.create }}
{{- default (include "dkron.name" .) $account.name }}
{{- else }}
{{- default "default" $account.name }}
{{- end }}
{{- end }}

{{- define "dkron.image" -}}
{{- $image := .Values.image }}
{{- $repository := ternary (printf "%s/%s" $image.registry $image.repository) $image.repository (not (empty $image.registry)) }}
{{- $released := index .Chart.Annotations "dkron.io/image" }}
{{- if $image.digest }}
{{- printf "%s@%s" $repository $image.digest }}
{{- else if and (not $image.tag) (hasPrefix (printf "%s@" $repository) $released) }}
{{- $released }}
{{- else }}
{{- printf "%s:%s" $repository (default .Chart.AppVersion $image.tag | replace "+" "-") }}
{{- end }}
{{- end }}
