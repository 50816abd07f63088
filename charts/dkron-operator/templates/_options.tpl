{{/* Options of the programs that are passed only where a value is set, so that the programs' own defaults count. */}}

{{/* Numbers are written out: as a text a large one would be 1e+07. */}}
{{- define "dkron.budgetEnv" -}}
{{- $numbers := dict
  "DKRON_NAMESPACE_CREATES" .Values.operator.namespaceBudget.creates
  "DKRON_NAMESPACE_JOBS" .Values.operator.namespaceBudget.jobs
  "DKRON_NAMESPACE_BYTES" .Values.operator.namespaceBudget.bytes
  "DKRON_OUTPUT_QUOTA" .Values.jobs.outputQuota
}}
{{- range $name, $number := $numbers }}
{{- if not (kindIs "invalid" $number) }}
- name: {{ $name }}
  value: {{ int64 $number | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether the REST API asks the API server whose a token is, or what its owner may do: "true", else empty. */}}
{{- define "dkron.asksCluster" -}}
{{- if has "kubernetes" .Values.api.auth }}true
{{- else if and (has "oidc" .Values.api.auth) (ne .Values.api.oidc.rights "dkron") }}true
{{- end }}
{{- end }}

{{- define "dkron.oidcEnv" -}}
{{- $oidc := .Values.api.oidc }}
{{- $texts := dict
  "ISSUER" $oidc.issuer
  "AUDIENCE" (join "," $oidc.audience)
  "JWKS" $oidc.jwks
  "USERNAME_CLAIM" $oidc.usernameClaim
  "USERNAME_PREFIX" $oidc.usernamePrefix
  "GROUPS_CLAIM" $oidc.groupsClaim
  "GROUPS_PREFIX" $oidc.groupsPrefix
  "RIGHTS" $oidc.rights
  "POLICIES_CLAIM" $oidc.policiesClaim
}}
{{- with include "dkron.issuerKey" . }}
{{- $texts = set $texts "CA" (printf "%s/%s" (include "dkron.issuerFolder" $) .) }}
{{- end }}
{{- range $name, $text := $texts }}
{{- with $text }}
- name: DKRON_API_OIDC_{{ $name }}
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
