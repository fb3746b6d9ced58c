// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// WasmCloud has the wasmCloud HTTP handlers that services call.
type WasmCloud struct {
	// Handlers by a name of their own. Workloads read the URL of each in the ConfigMap <name>-endpoints, as WASMCLOUD_<KEY>_URL.
	// +optional
	Handlers map[string]WasmCloudHandler `json:"handlers,omitempty"`
}

// WasmCloudHandler is an HTTP handler behind a wasmCloud host.
type WasmCloudHandler struct {
	// Namespace of the hosts and of the Service.
	Namespace string `json:"namespace"`
	// Service is the name of the Kubernetes Service. Default: the key of this entry. The URL is
	// http://<service>.<namespace>.svc:<port>, because wasmCloud hosts know no longer name.
	// +optional
	Service string `json:"service,omitempty"`
	// Port of the Service, part of the URL.
	// +optional
	// +kubebuilder:default=80
	Port *int32 `json:"port,omitempty"`
	// PodSelector selects the hosts. Default: wasmcloud.com/name=hostgroup, every host group of wasmCloud v2. For the hosts of
	// wasmCloud v1: app.kubernetes.io/name=wasmcloud, with the targetPort of its HTTP server.
	// +optional
	PodSelector *metav1.LabelSelector `json:"podSelector,omitempty"`
	// TargetPort is the port that the hosts listen on, used in network policies.
	// +optional
	// +kubebuilder:default=9191
	TargetPort *int32 `json:"targetPort,omitempty"`
	// Isolate closes the hosts to everybody but the services that use a handler behind them. All handlers of a host share its port,
	// so that they cannot be told apart. Where the baseline closes the namespace, it is true in any case.
	// +optional
	Isolate bool `json:"isolate,omitempty"`
}
