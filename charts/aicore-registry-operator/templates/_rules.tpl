{{/* All that the operator asks of the API server in the namespaces that it watches. It never writes a Secret. */}}
{{- define "aicore-registry-operator.rules" -}}
# patch: adds and removes the operator's finalizer.
- apiGroups: [aicore-registry.dev]
  resources: [aicoreregistrysecrets]
  verbs: [get, list, watch, patch]
- apiGroups: [aicore-registry.dev]
  resources: [aicoreregistrysecrets/status]
  verbs: [patch]
# list and watch: metadata only, to hear of changes. get: the Secrets that a resource names.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
# To know whether a namespace is being deleted. In a Role: of its namespace alone.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
# patch: counts an event that repeats.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
