{{/* The REST API, beside the operator or in pods of its own: what both ways have in common, and how one follows the other. */}}

{{/* The label of every pod that serves the REST API. The Service selects pods by it, whatever api.mode is: a pod of one way
answers until one of the other way is ready. */}}
{{- define "dkron.restLabel" -}}
dkron.io/rest-api: "true"
{{- end }}

{{- define "dkron.restSelector" -}}
app.kubernetes.io/name: {{ include "dkron.chartName" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{ include "dkron.restLabel" . }}
{{- end }}

{{/* The way in which the REST API of this release runs in the cluster, if an upgrade changes it; else empty. Without a
cluster nothing is known. */}}
{{- define "dkron.modeBefore" -}}
{{- if and .Values.api.enabled .Release.IsUpgrade }}
{{- $operator := lookup "apps/v1" "Deployment" .Release.Namespace (include "dkron.name" (list . "operator")) }}
{{- $containers := list }}
{{- range dig "spec" "template" "spec" "containers" list $operator }}{{ $containers = append $containers .name }}{{ end }}
{{- if eq .Values.api.mode "deployment" }}
{{- if has "api" $containers }}sidecar{{ end }}
{{- else if lookup "apps/v1" "Deployment" .Release.Namespace (include "dkron.name" (list . "api")) }}deployment
{{- end }}
{{- end }}
{{- end }}

{{/* Whether the operator requests the tokens of the REST API's account, because the pod has another one: "true", else empty. */}}
{{- define "dkron.sharesToken" -}}
{{- if and .Values.api.enabled (eq .Values.api.mode "sidecar") .Values.api.serviceAccount.automount }}true{{ end }}
{{- end }}

{{/* Where both containers see that token; only the operator's may write there. */}}
{{- define "dkron.restTokenFolder" -}}
/var/run/dkron/rest
{{- end }}

{{/* Seconds that a new pod of the operator must be ready before an old one goes. An old one that has the REST API
beside it stays until the API's own pods have had time to be ready. */}}
{{- define "dkron.minReady" -}}
{{- $wanted := int .Values.operator.minReadySeconds }}
{{- if eq (include "dkron.modeBefore" .) "sidecar" }}{{ max $wanted 30 }}{{ else }}{{ $wanted }}{{ end }}
{{- end }}

{{/* Whether the REST API asks callers for a token: "true", else empty. */}}
{{- define "dkron.asksCallers" -}}
{{- if not (has "none" .Values.api.auth) }}true{{ end }}
{{- end }}

{{/* Names under which the REST API answers, beside those that it knows itself: addresses, localhost, and names below
.svc and .svc.cluster.local. Divided by commas. */}}
{{- define "dkron.allowedHosts" -}}
{{- $service := include "dkron.name" (list . "api") }}
{{- $hosts := list $service (printf "%s.%s" $service .Release.Namespace) }}
{{- if .Values.ingress.enabled }}{{ $hosts = concat $hosts .Values.ingress.hosts }}{{ end }}
{{- if .Values.httpRoute.enabled }}{{ $hosts = concat $hosts .Values.httpRoute.hostnames }}{{ end }}
{{- join "," (concat $hosts .Values.api.allowedHosts | uniq) }}
{{- end }}

{{/* The address of the REST API inside the cluster. */}}
{{- define "dkron.restUrl" -}}
{{ include "dkron.restScheme" . }}://{{ include "dkron.name" (list . "api") }}.{{ .Release.Namespace }}.svc:{{ .Values.api.service.port }}
{{- end }}

{{/* The hook of a pod of the REST API between its deletion and its end. Beside an operator it cannot stay: with the
operator's container the pod is not ready any more. */}}
{{- define "dkron.restPreStop" -}}
{{- if eq .Values.api.mode "sidecar" -}}
# Nodes and gateways go on to send requests here for a moment after the pod was asked to end.
sleep: {seconds: 3}
{{- else -}}
exec:
  command:
    - python
    - -c
    - |
      {{- .Files.Get "files/hand_over.py" | trim | nindent 6 }}
    - {{ .Release.Namespace }}
    - {{ include "dkron.name" (list . "api") }}
    - {{ max 0 (sub (int .Values.api.terminationGracePeriodSeconds) 10) | quote }}
{{- end }}
{{- end }}

{{/* Annotations of what `helm test` needs beside its pod. */}}
{{- define "dkron.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: "-1"
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
