{{/* Labels of every object. */}}
{{- define "modelalias.labels" -}}
{{- $own := dict
  "app.kubernetes.io/name" "modelalias"
  "app.kubernetes.io/part-of" "modelalias"
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_")
-}}
{{- toYaml (merge $own .Values.commonLabels) -}}
{{- end }}

{{/* Labels of the pods of a component: none that changes with each release of the chart. */}}
{{- define "modelalias.podLabels" -}}
{{- $own := dict
  "app.kubernetes.io/name" "modelalias"
  "app.kubernetes.io/part-of" "modelalias"
  "app.kubernetes.io/component" .component
-}}
{{- toYaml (merge $own .labels .root.Values.commonLabels) -}}
{{- end }}

{{/* The metadata of an object: root, name; namespace, labels, annotations where it has its own. */}}
{{- define "modelalias.metadata" -}}
name: {{ .name }}
namespace: {{ default .root.Release.Namespace .namespace }}
labels:
  {{- toYaml (merge (include "modelalias.labels" .root | fromYaml) (default dict .labels)) | nindent 2 }}
{{- with merge (dict) (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
The objects of a file that manifests/ has too, in this release's namespace, with its account and its labels. `without` names those
that are left out, as Kind/name.
*/}}
{{- define "modelalias.shared" -}}
{{- $root := .root }}
{{- $without := default list .without }}
{{- $account := printf "system:serviceaccount:%s:" $root.Release.Namespace }}
{{- range $text := splitList "\n---\n" ($root.Files.Get .file) }}
{{- $text = replace "modelalias-system" $root.Release.Namespace $text }}
{{- $text = replace (print $account "modelalias-operator") (print $account $root.Values.serviceAccount.name) $text }}
{{- $object := fromYaml $text }}
{{- if not (has (printf "%s/%s" $object.kind $object.metadata.name) $without) }}
{{- range $object.subjects }}
{{- if and (eq .kind "ServiceAccount") (eq .name "modelalias-operator") }}
{{- $_ := set . "name" $root.Values.serviceAccount.name }}
{{- end }}
{{- end }}
{{- $labels := default dict $object.metadata.labels }}
{{- if not $root.Values.rbac.aggregateClusterRoles }}
{{- $labels = omit $labels "rbac.authorization.k8s.io/aggregate-to-view" "rbac.authorization.k8s.io/aggregate-to-edit" }}
{{- end }}
{{- if and $root.Values.rbac.deleteStuckPods (eq $object.metadata.name "modelalias-operator-workloads") (eq $object.kind "ClusterRole") }}
{{- $pods := dict "apiGroups" (list "") "resources" (list "pods") "verbs" (list "delete") }}
{{- $_ := set $object "rules" (append $object.rules $pods) }}
{{- end }}
{{- $_ := set $object.metadata "labels" (merge (include "modelalias.labels" $root | fromYaml) $labels) }}
{{- with $root.Values.commonAnnotations }}
{{- $_ := set $object.metadata "annotations" . }}
{{- end }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}
{{- end }}

{{/* The name of an image: repository with digest, tag, or the version that the chart is for. */}}
{{- define "modelalias.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ default .root.Chart.AppVersion .image.tag }}
{{- end -}}
{{- end }}

{{/* The operator's configuration: what the values say, and where its Lease is. */}}
{{- define "modelalias.config" -}}
{{- $lease := dict "lease" (dict "namespace" .Release.Namespace) -}}
{{- toYaml (merge $lease .Values.config) -}}
{{- end }}

{{- define "modelalias.metricsEnabled" -}}
{{- if dig "metrics" "enabled" true .Values.config }}yes{{ end -}}
{{- end }}

{{/* Where pods run: the values of the operator or of the dashboard. */}}
{{- define "modelalias.scheduling" -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" }}
{{- with get $.values $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* The dashboard's configuration. Where a proxy in the pod says who looks, nobody else may reach it. */}}
{{- define "modelalias.dashboardConfig" -}}
{{- $address := eq .Values.dashboard.config.auth.mode "impersonate" | ternary "127.0.0.1" "0.0.0.0" -}}
{{- $listen := dict "address" $address "port" (include "modelalias.dashboardPort" . | int) -}}
{{- toYaml (merge (dict "listen" $listen) .Values.dashboard.config) -}}
{{- end }}

{{- define "modelalias.dashboardPort" -}}
{{- dig "listen" "port" 8300 .Values.dashboard.config -}}
{{- end }}
