{{/* Names, labels and places that the templates share. */}}

{{- define "aicore-registry-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release's name alone where it says the chart's already. */}}
{{- define "aicore-registry-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "aicore-registry-operator.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "aicore-registry-operator.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{/* What the Deployment, the Service and the like select the pods by: never changes within a release. */}}
{{- define "aicore-registry-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "aicore-registry-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* One map of a list of maps, so that no key is there twice: the last one wins. */}}
{{- define "aicore-registry-operator.merged" -}}
{{- $merged := dict }}
{{- range . }}
{{- $merged = mergeOverwrite $merged (default dict .) }}
{{- end }}
{{- toYaml $merged }}
{{- end }}

{{- define "aicore-registry-operator.labels" -}}
{{- include "aicore-registry-operator.labelsWith" (list . (dict)) }}
{{- end }}

{{/* The same with an object's own labels, of a list with the root and these. The more specific label wins, but never over what the
Service is selected by. */}}
{{- define "aicore-registry-operator.labelsWith" -}}
{{- $root := index . 0 }}
{{- $chart := printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- $labels := dict
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/part-of" "aicore-registry-operator"
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" $chart
}}
{{- $selected := include "aicore-registry-operator.selectorLabels" $root | fromYaml }}
{{- include "aicore-registry-operator.merged" (list $labels $root.Values.commonLabels (index . 1) $selected) }}
{{- end }}

{{/* Labels of the pod that `helm test` runs: none that the operator's pods are selected by. */}}
{{- define "aicore-registry-operator.testLabels" -}}
app.kubernetes.io/name: {{ printf "%s-test" (include "aicore-registry-operator.name" . | trunc 58 | trimSuffix "-") }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "aicore-registry-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "aicore-registry-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "aicore-registry-operator.leaseName" -}}
{{- default (include "aicore-registry-operator.fullname" .) .Values.leaderElection.leaseName }}
{{- end }}

{{/* An image, of a map with repository, tag and digest, and a tag for when it has neither. */}}
{{- define "aicore-registry-operator.image" -}}
{{- $image := index . 0 }}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (default (index . 1) $image.tag) }}
{{- end }}
{{- end }}

{{/* Those of the chart and of its parents, which have objects or, as some charts want them, names. Empty when there are none. */}}
{{- define "aicore-registry-operator.imagePullSecrets" -}}
{{- $secrets := list }}
{{- range concat (default list .Values.imagePullSecrets) (dig "imagePullSecrets" list (default dict .Values.global)) }}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) }}
{{- end }}
{{- with uniq $secrets }}
{{- toYaml . }}
{{- end }}
{{- end }}
