// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import networkingv1 "k8s.io/api/networking/v1"

// NetworkPolicy has what the generated policies share.
type NetworkPolicy struct {
	// Baseline is Namespace for a default-deny of every pod in metadata.namespace, Owned for one that selects our pods only,
	// None for no baseline. Default: Namespace with namespace.create, else Owned.
	// +optional
	Baseline Baseline `json:"baseline,omitempty"`
	// DNS says where the cluster's DNS servers are.
	// +optional
	// +kubebuilder:default={}
	DNS DNS `json:"dns,omitempty"`
	// RestateCloud says which addresses Restate Cloud has.
	// +optional
	// +kubebuilder:default={}
	RestateCloud RestateCloud `json:"restateCloud,omitempty"`
}

// Baseline says which pods the default-deny selects.
// +kubebuilder:validation:Enum=Namespace;Owned;None
type Baseline string

// The baselines.
const (
	BaselineNamespace Baseline = "Namespace"
	BaselineOwned     Baseline = "Owned"
	BaselineNone      Baseline = "None"
)

// Values lists what is allowed.
func (Baseline) Values() []string { return []string{"Namespace", "Owned", "None"} }

// DNS says where the cluster's DNS servers are, as seen by a network policy: pods and pod ports.
type DNS struct {
	// +optional
	// +kubebuilder:default=Kubernetes
	Profile DNSProfile `json:"profile,omitempty"`
	// To replaces the profile's peers.
	// +optional
	To []networkingv1.NetworkPolicyPeer `json:"to,omitempty"`
	// Ports replace the profile's ports; each is opened for UDP and TCP.
	// +optional
	Ports []int32 `json:"ports,omitempty"`
}

// DNSProfile is a known placement of the DNS servers.
// +kubebuilder:validation:Enum=Kubernetes;OpenShift;Gardener;NodeLocal
type DNSProfile string

// The profiles.
const (
	// DNSKubernetes is CoreDNS or kube-dns: pods labelled k8s-app=kube-dns in kube-system, port 53.
	DNSKubernetes DNSProfile = "Kubernetes"
	// DNSOpenShift is that of the DNS operator: pods labelled dns.operator.openshift.io/daemonset-dns=default in openshift-dns, port 5353.
	DNSOpenShift DNSProfile = "OpenShift"
	// DNSGardener is CoreDNS of a shoot, whose pods listen on port 8053, and the node-local cache.
	DNSGardener DNSProfile = "Gardener"
	// DNSNodeLocal is the node-local cache at 169.254.20.10, beside CoreDNS.
	DNSNodeLocal DNSProfile = "NodeLocal"
)

// Values lists what is allowed.
func (DNSProfile) Values() []string {
	return []string{string(DNSKubernetes), string(DNSOpenShift), string(DNSGardener), string(DNSNodeLocal)}
}

// RestateCloud says which addresses Restate Cloud has, as far as a network policy can say it.
type RestateCloud struct {
	// CIDRs that may be reached. Default: 0.0.0.0/1 and 128.0.0.0/1, none for a .byoc region. IPv6 is not opened: the tunnel
	// client cannot use it.
	// +optional
	CIDRs []string `json:"cidrs,omitempty"`
	// Except are taken out of each CIDR that contains them. Default: every private, shared, loopback, link-local, benchmark
	// and reserved range, and the Azure host.
	// +optional
	Except []string `json:"except,omitempty"`
	// TunnelPorts are the ports of the tunnel servers, from the DNS SRV record tunnel.<region>.restate.cloud. Empty opens all
	// TCP ports, with a warning.
	// +optional
	TunnelPorts []int32 `json:"tunnelPorts,omitempty"`
}
