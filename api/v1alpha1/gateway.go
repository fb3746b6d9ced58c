// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Gateway is an Envoy proxy that relays authenticated calls to Restate Cloud.
type Gateway struct {
	// Replicas of each gateway; null leaves them to an autoscaler.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// +optional
	// +kubebuilder:default={}
	PodTemplate PodTemplate `json:"podTemplate,omitempty"`
	// +optional
	PodDisruptionBudget *PodDisruptionBudget `json:"podDisruptionBudget,omitempty"`
	// +optional
	// +kubebuilder:default={}
	Upstream GatewayUpstream `json:"upstream,omitempty"`
	TLS      GatewayTLS      `json:"tls"`
	Auth     GatewayAuth     `json:"auth"`
	// +optional
	// +kubebuilder:default={}
	RateLimit GatewayRateLimit `json:"rateLimit,omitempty"`
	Expose    Exposure         `json:"expose"`
	// Services are the Restate services that may be called; required without domains.
	// +optional
	Services []string `json:"services,omitempty"`
	// Allow has the kinds of calls. Default: call and send.
	// +optional
	Allow []GatewayCall `json:"allow,omitempty"`
	// Domains get a gateway each; none means one gateway for all services.
	// +optional
	Domains map[string]GatewayDomain `json:"domains,omitempty"`
}

// GatewayUpstream says how Restate Cloud is called.
type GatewayUpstream struct {
	// +optional
	// +kubebuilder:default="60s"
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// +optional
	Streaming bool `json:"streaming,omitempty"`
}

// GatewayTLS is the internal mTLS between exposure and gateway.
type GatewayTLS struct {
	IssuerRef IssuerRef `json:"issuerRef"`
	// +optional
	// +kubebuilder:default="24h"
	Duration *metav1.Duration `json:"duration,omitempty"`
	// +optional
	// +kubebuilder:default="8h"
	RenewBefore *metav1.Duration `json:"renewBefore,omitempty"`
	// +optional
	ClientCA *SecretKeyRef `json:"clientCA,omitempty"`
	// +optional
	AllowedClientSANs []string `json:"allowedClientSANs,omitempty"`
}

// IssuerRef names a cert-manager issuer.
type IssuerRef struct {
	// +optional
	// +kubebuilder:default=certmanager.step.sm
	Group string `json:"group,omitempty"`
	// +optional
	// +kubebuilder:default=StepClusterIssuer
	Kind string `json:"kind,omitempty"`
	Name string `json:"name"`
}

// GatewayAuth says how callers prove who they are; at least one.
type GatewayAuth struct {
	// +optional
	APIKeys *GatewayAPIKeys `json:"apiKeys,omitempty"`
	// +optional
	JWT *GatewayJWT `json:"jwt,omitempty"`
}

// GatewayAPIKeys refers to the discovery file of keys that Envoy reads.
type GatewayAPIKeys struct {
	SecretRef SecretKeyRef `json:"secretRef"`
}

// GatewayJWT says whose tokens are accepted.
type GatewayJWT struct {
	Issuer    string   `json:"issuer"`
	Audiences []string `json:"audiences"`
	JWKSURI   string   `json:"jwksURI"`
	// +optional
	CASecretRef *SecretKeyRef `json:"caSecretRef,omitempty"`
	// +optional
	Peer *networkingv1.NetworkPolicyPeer `json:"peer,omitempty"`
}

// GatewayRateLimit limits each replica and each client.
type GatewayRateLimit struct {
	// +optional
	PerReplica *RateLimit `json:"perReplica,omitempty"`
	// +optional
	PerClient *RateLimit `json:"perClient,omitempty"`
}

// RateLimit is a token bucket.
type RateLimit struct {
	RequestsPerSecond int32 `json:"requestsPerSecond"`
	Burst             int32 `json:"burst"`
}

// Exposure is how callers outside of the cluster reach the gateway.
type Exposure struct {
	Type ExposureType `json:"type"`
	// +optional
	Host string `json:"host,omitempty"`
	// +optional
	// +kubebuilder:default=nginx
	ClassName string `json:"className,omitempty"`
	// +optional
	ClusterIssuer string `json:"clusterIssuer,omitempty"`
	// +optional
	GatewayClassName string `json:"gatewayClassName,omitempty"`
	// +optional
	ParentRef *ParentRef `json:"parentRef,omitempty"`
	// +optional
	ParentPresentsClientCertificate bool `json:"parentPresentsClientCertificate,omitempty"`
	// +optional
	RateLimit *ExposureRateLimit `json:"rateLimit,omitempty"`
	// +optional
	Controller *ExposureController `json:"controller,omitempty"`
}

// ExposureType says which API exposes the gateway.
// +kubebuilder:validation:Enum=Ingress;GatewayAPI;None
type ExposureType string

// Values lists what is allowed.
func (ExposureType) Values() []string { return []string{"Ingress", "GatewayAPI", "None"} }

// ParentRef names a Gateway.
type ParentRef struct {
	Name string `json:"name"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// +optional
	SectionName string `json:"sectionName,omitempty"`
}

// ExposureRateLimit limits requests before they reach the gateway.
type ExposureRateLimit struct {
	// +optional
	// +kubebuilder:default=20
	RPS *int32 `json:"rps,omitempty"`
	// +optional
	// +kubebuilder:default=20
	Connections *int32 `json:"connections,omitempty"`
	// +optional
	// +kubebuilder:default=3
	BurstMultiplier *int32 `json:"burstMultiplier,omitempty"`
}

// ExposureController names the pods or addresses of the ingress controller.
type ExposureController struct {
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// +optional
	PodSelector *metav1.LabelSelector `json:"podSelector,omitempty"`
	// +optional
	CIDRs []string `json:"cidrs,omitempty"`
}

// GatewayCall is a kind of call.
// +kubebuilder:validation:Enum=call;send;attach;output;lookup;awakeables;legacyPaths
type GatewayCall string

// Values lists what is allowed.
func (GatewayCall) Values() []string {
	return []string{"call", "send", "attach", "output", "lookup", "awakeables", "legacyPaths"}
}

// GatewayDomain has a gateway of its own.
type GatewayDomain struct {
	Services []string `json:"services"`
	// +optional
	Host string `json:"host,omitempty"`
	// +optional
	APIKeys *GatewayAPIKeys `json:"apiKeys,omitempty"`
	// +optional
	JWT *GatewayJWT `json:"jwt,omitempty"`
	// +optional
	RateLimit *GatewayRateLimit `json:"rateLimit,omitempty"`
	// +optional
	Credential *Credential `json:"credential,omitempty"`
}
