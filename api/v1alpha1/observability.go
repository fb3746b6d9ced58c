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

// OTLP exports traces.
type OTLP struct {
	Endpoint string `json:"endpoint"`
	// +optional
	// +kubebuilder:default=10
	SamplingPercent *int32 `json:"samplingPercent,omitempty"`
	// +optional
	Peer *networkingv1.NetworkPolicyPeer `json:"peer,omitempty"`
}
