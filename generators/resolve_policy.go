// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

func (r *resolver) policy() {
	np, path := r.spec.NetworkPolicy, specPath.Child("networkPolicy")
	r.m.Policy = Policy{
		Baseline:    np.Baseline,
		DNS:         r.dns(path.Child("dns"), np.DNS),
		Cloud:       r.cloudPeers(path.Child("restateCloud"), np.RestateCloud),
		TunnelPorts: sortedUnique(np.RestateCloud.TunnelPorts),
		Scraper:     *r.spec.Observability.ScrapeFrom,
	}
	r.sharedPeer(specPath.Child("observability", "scrapeFrom"), r.m.Policy.Scraper)
	r.operatorNamespace(path)
}

// dns opens UDP and TCP: the client looks up SRV records, whose answers can be too long for UDP, and exits when it cannot.
func (r *resolver) dns(path *field.Path, d v1alpha1.DNS) networkingv1.NetworkPolicyEgressRule {
	peers, numbers := dnsServers(d.Profile)
	if len(d.To) > 0 {
		peers = d.To
		for i, p := range d.To {
			r.sharedPeer(path.Child("to").Index(i), p)
		}
	}
	if len(d.Ports) > 0 {
		numbers = d.Ports
	}
	var ports []networkingv1.NetworkPolicyPort
	for i, number := range numbers {
		r.port(path.Child("ports").Index(i), number)
		for _, protocol := range []corev1.Protocol{corev1.ProtocolUDP, corev1.ProtocolTCP} {
			ports = append(ports, networkingv1.NetworkPolicyPort{Protocol: ptr.To(protocol), Port: ptr.To(intstr.FromInt32(number))})
		}
	}
	return to(ports, peers...)
}

// nodeLocalDNS is the address of the node-local cache (kubernetes.io/docs, NodeLocal DNSCache): it runs in the host network, so that no
// selector matches it.
const nodeLocalDNS = "169.254.20.10/32"

// dnsServers are where DNS answers: pods and their own ports, not those of the Service (kubernetes/kubernetes, cluster/addons/dns;
// openshift/cluster-dns-operator, assets/dns; gardener/gardener, pkg/component/networking/coredns).
func dnsServers(profile v1alpha1.DNSProfile) ([]networkingv1.NetworkPolicyPeer, []int32) {
	kubeDNS := podsIn(metav1.NamespaceSystem, matchLabels(map[string]string{"k8s-app": "kube-dns"}))
	cache := networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: nodeLocalDNS}}
	switch profile {
	case v1alpha1.DNSOpenShift:
		return []networkingv1.NetworkPolicyPeer{podsIn("openshift-dns", matchLabels(map[string]string{"dns.operator.openshift.io/daemonset-dns": "default"}))}, []int32{5353}
	case v1alpha1.DNSGardener:
		return []networkingv1.NetworkPolicyPeer{kubeDNS, cache}, []int32{53, 8053}
	case v1alpha1.DNSNodeLocal:
		return []networkingv1.NetworkPolicyPeer{kubeDNS, cache}, []int32{53}
	}
	return []networkingv1.NetworkPolicyPeer{kubeDNS}, []int32{53}
}

// sharedPeer checks a peer that stands in policies of several namespaces: there, pods without a namespace would be other pods in
// each.
func (r *resolver) sharedPeer(path *field.Path, p networkingv1.NetworkPolicyPeer) {
	r.peer(path, p)
	if p.PodSelector != nil && p.NamespaceSelector == nil {
		r.problem(diag.BadPeer, path, "", "add namespaceSelector", "must name the namespace of the pods, because policies of several namespaces use it")
	}
}

func (r *resolver) cloudPeers(path *field.Path, c v1alpha1.RestateCloud) []networkingv1.NetworkPolicyPeer {
	for i, p := range c.TunnelPorts {
		r.port(path.Child("tunnelPorts").Index(i), p)
	}
	r.cloudReachable(path, c)
	return r.blocks(path, c)
}

// blocks gives each CIDR the exceptions that lie inside of it.
func (r *resolver) blocks(path *field.Path, c v1alpha1.RestateCloud) []networkingv1.NetworkPolicyPeer {
	var except []netip.Prefix
	for i, raw := range c.Except {
		if p, ok := r.ipv4(path.Child("except").Index(i), raw); ok {
			except = append(except, p)
		}
	}
	var peers []networkingv1.NetworkPolicyPeer
	for i, raw := range c.CIDRs {
		outer, ok := r.ipv4(path.Child("cidrs").Index(i), raw)
		if !ok {
			continue
		}
		block := &networkingv1.IPBlock{CIDR: outer.String()}
		for _, inner := range except {
			if strictlyInside(inner, outer) {
				block.Except = append(block.Except, inner.String())
			}
		}
		peers = append(peers, networkingv1.NetworkPolicyPeer{IPBlock: block})
	}
	return peers
}

func (r *resolver) ipv4(path *field.Path, raw string) (netip.Prefix, bool) {
	p, ok := r.cidr(path, raw)
	if ok && !p.Addr().Is4() {
		r.problem(diag.BadPeer, path, "", "remove it: the tunnel client fails on IPv6", "must be an IPv4 CIDR")
		return p, false
	}
	return p, ok
}

// runsTunnel reports whether this integration runs a tunnel itself.
func (r *resolver) runsTunnel() bool {
	mode := r.spec.Tunnel.Mode
	return mode == v1alpha1.TunnelOperator || mode == v1alpha1.TunnelStandalone
}

// callsCloud reports whether a policy opens the addresses of Restate Cloud.
func (r *resolver) callsCloud() bool {
	for _, s := range r.spec.Services {
		if s.Uses.Restate {
			return true
		}
	}
	return r.runsTunnel() || r.spec.Gateway != nil || r.spec.NATS != nil && r.spec.NATS.Bridge != nil
}

func (r *resolver) cloudReachable(path *field.Path, c v1alpha1.RestateCloud) {
	if len(c.CIDRs) == 0 && r.callsCloud() { // a rule without peers would open every address
		r.problem(diag.NeedsCIDRs, path.Child("cidrs"), "", "set it to the addresses of the VPC endpoint", "must be set for a .byoc region, whose addresses are private")
	}
	if len(c.TunnelPorts) == 0 && r.runsTunnel() && regionPattern().MatchString(r.spec.Cloud.Region) {
		r.problem(diag.AllPorts, path.Child("tunnelPorts"), "", "look it up with: dig +short SRV tunnel."+r.spec.Cloud.Region+".restate.cloud",
			"is empty, so that the tunnel may open every TCP port of these addresses")
	}
}

// operatorNamespace refuses what would cut off the operator, which shares its namespace with the tunnel's pods.
func (r *resolver) operatorNamespace(path *field.Path) {
	if r.spec.Tunnel.Mode != v1alpha1.TunnelOperator || r.in.Namespace != r.spec.Tunnel.Operator.Namespace {
		return
	}
	if r.spec.Namespace.Create && r.spec.Namespace.PodSecurity == v1alpha1.PodSecurityRestricted {
		r.problem(diag.OperatorPods, specPath.Child("namespace", "podSecurity"), string(r.spec.Namespace.PodSecurity), "use baseline, or another metadata.namespace",
			"must not be restricted in the operator's namespace, because the tunnel pods that the operator makes do not pass it")
	}
	if r.spec.NetworkPolicy.Baseline == v1alpha1.BaselineNamespace {
		r.problem(diag.OperatorPods, path.Child("baseline"), string(v1alpha1.BaselineNamespace), "use Owned, or another metadata.namespace",
			"must not be Namespace in the operator's namespace, because it would close the operator's own pods")
	}
}

// closesNamespace reports whether the baseline closes every pod of a namespace.
func (r *resolver) closesNamespace(namespace string) bool {
	return r.spec.NetworkPolicy.Baseline == v1alpha1.BaselineNamespace && namespace == r.in.Namespace
}

// opensEverybody reports whether a peer selects every pod of every namespace, or a share of all addresses that no network has.
func opensEverybody(p networkingv1.NetworkPolicyPeer) bool {
	if p.IPBlock != nil {
		prefix, err := netip.ParsePrefix(p.IPBlock.CIDR)
		return err == nil && prefix.Bits() < smallestPrefix
	}
	return p.NamespaceSelector != nil && everything(p.NamespaceSelector) && (p.PodSelector == nil || everything(p.PodSelector))
}

// smallestPrefix is that of the largest private network, 10.0.0.0/8.
const smallestPrefix = 8

func everything(s *metav1.LabelSelector) bool { return len(s.MatchLabels)+len(s.MatchExpressions) == 0 }
