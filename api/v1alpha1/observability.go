// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Observability adds monitors, rules, a dashboard and trace export.
type Observability struct {
	// +optional
	PodMonitor *PodMonitor `json:"podMonitor,omitempty"`
	// +optional
	Rules *Rules `json:"rules,omitempty"`
	// +optional
	Dashboard *Dashboard `json:"dashboard,omitempty"`
	// +optional
	OTLP *OTLP `json:"otlp,omitempty"`
	// ScrapeFrom are the pods that scrape metrics. Default: app.kubernetes.io/name=prometheus in the namespace monitoring.
	// +optional
	ScrapeFrom *networkingv1.NetworkPolicyPeer `json:"scrapeFrom,omitempty"`
}

// PodMonitor of the Prometheus operator.
type PodMonitor struct {
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`
}

// Rules are alerts of the Prometheus operator.
type Rules struct {
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// +optional
	RunbookURL string `json:"runbookURL,omitempty"`
}

// Dashboard is a Grafana dashboard in a ConfigMap.
type Dashboard struct {
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
}

// OTLP exports the traces of the gateways.
type OTLP struct {
	// Endpoint is host:port of a collector that takes OTLP over gRPC without TLS. The port is that of its pods, too.
	Endpoint string `json:"endpoint"`
	// SamplingPercent of the traces that begin at the gateway; a caller's decision is kept.
	// +optional
	// +kubebuilder:default=10
	SamplingPercent *int32 `json:"samplingPercent,omitempty"`
	// Peer is the collector. Default: every pod in the namespace of a <service>.<namespace>.svc endpoint.
	// +optional
	Peer *networkingv1.NetworkPolicyPeer `json:"peer,omitempty"`
}
