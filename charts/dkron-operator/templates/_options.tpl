{{/* Options of the programs that are passed only where a value is set, so that the programs' own defaults count. */}}

{{/* Large numbers are written out: as a text one would be 1e+09. */}}
{{- define "dkron.budgetEnv" -}}
{{- $budget := .Values.operator.namespaceBudget }}
{{- if not (kindIs "invalid" $budget.creates) }}
- name: DKRON_NAMESPACE_CREATES
  value: {{ $budget.creates | quote }}
{{- end }}
{{- $quota := .Values.jobs.outputQuota }}
{{- if kindIs "float64" $quota }}{{ $quota = int64 $quota }}{{ end }}
{{- if not (or (kindIs "invalid" $quota) (eq (toString $quota) "")) }}
- name: DKRON_OUTPUT_QUOTA
  value: {{ $quota | quote }}
{{- end }}
{{- end }}

{{/* Whether the release has an archive, and which: "sqlite", "postgresql", else empty. */}}
{{- define "dkron.archive" -}}
{{- if .Values.archive.sqlite.enabled }}sqlite
{{- else if .Values.archive.postgresql.secretName }}postgresql
{{- end }}
{{- end }}

{{- define "dkron.archiveFolder" -}}
/var/lib/dkron/archive
{{- end }}

{{/* The archive's URL for a program, called with (list $ "api"). */}}
{{- define "dkron.archiveEnv" -}}
{{- $root := index . 0 }}
{{- $kind := include "dkron.archive" $root }}
{{- $postgresql := $root.Values.archive.postgresql }}
{{- if eq $kind "sqlite" }}
- name: DKRON_ARCHIVE
  value: sqlite:///{{ include "dkron.archiveFolder" $root }}/archive.db
{{- else if $kind }}
- name: DKRON_ARCHIVE
  valueFrom:
    secretKeyRef:
      name: {{ eq (index . 1) "api" | ternary (default $postgresql.secretName $postgresql.apiSecretName) $postgresql.secretName }}
      key: {{ $postgresql.key }}
{{- end }}
{{- end }}

{{/* Four fifths of the chart's own claim in bytes, if its size is a plain quantity; else 0. */}}
{{- define "dkron.mostOfTheClaim" -}}
{{- $units := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- $size := toString .Values.archive.sqlite.size }}
{{- $number := regexFind "^[0-9]+([.][0-9]+)?" $size }}
{{- $unit := trimPrefix $number $size }}
{{- if and .Values.archive.sqlite.enabled (not .Values.archive.sqlite.existingClaim) $number (hasKey $units $unit) -}}
{{ mulf 0.8 (float64 $number) (get $units $unit) | int64 }}
{{- else -}}
0
{{- end }}
{{- end }}

{{/* How much the archive keeps, for the operator. */}}
{{- define "dkron.retentionEnv" -}}
{{- if include "dkron.archive" . }}
{{- range $name, $value := dict "DAYS" "days" "EXECUTIONS_PER_JOB" "executionsPerJob" "BYTES" "bytes" "BYTES_PER_NAMESPACE" "bytesPerNamespace" }}
{{- $limit := get $.Values.archive.retention $value }}
{{- if kindIs "float64" $limit }}{{ $limit = int64 $limit }}{{ end }}
{{- if eq (toString $limit) "" }}{{ $limit = include "dkron.mostOfTheClaim" $ }}{{ end }}
- name: DKRON_ARCHIVE_{{ $name }}
  value: {{ $limit | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether the REST API asks the API server whose a token is, or what its owner may do: "true", else empty. */}}
{{- define "dkron.asksCluster" -}}
{{- if has "kubernetes" .Values.api.auth }}true
{{- else if and (has "oidc" .Values.api.auth) (ne .Values.api.oidc.rights "dkron") }}true
{{- end }}
{{- end }}

{{/* Whether DkronPolicies say what callers may do: "true", else empty. */}}
{{- define "dkron.asksPolicies" -}}
{{- if has "dkron" .Values.api.auth }}true
{{- else if and (has "oidc" .Values.api.auth) (eq .Values.api.oidc.rights "dkron") }}true
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
{{- if $oidc.issuer }}
{{- range $name, $text := $texts }}
{{- with $text }}
- name: DKRON_API_OIDC_{{ $name }}
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
