{{/* How a monitor scrapes, of its values. One map, so that no setting is there twice. */}}
{{- define "aicore-registry-operator.endpoint" -}}
{{- $endpoint := dict "port" "http" "path" "/metrics" "honorLabels" .honorLabels }}
{{- range $key, $value := pick . "interval" "scrapeTimeout" "relabelings" "metricRelabelings" }}
{{- if $value }}
{{- $_ := set $endpoint $key $value }}
{{- end }}
{{- end }}
{{- include "aicore-registry-operator.merged" (list $endpoint .endpointAdditionalProperties) }}
{{- end }}
