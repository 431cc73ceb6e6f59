{{/* How the operator is called: its arguments, and the certificates that it trusts. */}}

{{/* Its own namespace is written as a variable, so that it stays right when another tool moves the manifests. */}}
{{- define "aicore-registry-operator.watchNamespaces" -}}
{{- $own := include "aicore-registry-operator.namespace" . }}
{{- $namespaces := list }}
{{- range .Values.operator.watchNamespaces }}
{{- $namespaces = append $namespaces (ternary "$(POD_NAMESPACE)" . (eq . $own)) }}
{{- end }}
{{- join "," $namespaces }}
{{- end }}

{{- define "aicore-registry-operator.args" -}}
- run
- {{ printf "--listen=:%d" (int .Values.containerPort) | quote }}
- {{ printf "--allowed-hosts=%s" (join "," .Values.operator.allowedHosts) | quote }}
- --concurrency={{ int .Values.operator.concurrency }}
- --default-resync-interval={{ .Values.operator.defaultResyncInterval }}
- --request-timeout={{ .Values.operator.requestTimeout }}
- --tenant-rps={{ .Values.operator.tenantRps }}
- --tenant-burst={{ int .Values.operator.tenantBurst }}
- --log-format={{ .Values.logging.format }}
- {{ printf "--log-level=%s" .Values.logging.level | quote }}
{{- if .Values.operator.watchNamespaces }}
- {{ printf "--watch-namespaces=%s" (include "aicore-registry-operator.watchNamespaces" .) | quote }}
{{- end }}
{{- with .Values.operator.watchLabelSelector }}
- {{ printf "--watch-label-selector=%s" . | quote }}
{{- end }}
{{- if include "aicore-registry-operator.caBundleSource" . }}
- --ca-bundle=/etc/aicore-registry-operator/ca/ca.crt
{{- end }}
{{- if .Values.leaderElection.enabled }}
- --leader-elect=true
- --leader-elect-lease-name={{ include "aicore-registry-operator.leaseName" . }}
- --leader-elect-lease-namespace=$(POD_NAMESPACE)
- --leader-elect-identity=$(POD_NAME)_$(POD_UID)
- --leader-elect-lease-duration={{ .Values.leaderElection.leaseDuration }}
- --leader-elect-renew-deadline={{ .Values.leaderElection.renewDeadline }}
- --leader-elect-retry-period={{ .Values.leaderElection.retryPeriod }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "aicore-registry-operator.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
{{- with .Values.proxy.https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.http }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.noProxy }}
- name: NO_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.otlp }}
{{- if .endpoint }}
- name: OTEL_SERVICE_NAME
  value: {{ include "aicore-registry-operator.name" $ }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ include "aicore-registry-operator.resourceAttributes" $ | quote }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
{{- if .protocol }}
- name: OTEL_EXPORTER_OTLP_PROTOCOL
  value: {{ .protocol }}
{{- end }}
{{- if .sampler }}
- name: OTEL_TRACES_SAMPLER
  value: {{ .sampler | quote }}
{{- end }}
{{- if .samplerArg }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .samplerArg | quote }}
{{- end }}
{{- if .headersSecret }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .headersSecret }}
      key: headers
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "aicore-registry-operator.resourceAttributes" -}}
{{- $attributes := list "k8s.namespace.name=$(POD_NAMESPACE)" "k8s.pod.name=$(POD_NAME)" }}
{{- range $name, $value := .Values.otlp.resourceAttributes }}
{{- $attributes = append $attributes (printf "%s=%v" $name $value) }}
{{- end }}
{{- join "," $attributes }}
{{- end }}

{{/* The volume's source of certificates to trust; empty when there is none. */}}
{{- define "aicore-registry-operator.caBundleSource" -}}
{{- with .Values.caBundle }}
{{- if .inline }}
configMap:
  name: {{ include "aicore-registry-operator.fullname" $ }}-ca
{{- else if .configMap.name }}
configMap:
  name: {{ .configMap.name }}
  items:
    - key: {{ .configMap.key }}
      path: ca.crt
{{- else if .secret.name }}
secret:
  secretName: {{ .secret.name }}
  items:
    - key: {{ .secret.key }}
      path: ca.crt
{{- end }}
{{- end }}
{{- end }}
