{{/* Where pods run. */}}

{{/* On which nodes a pod with these values may be, and before which others. It begins with a new line. */}}
{{- define "dkron.place" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- range $field := list "nodeSelector" "affinity" "tolerations" }}
{{- with get $ $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* The same for a pod of "tests" or "hooks": it may be where the operator may be, unless its own values say otherwise. */}}
{{- define "dkron.placeOfHook" -}}
{{- $own := get (index . 0).Values (index . 1) -}}
{{- $operator := (index . 0).Values.operator -}}
{{- include "dkron.place" (dict
  "priorityClassName" $own.priorityClassName
  "nodeSelector" (default $operator.nodeSelector $own.nodeSelector)
  "affinity" $own.affinity
  "tolerations" (default $operator.tolerations $own.tolerations)
) }}
{{- end }}

{{/* How the pods of a part, with these values, are spread: as they say, else several of them as far as that is possible.
The hash is there for pods of a new version to be spread among themselves. */}}
{{- define "dkron.spread" -}}
{{- if .topologySpreadConstraints }}
{{- toYaml .topologySpreadConstraints }}
{{- else if and (gt (int .replicas) 1) (empty .affinity) }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end }}
