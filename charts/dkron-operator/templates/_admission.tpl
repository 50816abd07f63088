{{/* Parts of the admission policies (admission-policies.yaml). */}}

{{/* Whether the policy of a value of admissionPolicies is installed, called with (list $ "jobs"): "true", else empty. */}}
{{- define "dkron.admission" -}}
{{- $root := index . 0 }}
{{- $wanted := get $root.Values.admissionPolicies (index . 1) }}
{{- if eq (toString $wanted) "auto" }}
{{- $asksCluster := and $root.Values.rbac.create $root.Values.api.enabled (include "dkron.asksCluster" $root) }}
{{- if or (empty $root.Values.watchNamespaces) $asksCluster }}true{{ end }}
{{- else if $wanted }}true{{ end }}
{{- end }}

{{/* Metadata of a policy and of its binding, called with (list $ "policy-jobs"). */}}
{{- define "dkron.admission.metadata" -}}
name: {{ include "dkron.clusterName" . }}
labels:
  {{- include "dkron.labels" (list (index . 0) "admission-policies") | nindent 2 }}
{{- end }}

{{/* The name of a service account as the API server says it, called with (list $ "operator"). */}}
{{- define "dkron.admission.user" -}}
system:serviceaccount:{{ (index . 0).Release.Namespace }}:{{ include "dkron.serviceAccount" . }}
{{- end }}

{{/* CEL that tells whether an operator writes, or one of the parts that it is called with: (list $ "operator" "api"). */}}
{{- define "dkron.admission.byOperators" -}}
{{- $root := first . }}
{{- $users := list }}
{{- range rest . }}{{ $users = append $users (include "dkron.admission.user" (list $root .)) }}{{ end -}}
request.userInfo.username in ['{{ concat $users $root.Values.admissionPolicies.operators | uniq | join "', '" }}']
{{- end }}

{{/* The binding of a policy, called with (list $ "policy-jobs" NAMESPACES); without namespaces it is about all. */}}
{{- define "dkron.admission.binding" }}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  {{- include "dkron.admission.metadata" (list (index . 0) (index . 1)) | nindent 2 }}
spec:
  policyName: {{ include "dkron.clusterName" (list (index . 0) (index . 1)) }}
  validationActions: [Deny]
  {{- with index . 2 }}
  matchResources:
    namespaceSelector:
      matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values:
            {{- toYaml (uniq .) | nindent 12 }}
  {{- end }}
{{- end }}
