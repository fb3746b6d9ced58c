// SPDX-License-Identifier: Apache-2.0

package generators

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// The kinds of cert-manager v1.21 (github.com/cert-manager/cert-manager) and Gateway API v1.7 (sigs.k8s.io/gateway-api), as far as the
// function writes them.
const (
	certManagerV1 = certManagerGroup + "/v1"
	gatewayGroup  = "gateway.networking.k8s.io"
	gatewayV1     = gatewayGroup + "/v1"
)

type certificate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              certificateSpec `json:"spec"`
}

type certificateSpec struct {
	SecretName  string                `json:"secretName"`
	DNSNames    []string              `json:"dnsNames"`
	Duration    string                `json:"duration"`
	RenewBefore string                `json:"renewBefore"`
	Usages      []string              `json:"usages"`
	PrivateKey  certificatePrivateKey `json:"privateKey"`
	IssuerRef   certificateIssuerRef  `json:"issuerRef"`
}

type certificatePrivateKey struct {
	Algorithm      string `json:"algorithm"`
	Size           int    `json:"size"`
	Encoding       string `json:"encoding"`
	RotationPolicy string `json:"rotationPolicy"`
}

type certificateIssuerRef struct {
	Group string `json:"group"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
}

type gatewayAPIGateway struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              gatewayAPIGatewaySpec `json:"spec"`
}

type gatewayAPIGatewaySpec struct {
	GatewayClassName string            `json:"gatewayClassName"`
	Listeners        []gatewayListener `json:"listeners"`
	TLS              gatewayTLSConfig  `json:"tls"`
}

type gatewayListener struct {
	Name          string               `json:"name"`
	Hostname      string               `json:"hostname"`
	Port          int32                `json:"port"`
	Protocol      string               `json:"protocol"`
	TLS           gatewayListenerTLS   `json:"tls"`
	AllowedRoutes gatewayAllowedRoutes `json:"allowedRoutes"`
}

type gatewayListenerTLS struct {
	Mode            string      `json:"mode"`
	CertificateRefs []objectRef `json:"certificateRefs"`
}

type gatewayAllowedRoutes struct {
	Namespaces struct {
		From string `json:"from"`
	} `json:"namespaces"`
}

type gatewayTLSConfig struct {
	Backend struct {
		ClientCertificateRef objectRef `json:"clientCertificateRef"`
	} `json:"backend"`
}

// objectRef names an object of a core kind: its group is the empty text, which must be written.
type objectRef struct {
	Group string `json:"group"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	// SectionName is the name of a port.
	SectionName string `json:"sectionName,omitempty"`
	Port        int32  `json:"port,omitempty"`
	// Weight of a backend is written although 1 is its default: the API server fills it into a list that has one owner.
	Weight int32 `json:"weight,omitempty"`
}

type httpRoute struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              httpRouteSpec `json:"spec"`
}

type httpRouteSpec struct {
	ParentRefs []parentReference `json:"parentRefs"`
	Hostnames  []string          `json:"hostnames"`
	Rules      []httpRouteRule   `json:"rules"`
}

type parentReference struct {
	Group       string `json:"group"`
	Kind        string `json:"kind"`
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name"`
	SectionName string `json:"sectionName,omitempty"`
}

type httpRouteRule struct {
	Matches     []httpRouteMatch `json:"matches"`
	Timeouts    httpTimeouts     `json:"timeouts"`
	BackendRefs []objectRef      `json:"backendRefs"`
}

type httpRouteMatch struct {
	Path   httpPathMatch `json:"path"`
	Method string        `json:"method"`
}

type httpPathMatch struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

type httpTimeouts struct {
	Request string `json:"request"`
}

type backendTLSPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              backendTLSPolicySpec `json:"spec"`
}

type backendTLSPolicySpec struct {
	TargetRefs []objectRef          `json:"targetRefs"`
	Validation backendTLSValidation `json:"validation"`
}

type backendTLSValidation struct {
	Hostname          string      `json:"hostname"`
	CACertificateRefs []objectRef `json:"caCertificateRefs"`
}

type referenceGrant struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              referenceGrantSpec `json:"spec"`
}

type referenceGrantSpec struct {
	From []referenceGrantFrom `json:"from"`
	To   []objectRef          `json:"to"`
}

type referenceGrantFrom struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
}
