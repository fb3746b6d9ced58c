// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Gateway is an Envoy proxy that relays authenticated calls to Restate Cloud.
type Gateway struct {
	// Replicas of each gateway.
	// +optional
	// +kubebuilder:default=2
	Replicas *int32 `json:"replicas,omitempty"`
	// Autoscaled leaves the number of replicas to an autoscaler of yours: the Deployments have no such field.
	// +optional
	Autoscaled bool `json:"autoscaled,omitempty"`
	// Resources of the Envoy container. Its limits of CPU (rounded up to whole threads) and memory (four fifths of it for the heap) are
	// Envoy's own limits as well. Default: 100m and 256Mi, limits 1 and 256Mi.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// +optional
	// +kubebuilder:default={}
	PodTemplate PodTemplate `json:"podTemplate,omitempty"`
	// PodDisruptionBudget of each gateway. Default: maxUnavailable 1.
	// +optional
	PodDisruptionBudget *PodDisruptionBudget `json:"podDisruptionBudget,omitempty"`
	// Upstream says how Restate Cloud is called.
	// +optional
	// +kubebuilder:default={}
	Upstream GatewayUpstream `json:"upstream,omitempty"`
	// TLS is the mutual TLS between exposure and gateway.
	TLS GatewayTLS `json:"tls"`
	// Auth says how callers prove who they are; at least one of the two, here or in each domain.
	Auth GatewayAuth `json:"auth"`
	// RateLimit limits each replica and each client.
	// +optional
	// +kubebuilder:default={}
	RateLimit GatewayRateLimit `json:"rateLimit,omitempty"`
	// Expose says how callers outside of the cluster reach the gateway.
	Expose Exposure `json:"expose"`
	// Services are the Restate services that may be called; required without domains, refused with them.
	// +optional
	Services []string `json:"services,omitempty"`
	// Allow is the whole list of kinds of calls. Default: call and send. Attach, output, lookup and awakeables reach invocations of every service,
	// because their paths name none; legacyPaths are /<Service>/<handler>.
	// +optional
	Allow []GatewayCall `json:"allow,omitempty"`
	// Domains get a gateway each; none means one gateway for all services.
	// +optional
	Domains map[string]GatewayDomain `json:"domains,omitempty"`
}

// GatewayUpstream says how Restate Cloud is called.
type GatewayUpstream struct {
	// Timeout of one call, from its last byte sent to the last byte of the answer: /restate/call waits for the handler.
	// +optional
	// +kubebuilder:default="1m"
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// Streaming lifts the limits of time from calls and their bodies, for answers that take longer than any timeout.
	// +optional
	Streaming bool `json:"streaming,omitempty"`
	// MaxRequestBytes of one body; a larger one is refused with 413. Default: 1 MiB.
	// +optional
	// +kubebuilder:default=1048576
	MaxRequestBytes *int64 `json:"maxRequestBytes,omitempty"`
}

// GatewayTLS is the internal mTLS between exposure and gateway.
type GatewayTLS struct {
	// IssuerRef names the cert-manager issuer of the gateways' server certificates and of the client certificate.
	IssuerRef IssuerRef `json:"issuerRef"`
	// Duration of the certificates, at least 1h.
	// +optional
	// +kubebuilder:default="24h"
	Duration *metav1.Duration `json:"duration,omitempty"`
	// RenewBefore their end.
	// +optional
	// +kubebuilder:default="8h"
	RenewBefore *metav1.Duration `json:"renewBefore,omitempty"`
	// ClientCA holds the CA of the clients' certificates. Default: ca.crt beside the server certificate, which some issuers leave empty.
	// +optional
	ClientCA *SecretKeyRef `json:"clientCA,omitempty"`
	// AllowedClientSANs are DNS names of client certificates that are let in, beside the one that is made for the exposure.
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
	// APIKeys are in a file that Envoy reads.
	// +optional
	APIKeys *GatewayAPIKeys `json:"apiKeys,omitempty"`
	// JWT says whose tokens are accepted.
	// +optional
	JWT *GatewayJWT `json:"jwt,omitempty"`
}

// GatewayAPIKeys refers to the discovery file of keys that Envoy reads.
type GatewayAPIKeys struct {
	// SecretRef names the Secret in the integration's namespace. Default: key api-key-auth.xds.yaml of restate-gateway-keys.
	// +optional
	// +kubebuilder:default={}
	SecretRef Credential `json:"secretRef,omitempty"`
}

// GatewayJWT says whose tokens are accepted.
type GatewayJWT struct {
	// Issuer is the claim iss, Audiences are those of which the claim aud must have one.
	Issuer    string   `json:"issuer"`
	Audiences []string `json:"audiences"`
	// JWKSURI is the https URL of the issuer's public keys.
	JWKSURI string `json:"jwksURI"`
	// CASecretRef holds the CA of that server, in the integration's namespace. Default: the CAs of Envoy's image.
	// +optional
	CASecretRef *SecretKeyRef `json:"caSecretRef,omitempty"`
	// Peer is that server where it runs in the cluster. Default: public addresses.
	// +optional
	Peer *networkingv1.NetworkPolicyPeer `json:"peer,omitempty"`
}

// GatewayRateLimit limits each replica and each client.
type GatewayRateLimit struct {
	// PerReplica is shared by all callers of one replica, and counts before they are known. Default: 200, burst 400.
	// +optional
	PerReplica *RateLimit `json:"perReplica,omitempty"`
	// PerClient is that of each client or JWT subject, in each replica. Default: 25, burst 50.
	// +optional
	PerClient *RateLimit `json:"perClient,omitempty"`
}

// RateLimit is a token bucket: Burst requests at once, then RequestsPerSecond.
type RateLimit struct {
	RequestsPerSecond int32 `json:"requestsPerSecond"`
	Burst             int32 `json:"burst"`
}

// Exposure is how callers outside of the cluster reach the gateway.
type Exposure struct {
	// Type of what stands in front; None leaves it to others, who present a certificate of tls.allowedClientSANs.
	Type ExposureType `json:"type"`
	// Host is the public DNS name; a domain may have its own.
	// +optional
	Host string `json:"host,omitempty"`
	// ClassName of the Ingress. Default: nginx.
	// +optional
	ClassName string `json:"className,omitempty"`
	// ClusterIssuer of cert-manager for the public certificate, of an Ingress or of a Gateway of ours.
	// +optional
	ClusterIssuer string `json:"clusterIssuer,omitempty"`
	// GatewayClassName asks for a Gateway of ours; ParentRef names one that is there.
	// +optional
	GatewayClassName string `json:"gatewayClassName,omitempty"`
	// +optional
	ParentRef *ParentRef `json:"parentRef,omitempty"`
	// ParentPresentsClientCertificate says that spec.tls.backend.clientCertificateRef of that Gateway names our client certificate.
	// +optional
	ParentPresentsClientCertificate bool `json:"parentPresentsClientCertificate,omitempty"`
	// CAConfigMap has, under ca.crt, the CA of the gateways' server certificates, for the BackendTLSPolicy. Default: the Secret of the
	// server certificate, which Gateway API leaves to the implementation (Envoy Gateway takes it).
	// +optional
	CAConfigMap string `json:"caConfigMap,omitempty"`
	// RateLimit of an Ingress, for each client address and replica of the controller.
	// +optional
	RateLimit *ExposureRateLimit `json:"rateLimit,omitempty"`
	// Controller are the pods or addresses that may connect. Default for an Ingress: those of ingress-nginx.
	// +optional
	Controller *ExposureController `json:"controller,omitempty"`
}

// ExposureType says which API exposes the gateway.
// +kubebuilder:validation:Enum=Ingress;GatewayAPI;None
type ExposureType string

// The exposures. None leaves it to others, who present a certificate of tls.allowedClientSANs.
const (
	ExposureIngress    ExposureType = "Ingress"
	ExposureGatewayAPI ExposureType = "GatewayAPI"
	ExposureNone       ExposureType = "None"
)

// Values lists what is allowed.
func (ExposureType) Values() []string {
	return []string{string(ExposureIngress), string(ExposureGatewayAPI), string(ExposureNone)}
}

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
	// CIDRs are for a controller in the host network, whose pods have the addresses of their nodes.
	// +optional
	CIDRs []string `json:"cidrs,omitempty"`
}

// GatewayCall is a kind of call.
// +kubebuilder:validation:Enum=call;send;attach;output;lookup;awakeables;legacyPaths
type GatewayCall string

// The kinds of calls (docs.restate.dev, invoking services over HTTP).
const (
	CallCall       GatewayCall = "call"
	CallSend       GatewayCall = "send"
	CallAttach     GatewayCall = "attach"
	CallOutput     GatewayCall = "output"
	CallLookup     GatewayCall = "lookup"
	CallAwakeables GatewayCall = "awakeables"
	CallLegacy     GatewayCall = "legacyPaths"
)

// Values lists what is allowed.
func (GatewayCall) Values() []string {
	return []string{string(CallCall), string(CallSend), string(CallAttach), string(CallOutput), string(CallLookup), string(CallAwakeables), string(CallLegacy)}
}

// GatewayDomain has a gateway of its own. What it leaves out is that of the gateway block.
type GatewayDomain struct {
	// Services are the Restate services that may be called.
	Services []string `json:"services"`
	// Host is the public DNS name. Default: expose.host, for one domain alone.
	// +optional
	Host string `json:"host,omitempty"`
	// APIKeys in a file of this domain's own callers. Default: auth.apiKeys.
	// +optional
	APIKeys *GatewayAPIKeys `json:"apiKeys,omitempty"`
	// JWT of this domain's own callers. Default: auth.jwt.
	// +optional
	JWT *GatewayJWT `json:"jwt,omitempty"`
	// RateLimit of this domain. Default: rateLimit.
	// +optional
	RateLimit *GatewayRateLimit `json:"rateLimit,omitempty"`
	// Credential is the Ingress-role key of this domain. Default: spec.credentials.ingress.
	// +optional
	Credential *Credential `json:"credential,omitempty"`
}
