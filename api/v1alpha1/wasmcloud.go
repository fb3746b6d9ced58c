// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// WasmCloud has the wasmCloud HTTP handlers that services call.
type WasmCloud struct {
	// +optional
	Handlers map[string]WasmCloudHandler `json:"handlers,omitempty"`
}

// WasmCloudHandler is an HTTP handler behind a wasmCloud host.
type WasmCloudHandler struct {
	Namespace string `json:"namespace"`
	// Service is the name of the Kubernetes Service. Default: the key of this entry. The URL is
	// http://<service>.<namespace>.svc:<port>, because wasmCloud hosts know no longer name.
	// +optional
	Service string `json:"service,omitempty"`
	// +optional
	// +kubebuilder:default=80
	Port *int32 `json:"port,omitempty"`
	// PodSelector selects the hosts. Default: wasmcloud.com/name=hostgroup.
	// +optional
	PodSelector *metav1.LabelSelector `json:"podSelector,omitempty"`
	// +optional
	// +kubebuilder:default=9191
	TargetPort *int32 `json:"targetPort,omitempty"`
	// +optional
	Isolate bool `json:"isolate,omitempty"`
}
