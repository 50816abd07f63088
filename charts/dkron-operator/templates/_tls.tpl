{{/* HTTPS by the REST API itself (api.tls), and the certificate with which it knows an issuer (api.oidc): files in its
container. */}}

{{/* The Secret with the certificate of the REST API; empty if it speaks HTTP. */}}
{{- define "dkron.tlsSecret" -}}
{{- $tls := .Values.api.tls }}
{{- if $tls.secretName }}{{ $tls.secretName }}
{{- else if $tls.certManager.enabled }}{{ include "dkron.name" (list . "api-tls") }}
{{- end }}
{{- end }}

{{- define "dkron.restScheme" -}}
{{ if include "dkron.tlsSecret" . }}https{{ else }}http{{ end }}
{{- end }}

{{/* The command that asks it through a forwarded port 18080, with more options, up to the path. */}}
{{- define "dkron.curl" -}}
{{- $root := first . -}}
{{- $options := join "" (rest .) -}}
{{- if include "dkron.tlsSecret" $root -}}
curl --cacert dkron.crt --connect-to ::localhost:18080{{ $options }} {{ include "dkron.restUrl" $root }}
{{- else -}}
curl{{ $options }} http://localhost:18080
{{- end }}
{{- end }}

{{- define "dkron.tlsFolder" -}}
/etc/dkron/tls
{{- end }}

{{- define "dkron.issuerFolder" -}}
/etc/dkron/issuer
{{- end }}

{{/* The mounts of the container of the REST API for both; whole folders, since a single file would stay as it was. */}}
{{- define "dkron.restMounts" -}}
{{- if include "dkron.tlsSecret" . }}
- name: api-tls
  mountPath: {{ include "dkron.tlsFolder" . }}
  readOnly: true
{{- end }}
{{- if include "dkron.issuerKey" . }}
- name: api-issuer
  mountPath: {{ include "dkron.issuerFolder" . }}
  readOnly: true
{{- end }}
{{- end }}

{{/* The volumes of these mounts. */}}
{{- define "dkron.restVolumes" -}}
{{- with include "dkron.tlsSecret" . }}
- name: api-tls
  secret:
    secretName: {{ . }}
{{- end }}
{{- $oidc := .Values.api.oidc }}
{{- if $oidc.caConfigMap.name }}
- name: api-issuer
  configMap:
    name: {{ $oidc.caConfigMap.name }}
{{- else if $oidc.caSecret.name }}
- name: api-issuer
  secret:
    secretName: {{ $oidc.caSecret.name }}
{{- end }}
{{- end }}

{{/* The file of that volume with the certificates that sign the issuer's; empty if the image's own count. */}}
{{- define "dkron.issuerKey" -}}
{{- $oidc := .Values.api.oidc }}
{{- if $oidc.caConfigMap.name }}{{ $oidc.caConfigMap.key }}
{{- else if $oidc.caSecret.name }}{{ $oidc.caSecret.key }}
{{- end }}
{{- end }}
