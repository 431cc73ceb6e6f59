{{/* What the schema cannot say: values that do not go together. */}}
{{- define "aicore-registry-operator.check" -}}
{{- if and (gt (int .Values.replicaCount) 1) (not .Values.leaderElection.enabled) }}
{{- fail (printf "replicaCount is %d, and leaderElection.enabled is false: all replicas would write to AI Core. Enable leader election, or set replicaCount to 1." (int .Values.replicaCount)) }}
{{- end }}
{{- if and (not .Values.leaderElection.enabled) (eq (dig "type" "" .Values.strategy) "RollingUpdate") }}
{{- fail "strategy.type is RollingUpdate, and leaderElection.enabled is false: the old and the new pod would both write to AI Core. Enable leader election, or set strategy.type to Recreate." }}
{{- end }}
{{- with .Values.podDisruptionBudget }}
{{- if and .enabled (eq (toString .maxUnavailable) "") }}
{{- $replicas := int $.Values.replicaCount }}
{{- $least := 0 }}
{{- if hasSuffix "%" (toString .minAvailable) }}
{{- $least = divf (mulf (trimSuffix "%" (toString .minAvailable) | int) $replicas) 100 | ceil | int }}
{{- else }}
{{- $least = int .minAvailable }}
{{- end }}
{{- if ge $least $replicas }}
{{- fail (printf "podDisruptionBudget.minAvailable is %v, and replicaCount is %d: no pod may go, so no node with one of them can be drained. Set replicaCount to %d, or podDisruptionBudget.maxUnavailable to 1." .minAvailable $replicas (add1 $least)) }}
{{- end }}
{{- end }}
{{- end }}
{{- $sources := list }}
{{- if .Values.caBundle.inline }}{{ $sources = append $sources "caBundle.inline" }}{{ end }}
{{- if .Values.caBundle.configMap.name }}{{ $sources = append $sources "caBundle.configMap.name" }}{{ end }}
{{- if .Values.caBundle.secret.name }}{{ $sources = append $sources "caBundle.secret.name" }}{{ end }}
{{- if gt (len $sources) 1 }}
{{- fail (printf "%s are set: the certificates come from one place. Set one of them." (join " and " $sources)) }}
{{- end }}
{{- with .Values.networkPolicy }}
{{- if and (kindIs "slice" .ingress) .metricsFrom }}
{{- fail "networkPolicy.ingress and networkPolicy.metricsFrom are set: ingress replaces the rule that metricsFrom is a part of. Set one of them." }}
{{- end }}
{{- if and .enabled (not (kindIs "slice" .ingress)) (not .metricsFrom) }}
{{- fail "networkPolicy.enabled is true, and networkPolicy.metricsFrom does not say who may reach the metrics port. Set it, for example to [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]; [{namespaceSelector: {}}] is every pod of the cluster; for nobody, set networkPolicy.ingress to []." }}
{{- end }}
{{- if and (kindIs "slice" .egress) (or .proxyPorts .extraEgress) }}
{{- fail "networkPolicy.egress is set, and so is proxyPorts or extraEgress: egress replaces the rules that they are a part of. Write all into egress, or unset it." }}
{{- end }}
{{- end }}
{{- if and .Values.networkPolicy.enabled (not (kindIs "slice" .Values.networkPolicy.egress)) (not .Values.networkPolicy.extraEgress) }}
{{- $open := list }}
{{- range concat .Values.networkPolicy.apiServerPorts .Values.networkPolicy.aiCorePorts .Values.networkPolicy.proxyPorts }}
{{- $open = append $open (int .) }}
{{- end }}
{{- range $name, $url := dict "proxy.https" .Values.proxy.https "proxy.http" .Values.proxy.http }}
{{- with $url }}
{{- $port := int (include "aicore-registry-operator.port" .) }}
{{- if not (has $port $open) }}
{{- fail (printf "%s is %s, and networkPolicy.proxyPorts does not have %d. Set it to [%d]." $name (regexReplaceAll "//.*@" . "//") $port $port) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.otlp.endpoint }}
{{- $port := int (include "aicore-registry-operator.port" .) }}
{{- if not (has $port $open) }}
{{- fail (printf "otlp.endpoint is %s, and the network policy does not open port %d. Add a rule for it to networkPolicy.extraEgress, such as [{ports: [{protocol: TCP, port: %d}]}]." (regexReplaceAll "//.*@" . "//") $port $port) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.service.enabled) }}
{{- fail "metrics.serviceMonitor.enabled is true, and service.enabled is false: a ServiceMonitor scrapes a Service. Enable the Service, or use metrics.podMonitor." }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled }}
{{- fail "metrics.serviceMonitor.enabled and metrics.podMonitor.enabled are true: each pod would be scraped twice. Enable one of them." }}
{{- end }}
{{- end }}

{{/* The port of a URL: its own, else that of its scheme. */}}
{{- define "aicore-registry-operator.port" -}}
{{- $authority := regexReplaceAll "^[^/]*//([^/?#]*@)?" . "" | regexFind "^[^/?#]*" }}
{{- $own := regexFind ":[0-9]+$" $authority | trimPrefix ":" }}
{{- if $own }}{{ $own }}{{ else if hasPrefix "https:" . }}443{{ else if hasPrefix "socks5" . }}1080{{ else }}80{{ end }}
{{- end }}
