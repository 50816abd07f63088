{{/* Parts of the guard rails (guardrails.yaml): CEL that the policy for DkronJobs and the one for Jobs share. Fields that
are missing, null or of another type count as absent: the API server itself refuses that Job. */}}

{{/* The contents of the ConfigMap. A key that is missing sets no rule, and allows nothing. */}}
{{- define "dkron.rails.parameters" -}}
- name: allowedImages
  expression: "params.?data[?'images'].orValue('').split(',').filter(prefix, prefix != '')"
- name: allowedAccounts
  expression: "params.?data[?'serviceAccounts'].orValue('').split(',').filter(name, name != '')"
- name: requiredLimits
  expression: "params.?data[?'requiredLimits'].orValue('').split(',').filter(name, name != '')"
{{- end }}

{{/* Of variables.pod, the spec of a pod. */}}
{{- define "dkron.rails.pod" -}}
- name: containers
  expression: >-
    variables.pod.?initContainers.optMap(items, type(items) == list ? items : []).orValue([])
    + variables.pod.?containers.optMap(items, type(items) == list ? items : []).orValue([])
- name: volumes
  expression: >-
    variables.pod.?volumes.optMap(items, type(items) == list ? items : []).orValue([])
- name: imagesOfPod
  expression: >-
    variables.containers.map(container, container.?image.orValue(''))
    + variables.volumes.map(volume, volume.?image.?reference.orValue(''))
# serviceAccount is the older name of the same field. A pod that names none runs as "default".
- name: namedAccounts
  expression: >-
    ['serviceAccountName', 'serviceAccount'].map(field, variables.pod[?field].orValue(''))
    .filter(name, type(name) == string && name != '')
- name: accounts
  expression: "variables.namedAccounts == [] ? ['default'] : variables.namedAccounts"
# A limit of the whole pod counts for each container.
- name: limitsOfContainers
  expression: variables.requiredLimits.filter(name, variables.pod.?resources.?limits[?name].orValue(null) == null)
{{- end }}

{{/* Of variables.pod, variables.images and variables.missingLimits. */}}
{{- define "dkron.rails.validations" -}}
- expression: >-
    variables.allowedImages == []
    || variables.images.all(image, variables.allowedImages.exists(prefix, image.startsWith(prefix)))
  message: an image is not allowed; see guardRails.images
  messageExpression: >-
    'image %s is not allowed; images have to begin with %s'.format([
    variables.images.filter(image, !variables.allowedImages.exists(prefix, image.startsWith(prefix))).join(', '),
    variables.allowedImages.join(' or ')])
- expression: >-
    variables.allowedAccounts == [] || variables.accounts.all(name, name in variables.allowedAccounts)
  message: a service account is not allowed; see guardRails.serviceAccounts
  messageExpression: >-
    'service account %s is not allowed; serviceAccountName has to be %s'.format([
    variables.accounts.filter(name, !(name in variables.allowedAccounts)).join(', '),
    variables.allowedAccounts.join(' or ')])
- expression: >-
    params.?data[?'allowHostPath'].orValue('') == 'true'
    || !variables.volumes.exists(volume, volume.?hostPath.hasValue())
  message: volumes of the type hostPath are not allowed; use another type, such as emptyDir or persistentVolumeClaim
- expression: >-
    params.?data[?'allowHostNamespaces'].orValue('') == 'true'
    || !['hostNetwork', 'hostPID', 'hostIPC'].exists(field, variables.pod[?field].orValue(false) == true)
  message: hostNetwork, hostPID and hostIPC are not allowed; a pod has to have namespaces of its own
- expression: >-
    params.?data[?'allowPrivileged'].orValue('') == 'true'
    || !variables.containers.exists(container, container.?securityContext.?privileged.orValue(false) == true)
  message: privileged containers are not allowed; securityContext.privileged has to be false or missing
{{- end }}

{{/* Whether no two numbers of a field of a schedule are closer than variables.minimum, called with the name of the
variable, how many numbers the field can have, and the seconds of one. The field is a circle: 59 is one before 0. */}}
{{- define "dkron.rails.apart" -}}
{{- $numbers := index . 0 }}{{ $size := index . 1 }}{{ $unit := index . 2 -}}
variables.{{ $numbers }}.all(a, variables.{{ $numbers }}.all(b, a == b
|| (a - b + {{ $size }}) % {{ $size }} * {{ $unit }} >= variables.minimum))
{{- end }}

{{/* The binding of a policy to the ConfigMap and to the watched namespaces, called with (dict "root" $ "name" "…"). */}}
{{- define "dkron.rails.binding" }}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels:
    {{- include "dkron.labels" (list .root "guard-rails") | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: {{ ternary "[Deny]" "[Warn, Audit]" (eq .root.Values.guardRails.action "Deny") }}
  paramRef:
    name: {{ include "dkron.name" (list .root "guard-rails") }}
    namespace: {{ .root.Release.Namespace }}
    parameterNotFoundAction: Deny
  {{- with .root.Values.watchNamespaces }}
  matchResources:
    namespaceSelector:
      matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values:
            {{- toYaml (uniq .) | nindent 12 }}
  {{- end }}
{{- end }}
