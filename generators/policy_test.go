// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// The parts of policies, written anew, so that a mistake in the code's own builders shows.

func ports(protocol corev1.Protocol, numbers ...int32) []networkingv1.NetworkPolicyPort {
	var out []networkingv1.NetworkPolicyPort
	for _, n := range numbers {
		out = append(out, networkingv1.NetworkPolicyPort{Protocol: ptr.To(protocol), Port: ptr.To(intstr.FromInt32(n))})
	}
	return out
}

func peer(namespace string, podLabels map[string]string) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": namespace}},
		PodSelector:       &metav1.LabelSelector{MatchLabels: podLabels},
	}
}

func block(cidr string, except ...string) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: cidr, Except: except}}
}

func ingress(ports []networkingv1.NetworkPolicyPort, peers ...networkingv1.NetworkPolicyPeer) networkingv1.NetworkPolicyIngressRule {
	return networkingv1.NetworkPolicyIngressRule{From: peers, Ports: ports}
}

func egress(ports []networkingv1.NetworkPolicyPort, peers ...networkingv1.NetworkPolicyPeer) networkingv1.NetworkPolicyEgressRule {
	return networkingv1.NetworkPolicyEgressRule{To: peers, Ports: ports}
}

var (
	kubeDNS    = peer("kube-system", map[string]string{"k8s-app": "kube-dns"})
	dnsEgress  = egress(append(ports("UDP", 53), ports("TCP", 53)...), kubeDNS)
	prometheus = peer("monitoring", map[string]string{"app.kubernetes.io/name": "prometheus"})
	tunnelPeer = peer("restate-operator", tunnelPodLabels("prod"))
	greeterPod = map[string]string{"app.kubernetes.io/name": "greeter"}
	bothWays   = []networkingv1.PolicyType{"Ingress", "Egress"}

	// cloudPeers are the public IPv4 addresses; each half has only the exceptions that lie in it, because Kubernetes refuses others.
	cloudPeers = []networkingv1.NetworkPolicyPeer{
		block("0.0.0.0/1", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8"),
		block("128.0.0.0/1", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "240.0.0.0/4"),
	}
)

func policySpec(t *testing.T, all []Built, name string) networkingv1.NetworkPolicySpec {
	t.Helper()
	return object[*networkingv1.NetworkPolicy](t, all, name).Spec
}

func defaultTunnelPolicy() networkingv1.NetworkPolicySpec {
	return networkingv1.NetworkPolicySpec{
		PodSelector: metav1.LabelSelector{MatchLabels: tunnelPodLabels("prod")},
		PolicyTypes: bothWays,
		Ingress:     []networkingv1.NetworkPolicyIngressRule{ingress(ports("TCP", 9090), prometheus)},
		Egress: []networkingv1.NetworkPolicyEgressRule{
			dnsEgress,
			egress(ports("TCP", 19080), cloudPeers...),
			egress(ports("TCP", 9080), peer("shop", greeterPod)),
		},
	}
}

func TestTunnelPolicy(t *testing.T) {
	shopPod := networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "cart"}}}
	for _, tt := range []struct {
		reason, patch string
		change        func(*networkingv1.NetworkPolicySpec)
	}{
		{"the defaults", `{}`, func(*networkingv1.NetworkPolicySpec) {}},
		{
			"a policy names the pod's port, not the Service's", `{services: {greeter: null, web: {namespace: shop, port: 80, targetPort: 8080, podSelector: {matchLabels: {app: web}}, registration: {mode: None}}}}`,
			func(p *networkingv1.NetworkPolicySpec) {
				p.Egress[2] = egress(ports("TCP", 8080), peer("shop", map[string]string{"app": "web"}))
			},
		},
		{"services stand in the order of their keys", `{services: {apple: {namespace: fruit, registration: {mode: None}}}}`, func(p *networkingv1.NetworkPolicySpec) {
			p.Egress = slices.Insert(p.Egress, 2, egress(ports("TCP", 9080), peer("fruit", map[string]string{"app.kubernetes.io/name": "apple"})))
		}},
		{"without services there is nothing to reach", `{services: null}`, func(p *networkingv1.NetworkPolicySpec) { p.Egress = p.Egress[:2] }},
		{"without known ports, all of TCP", `{networkPolicy: {restateCloud: {tunnelPorts: null}}}`, func(p *networkingv1.NetworkPolicySpec) {
			p.Egress[1].Ports = []networkingv1.NetworkPolicyPort{{Protocol: ptr.To(corev1.ProtocolTCP)}}
		}},
		{"tunnel ports are sorted and stand once", `{networkPolicy: {restateCloud: {tunnelPorts: [3, 1, 3]}}}`, func(p *networkingv1.NetworkPolicySpec) {
			p.Egress[1].Ports = ports("TCP", 1, 3)
		}},
		{
			"an exception outside of a CIDR would be refused by Kubernetes", `{networkPolicy: {restateCloud: {cidrs: [203.0.113.0/24, 198.51.100.0/24], except: [203.0.113.7/32, 203.0.113.0/24, 10.0.0.0/8]}}}`,
			func(p *networkingv1.NetworkPolicySpec) {
				p.Egress[1].To = []networkingv1.NetworkPolicyPeer{block("203.0.113.0/24", "203.0.113.7/32"), block("198.51.100.0/24")}
			},
		},
		{"an empty list of exceptions is not the default", `{networkPolicy: {restateCloud: {except: []}}}`, func(p *networkingv1.NetworkPolicySpec) {
			p.Egress[1].To = []networkingv1.NetworkPolicyPeer{block("0.0.0.0/1"), block("128.0.0.0/1")}
		}},
		{"DNS elsewhere, for both protocols", `{networkPolicy: {dns: {to: [{ipBlock: {cidr: 169.254.20.10/32}}], ports: [53, 5353]}}}`, func(p *networkingv1.NetworkPolicySpec) {
			p.Egress[0] = egress(slices.Concat(ports("UDP", 53), ports("TCP", 53), ports("UDP", 5353), ports("TCP", 5353)), block("169.254.20.10/32"))
		}},
		{"another scraper", `{observability: {scrapeFrom: {namespaceSelector: {matchLabels: {a: b}}}}}`, func(p *networkingv1.NetworkPolicySpec) {
			p.Ingress[0].From = []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}}}
		}},
		{"services that other packages register", `{tunnel: {egressTo: [{to: [{podSelector: {matchLabels: {app: cart}}}], ports: [{port: 1234}]}]}}`, func(p *networkingv1.NetworkPolicySpec) {
			p.Egress = append(p.Egress, networkingv1.NetworkPolicyEgressRule{
				To: []networkingv1.NetworkPolicyPeer{shopPod}, Ports: ports("TCP", 1234),
			})
		}},
		{
			"the remote proxy's ingress is for allowFrom, its admin port for nobody, and it calls the URLs' ports",
			`{tunnel: {remoteProxy: {enabled: true, allowFrom: [{podSelector: {matchLabels: {app: cart}}}]}}}`, func(p *networkingv1.NetworkPolicySpec) {
				p.Ingress = append(p.Ingress, ingress(ports("TCP", 8080), shopPod))
				p.Egress[1].Ports = ports("TCP", 8080, 9070, 19080)
			},
		},
		{
			"9070 is for adminFrom alone", `{tunnel: {remoteProxy: {enabled: true, allowFrom: [{podSelector: {matchLabels: {app: cart}}}], adminFrom: [{ipBlock: {cidr: 192.0.2.1/32}}]}}}`,
			func(p *networkingv1.NetworkPolicySpec) {
				p.Ingress = append(p.Ingress, ingress(ports("TCP", 8080), shopPod), ingress(ports("TCP", 9070), block("192.0.2.1/32")))
				p.Egress[1].Ports = ports("TCP", 8080, 9070, 19080)
			},
		},
		{
			"overridden URLs have their own ports, 443 when they name none", `{cloud: {ingressURL: "https://i.restate.cloud", adminURL: "https://i.restate.cloud:1"}, tunnel: {remoteProxy: {enabled: true, allowFrom: [{podSelector: {matchLabels: {app: cart}}}]}}}`,
			func(p *networkingv1.NetworkPolicySpec) {
				p.Ingress = append(p.Ingress, ingress(ports("TCP", 8080), shopPod))
				p.Egress[1].Ports = ports("TCP", 1, 443, 19080)
			},
		},
	} {
		want := defaultTunnelPolicy()
		tt.change(&want)
		all := built(t, operatorBase, `{spec: `+tt.patch+`}`)
		if d := cmp.Diff(want, policySpec(t, all, "prod-tunnel")); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
		if !has(all, "NetworkPolicy restate-operator/prod-tunnel") {
			t.Errorf("%s: the policy is not where the operator makes the pods", tt.reason)
		}
	}
}

// TestStandaloneTunnelPolicy differs in namespace and labels alone.
func TestStandaloneTunnelPolicy(t *testing.T) {
	want := defaultTunnelPolicy()
	want.PodSelector.MatchLabels = standaloneLabels
	all := built(t, standaloneBase)
	if d := cmp.Diff(want, policySpec(t, all, "prod-tunnel")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if !has(all, "NetworkPolicy restate/prod-tunnel") {
		t.Error("the policy is not in the own namespace")
	}
}

// TestDNSProfiles: where DNS answers, with pod ports and not those of the Service, for both protocols.
func TestDNSProfiles(t *testing.T) {
	both := func(numbers ...int32) []networkingv1.NetworkPolicyPort {
		var out []networkingv1.NetworkPolicyPort
		for _, n := range numbers {
			out = slices.Concat(out, ports("UDP", n), ports("TCP", n))
		}
		return out
	}
	cache := block("169.254.20.10/32")
	openshift := peer("openshift-dns", map[string]string{"dns.operator.openshift.io/daemonset-dns": "default"})
	for _, tt := range []struct {
		dns  string
		want networkingv1.NetworkPolicyEgressRule
	}{
		{`{}`, egress(both(53), kubeDNS)},
		{`{profile: Kubernetes}`, egress(both(53), kubeDNS)},
		{`{profile: OpenShift}`, egress(both(5353), openshift)},
		{`{profile: Gardener}`, egress(both(53, 8053), kubeDNS, cache)},
		{`{profile: NodeLocal}`, egress(both(53), kubeDNS, cache)},
		{`{profile: OpenShift, ports: [53, 54]}`, egress(both(53, 54), openshift)},
		{`{profile: NodeLocal, to: [{ipBlock: {cidr: 192.0.2.1/32}}]}`, egress(both(53), block("192.0.2.1/32"))},
		{`{profile: Gardener, to: [{ipBlock: {cidr: 192.0.2.1/32}}], ports: [1]}`, egress(both(1), block("192.0.2.1/32"))},
	} {
		all := built(t, jobBase(t), `{spec: {networkPolicy: {dns: `+tt.dns+`}}}`)
		for name, at := range map[string]int{"prod-baseline-dns": 0, "prod-tunnel": 0, "prod-registration": 0} {
			if d := cmp.Diff(tt.want, policySpec(t, all, name).Egress[at]); d != "" {
				t.Errorf("%s: %s (-want +got)\n%s", tt.dns, name, d)
			}
		}
	}
}

// TestOperatorPolicy closes the operator's own pods, whose addresses of API servers nobody can guess.
func TestOperatorPolicy(t *testing.T) {
	for _, tt := range []struct {
		apiServer string
		want      networkingv1.NetworkPolicyEgressRule
	}{
		{`{cidrs: [192.0.2.1/32]}`, egress(ports("TCP", 443, 6443), block("192.0.2.1/32"))},
		{`{cidrs: ["2001:db8::1/128", 192.0.2.0/24], ports: [8443]}`, egress(ports("TCP", 8443), block("2001:db8::1/128"), block("192.0.2.0/24"))},
		{`{cidrs: [192.0.2.1/32], ports: [3, 1, 3]}`, egress(ports("TCP", 1, 3), block("192.0.2.1/32"))},
	} {
		all := built(t, operatorBase, `{spec: {cloud: {adminURL: "https://a.restate.cloud:1"}, tunnel: {remoteProxy: {enabled: true, allowFrom: [{podSelector: {matchLabels: {a: b}}}]}, operator: {namespace: ops, apiServer: `+tt.apiServer+`}}}}`)
		want := networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "restate-operator"}},
			PolicyTypes: bothWays,
			Ingress:     []networkingv1.NetworkPolicyIngressRule{ingress(ports("TCP", 8080), prometheus)},
			Egress:      []networkingv1.NetworkPolicyEgressRule{dnsEgress, tt.want, egress(ports("TCP", 1), cloudPeers...)},
		}
		if d := cmp.Diff(want, policySpec(t, all, "prod-operator")); d != "" || !has(all, "NetworkPolicy ops/prod-operator") {
			t.Errorf("%s: (-want +got)\n%s", tt.apiServer, d)
		}
	}
	if all := built(t, operatorBase); has(all, "NetworkPolicy restate-operator/prod-operator") {
		t.Errorf("without addresses the operator would be cut off: %q", ids(all))
	}
	const at = "spec.tunnel.operator.apiServer"
	runResolve(t, operatorBase, []resolveCase{
		{"no address", `{tunnel: {operator: {apiServer: {ports: [1]}}}}`, "error RI0204 " + at + ".cidrs"},
		{"bits behind the prefix", `{tunnel: {operator: {apiServer: {cidrs: [192.0.2.1/24]}}}}`, "error RI0312 " + at + ".cidrs[0]"},
		{"a name", `{tunnel: {operator: {apiServer: {cidrs: [192.0.2.1/32, api.example]}}}}`, "error RI0312 " + at + ".cidrs[1]"},
		{"a port that is none", `{tunnel: {operator: {apiServer: {cidrs: [192.0.2.1/32], ports: [1, 65536]}}}}`, "error RI0308 " + at + ".ports[1]"},
	})
}

// TestEgressToSaysTheProtocol, as the API server would: with a default in a list that has one owner, a second field manager of the same
// rule would be in conflict with the first.
func TestEgressToSaysTheProtocol(t *testing.T) {
	rule := `egressTo: [{to: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 1}, {port: 2, protocol: UDP}, {port: 3, endPort: 4}, {}]}, {to: [{ipBlock: {cidr: 192.0.2.0/24}}]}]`
	want := []networkingv1.NetworkPolicyEgressRule{
		{To: []networkingv1.NetworkPolicyPeer{block("192.0.2.0/24")}, Ports: slices.Concat(ports("TCP", 1), ports("UDP", 2), ports("TCP", 3), []networkingv1.NetworkPolicyPort{{Protocol: ptr.To(corev1.ProtocolTCP)}})},
		{To: []networkingv1.NetworkPolicyPeer{block("192.0.2.0/24")}},
	}
	want[0].Ports[2].EndPort = ptr.To[int32](4)
	in := spec(t, operatorBase, `{spec: {tunnel: {`+rule+`}, services: {greeter: {`+rule+`}}}}`)
	m, ds := Resolve(in, Input{})
	if diag.HasError(ds) {
		t.Fatalf("%q", findings(ds))
	}
	all := Build(m)
	for _, name := range []string{"prod-tunnel", "prod-service-greeter"} {
		got := policySpec(t, all, name).Egress
		if d := cmp.Diff(want, got[len(got)-2:]); d != "" {
			t.Errorf("%s: (-want +got)\n%s", name, d)
		}
	}
	if in.Spec.Tunnel.EgressTo[0].Ports[0].Protocol != nil {
		t.Error("the spec itself has changed")
	}
}

func TestBYOCHasNoPublicAddress(t *testing.T) {
	got := policySpec(t, built(t, operatorBase, `{spec: {cloud: {region: x1.byoc}, networkPolicy: {restateCloud: {cidrs: [10.1.0.0/16]}}}}`), "prod-tunnel")
	// The default exceptions do not lie inside of 10.1.0.0/16, so that the private addresses of the VPC endpoint stay open.
	if d := cmp.Diff([]networkingv1.NetworkPolicyPeer{block("10.1.0.0/16")}, got.Egress[1].To); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestServicePolicy(t *testing.T) {
	type spec = networkingv1.NetworkPolicySpec
	cart := networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "cart"}}}
	isolated := func(rules ...networkingv1.NetworkPolicyIngressRule) *spec {
		return &spec{PodSelector: metav1.LabelSelector{MatchLabels: greeterPod}, PolicyTypes: []networkingv1.PolicyType{"Ingress"}, Ingress: rules}
	}
	for _, tt := range []struct {
		reason, base, patch string
		want                *spec
	}{
		{"the tunnel, to the pod's port", operatorBase, `{}`, isolated(ingress(ports("TCP", 9080), tunnelPeer))},
		{"the standalone tunnel lives in the own namespace", standaloneBase, `{}`, isolated(ingress(ports("TCP", 9080), peer("restate", standaloneLabels)))},
		{"another environment", operatorBase, `{tunnel: {operator: {resourceName: old, namespace: ops}}}`, isolated(ingress(ports("TCP", 9080), peer("ops", tunnelPodLabels("old"))))},
		{"the pod's port, not the Service's", standaloneBase, `{services: {greeter: {port: 80, targetPort: 8080}}}`, isolated(ingress(ports("TCP", 8080), peer("restate", standaloneLabels)))},
		{"allowFrom stands next to the tunnel", operatorBase, `{services: {greeter: {allowFrom: [{podSelector: {matchLabels: {app: cart}}}]}}}`, isolated(ingress(ports("TCP", 9080), tunnelPeer, cart))},
		{"the scraper reaches the metrics alone", operatorBase, `{services: {greeter: {metricsPort: 9464}}}`, isolated(ingress(ports("TCP", 9080), tunnelPeer), ingress(ports("TCP", 9464), prometheus))},
		{"without tunnel and peers nobody is admitted: a rule without peers would admit everybody", noTunnelBase, `{}`, isolated()},
		{"without tunnel, allowFrom alone", noTunnelBase, `{services: {greeter: {allowFrom: [{podSelector: {matchLabels: {app: cart}}}]}}}`, isolated(ingress(ports("TCP", 9080), cart))},
		{"not isolated: no policy", operatorBase, `{services: {greeter: {isolate: false}}}`, nil},
		{"isolated by default only with deployment", standaloneBase, `{services: {greeter: {isolate: null}}}`, nil},
		{"egress is closed once a rule is there, and DNS stays open", operatorBase, `{services: {greeter: {egressTo: [{to: [{podSelector: {matchLabels: {app: cart}}}]}]}}}`, &spec{
			PodSelector: metav1.LabelSelector{MatchLabels: greeterPod}, PolicyTypes: bothWays,
			Ingress: []networkingv1.NetworkPolicyIngressRule{ingress(ports("TCP", 9080), tunnelPeer)},
			Egress:  []networkingv1.NetworkPolicyEgressRule{dnsEgress, egress(nil, cart)},
		}},
		{"egress without isolation leaves the way in alone", operatorBase, `{services: {greeter: {isolate: false, egressTo: [{to: [{podSelector: {matchLabels: {app: cart}}}]}]}}}`, &spec{
			PodSelector: metav1.LabelSelector{MatchLabels: greeterPod}, PolicyTypes: []networkingv1.PolicyType{"Egress"},
			Egress: []networkingv1.NetworkPolicyEgressRule{dnsEgress, egress(nil, cart)},
		}},
	} {
		all := built(t, tt.base, `{spec: `+tt.patch+`}`)
		if tt.want == nil {
			if has(all, "NetworkPolicy shop/prod-service-greeter") {
				t.Errorf("%s: there is a policy", tt.reason)
			}
			continue
		}
		if !has(all, "NetworkPolicy shop/prod-service-greeter") {
			t.Errorf("%s: the policy is not in the service's namespace", tt.reason)
		}
		if d := cmp.Diff(*tt.want, policySpec(t, all, "prod-service-greeter")); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestServiceEgress: what a service uses is open, each on the port that it is called on, and DNS.
func TestServiceEgress(t *testing.T) {
	hosts := map[string]string{"wasmcloud.com/name": "hostgroup"}
	nats := map[string]string{"app.kubernetes.io/name": "nats", "app.kubernetes.io/component": "nats"}
	cart := networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "cart"}}}
	external := basedOn(t, noTunnelBase, `{nats: {servers: ["tls://nats.nats.svc"]}, wasmcloud: {handlers: {inventory: {namespace: wasmcloud}}}}`)
	for _, tt := range []struct {
		reason, base, patch string
		want                []networkingv1.NetworkPolicyEgressRule // without DNS, which stands first
	}{
		{"Restate, at the port of the ingress URL", operatorBase, `{services: {greeter: {uses: {restate: true}}}}`, []networkingv1.NetworkPolicyEgressRule{egress(ports("TCP", 8080), cloudPeers...)}},
		{"at the port of one that is overridden", operatorBase, `{cloud: {ingressURL: "https://x.restate.cloud"}, services: {greeter: {uses: {restate: true}}}}`, []networkingv1.NetworkPolicyEgressRule{egress(ports("TCP", 443), cloudPeers...)}},
		{"at the addresses of the VPC endpoint", noTunnelBase, `{cloud: {region: x1.byoc}, networkPolicy: {restateCloud: {cidrs: [10.1.0.0/16]}}, services: {greeter: {uses: {restate: true}}}}`, []networkingv1.NetworkPolicyEgressRule{egress(ports("TCP", 8080), block("10.1.0.0/16"))}},
		{"NATS, where its chart puts it", operatorBase, `{nats: {}, services: {greeter: {uses: {nats: true}}}}`, []networkingv1.NetworkPolicyEgressRule{egress(ports("TCP", 4222), peer("nats", nats))}},
		{
			"servers elsewhere, each namespace and port once", operatorBase, `{nats: {podSelector: {matchLabels: {a: b}}, servers: ["tls://n-0.bus.svc:4333", "tls://n-1.bus.svc:4333", "nats://n.other.svc"]}, services: {greeter: {uses: {nats: true}}}}`,
			[]networkingv1.NetworkPolicyEgressRule{egress(ports("TCP", 4333), peer("bus", map[string]string{"a": "b"})), egress(ports("TCP", 4222), peer("other", map[string]string{"a": "b"}))},
		},
		{"a handler, at the port of its hosts", operatorBase, `{wasmcloud: {handlers: {inventory: {namespace: wasmcloud, port: 8080}}}, services: {greeter: {uses: {handlers: [inventory]}}}}`, []networkingv1.NetworkPolicyEgressRule{egress(ports("TCP", 9191), peer("wasmcloud", hosts))}},
		{
			"hosts of wasmCloud v1", operatorBase, `{wasmcloud: {handlers: {inventory: {namespace: wc, targetPort: 8081, podSelector: {matchLabels: {app.kubernetes.io/name: wasmcloud}}}}}, services: {greeter: {uses: {handlers: [inventory]}}}}`,
			[]networkingv1.NetworkPolicyEgressRule{egress(ports("TCP", 8081), peer("wc", map[string]string{"app.kubernetes.io/name": "wasmcloud"}))},
		},
		{
			"all of it, and its own rules behind", operatorBase, `{nats: {}, wasmcloud: {handlers: {inventory: {namespace: wasmcloud}}}, services: {greeter: {deployment: {tunnelMode: InProcess}, uses: {restate: true, nats: true, handlers: [inventory]}, egressTo: [{to: [{podSelector: {matchLabels: {app: cart}}}]}]}}}`,
			[]networkingv1.NetworkPolicyEgressRule{
				egress(ports("TCP", 19080), cloudPeers...), egress(ports("TCP", 8080), cloudPeers...), egress(ports("TCP", 4222), peer("nats", nats)),
				egress(ports("TCP", 9191), peer("wasmcloud", hosts)), egress(nil, cart),
			},
		},
		{
			"also of a service that others run", external, `{services: {greeter: {uses: {nats: true, handlers: [inventory]}}}}`,
			[]networkingv1.NetworkPolicyEgressRule{egress(ports("TCP", 4222), peer("nats", nats)), egress(ports("TCP", 9191), peer("wasmcloud", hosts))},
		},
		{
			"also of one that is not isolated", external, `{services: {greeter: {isolate: false, uses: {nats: true}}}}`,
			[]networkingv1.NetworkPolicyEgressRule{egress(ports("TCP", 4222), peer("nats", nats))},
		},
	} {
		got := policySpec(t, built(t, tt.base, `{spec: `+tt.patch+`}`), "prod-service-greeter")
		if d := cmp.Diff(append([]networkingv1.NetworkPolicyEgressRule{dnsEgress}, tt.want...), got.Egress); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
		if !slices.Contains(got.PolicyTypes, networkingv1.PolicyTypeEgress) {
			t.Errorf("%s: the egress is not closed", tt.reason)
		}
	}
}

// TestServiceInOwnNamespace is isolated when the baseline closes the namespace: without a policy it could not be reached at all.
func TestServiceInOwnNamespace(t *testing.T) {
	all := built(t, standaloneBase, `{spec: {namespace: {create: true}, services: {greeter: {namespace: restate, isolate: null}}}}`)
	want := []networkingv1.NetworkPolicyIngressRule{ingress(ports("TCP", 9080), peer("restate", standaloneLabels))}
	if d := cmp.Diff(want, policySpec(t, all, "prod-service-greeter").Ingress); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestBaseline(t *testing.T) {
	own := metav1.LabelSelector{MatchLabels: map[string]string{"restate-integration.dev/integration": "prod"}}
	for _, tt := range []struct {
		reason, base, patch string
		want                *metav1.LabelSelector
	}{
		{"with namespace.create, every pod of the namespace", operatorBase, `{namespace: {create: true}}`, &metav1.LabelSelector{}},
		{"else our pods alone", standaloneBase, `{}`, &own},
		{"of which the operator mode has none", operatorBase, `{}`, nil},
		{"nor has no tunnel", noTunnelBase, `{}`, nil},
		{"asked for", operatorBase, `{networkPolicy: {baseline: Namespace}}`, &metav1.LabelSelector{}},
		{"Owned wins over namespace.create", standaloneBase, `{namespace: {create: true}, networkPolicy: {baseline: Owned}}`, &own},
		{"None", standaloneBase, `{networkPolicy: {baseline: None}}`, nil},
	} {
		all := built(t, tt.base, `{spec: `+tt.patch+`}`)
		if tt.want == nil {
			for _, id := range ids(all) {
				if strings.Contains(id, "baseline") {
					t.Errorf("%s: got %s", tt.reason, id)
				}
			}
			continue
		}
		deny := networkingv1.NetworkPolicySpec{PodSelector: *tt.want, PolicyTypes: bothWays}
		if d := cmp.Diff(deny, policySpec(t, all, "prod-baseline-deny")); d != "" {
			t.Errorf("%s: deny: (-want +got)\n%s", tt.reason, d)
		}
		dns := networkingv1.NetworkPolicySpec{PodSelector: *tt.want, PolicyTypes: []networkingv1.PolicyType{"Egress"}, Egress: []networkingv1.NetworkPolicyEgressRule{dnsEgress}}
		if d := cmp.Diff(dns, policySpec(t, all, "prod-baseline-dns")); d != "" {
			t.Errorf("%s: dns: (-want +got)\n%s", tt.reason, d)
		}
	}
}

func TestNamespace(t *testing.T) {
	levels := func(level string) map[string]string {
		return map[string]string{
			"pod-security.kubernetes.io/enforce": level, "pod-security.kubernetes.io/audit": level, "pod-security.kubernetes.io/warn": level,
			"app.kubernetes.io/component": "namespace", "app.kubernetes.io/part-of": "prod", "app.kubernetes.io/managed-by": "restate-integration",
		}
	}
	protected := map[string]string{
		"argocd.argoproj.io/sync-options": "Prune=false", "kustomize.toolkit.fluxcd.io/prune": "disabled", "client.lifecycle.config.k8s.io/deletion": "detach",
		"restate-integration.dev/owned-by": "restate/prod", "restate-integration.dev/component": "namespace", "restate-integration.dev/source": "spec.namespace",
	}
	ns := object[*corev1.Namespace](t, built(t, operatorBase, `{spec: {namespace: {create: true}}}`), "restate")
	if d := cmp.Diff(metav1.ObjectMeta{Name: "restate", Labels: levels("restricted"), Annotations: protected}, ns.ObjectMeta); d != "" {
		t.Errorf("default: (-want +got)\n%s", d)
	}
	ns = object[*corev1.Namespace](t, built(t, operatorBase, `{spec: {namespace: {create: true, podSecurity: baseline}, deletionPolicy: Delete}}`), "restate")
	if d := cmp.Diff(levels("baseline"), ns.Labels); d != "" {
		t.Errorf("baseline: (-want +got)\n%s", d)
	}
	if len(ns.Annotations) != 3 {
		t.Errorf("under Delete: got %q, want no protection", ns.Annotations)
	}
	if has(built(t, operatorBase), "Namespace /restate") {
		t.Error("a namespace that nobody asked for")
	}
}

func TestEndpoints(t *testing.T) {
	all := built(t, operatorBase, `{spec: {services: {second: {namespace: shop, registration: {mode: None}}, third: {namespace: restate, registration: {mode: None}}, fourth: {namespace: bank, registration: {mode: None}}}}}`)
	var got []string
	for _, b := range all {
		if c, ok := b.Object.(*corev1.ConfigMap); ok {
			got = append(got, c.Namespace)
			want := map[string]string{"RESTATE_INGRESS_URL": "https://201j05r9g0f12ygtphdszbb4scp.env.eu.restate.cloud:8080"}
			if d := cmp.Diff(want, c.Data); d != "" || c.Name != "prod-endpoints" {
				t.Errorf("%s/%s: (-want +got)\n%s", c.Namespace, c.Name, d)
			}
		}
	}
	if want := []string{"bank", "restate", "shop"}; !slices.Equal(got, want) {
		t.Errorf("in %q, want each namespace of a service and the own one once: %q", got, want)
	}
	over := object[*corev1.ConfigMap](t, built(t, noTunnelBase, `{spec: {cloud: {ingressURL: "https://i.restate.cloud/"}, services: null}}`), "prod-endpoints")
	if got := over.Data["RESTATE_INGRESS_URL"]; got != "https://i.restate.cloud" {
		t.Errorf("overridden: got %q, want the URL without its final slash", got)
	}
}
