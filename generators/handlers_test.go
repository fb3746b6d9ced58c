// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// hostPolicies are those of wasmCloud hosts, by namespace and name.
func hostPolicies(all []Built) map[string]networkingv1.NetworkPolicySpec {
	out := map[string]networkingv1.NetworkPolicySpec{}
	for _, b := range all {
		if np, ok := b.Object.(*networkingv1.NetworkPolicy); ok && b.Component == "wasmcloud" {
			out[np.Namespace+"/"+np.Name] = np.Spec
		}
	}
	return out
}

// TestHostPolicies: handlers of one host cannot be told apart, so that the callers of all are admitted together. The hashes were
// made with sha256sum from the selector as kubectl prints it.
func TestHostPolicies(t *testing.T) {
	var (
		v2    = map[string]string{"wasmcloud.com/name": "hostgroup"}
		group = map[string]string{"wasmcloud.com/name": "hostgroup", "wasmcloud.com/hostgroup": "own"}
		other = peer("bank", map[string]string{"app.kubernetes.io/name": "teller"})
		shop  = peer("shop", greeterPod)
	)
	const (
		all   = "wasmcloud/prod-wasmcloud-wasmcloud-73a51310" // wasmcloud.com/name=hostgroup
		own   = "wasmcloud/prod-wasmcloud-wasmcloud-ce30cbb4" // wasmcloud.com/hostgroup=own,wasmcloud.com/name=hostgroup
		inOwn = `podSelector: {matchLabels: {wasmcloud.com/name: hostgroup, wasmcloud.com/hostgroup: own}}`
	)
	closed := func(labels map[string]string, rules ...networkingv1.NetworkPolicyIngressRule) networkingv1.NetworkPolicySpec {
		return networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{MatchLabels: labels}, PolicyTypes: []networkingv1.PolicyType{"Ingress"}, Ingress: rules}
	}
	type policies = map[string]networkingv1.NetworkPolicySpec
	for _, tt := range []struct {
		reason, handlers string
		uses, tellerUses string // of greeter and of teller
		want             policies
	}{
		{"open hosts are nobody's business", `{a: {namespace: wasmcloud}}`, `[a]`, `[]`, policies{}},
		{"a rule without peers would admit everybody: without callers there is none", `{a: {namespace: wasmcloud, isolate: true}}`, `[]`, `[]`, policies{all: closed(v2)}},
		{"the caller, at the port of the hosts", `{a: {namespace: wasmcloud, port: 8080, isolate: true}}`, `[a]`, `[]`, policies{all: closed(v2, ingress(ports("TCP", 9191), shop))}},
		{"callers in the order of their keys", `{a: {namespace: wasmcloud, isolate: true}}`, `[a]`, `[a]`, policies{all: closed(v2, ingress(ports("TCP", 9191), shop, other))}},
		{"callers of a handler in the same hosts", `{a: {namespace: wasmcloud, isolate: true}, b: {namespace: wasmcloud}}`, `[a]`, `[b]`, policies{all: closed(v2, ingress(ports("TCP", 9191), shop), ingress(ports("TCP", 9191), other))}},
		{"one policy for both", `{a: {namespace: wasmcloud, isolate: true}, b: {namespace: wasmcloud, isolate: true, targetPort: 9192}}`, `[a]`, `[b]`, policies{all: closed(v2, ingress(ports("TCP", 9191), shop), ingress(ports("TCP", 9192), other))}},
		{"its name does not hang on the key", `{z: {namespace: wasmcloud, isolate: true}}`, `[z]`, `[]`, policies{all: closed(v2, ingress(ports("TCP", 9191), shop))}},
		{"hosts with more labels are among those that fewer select", `{a: {namespace: wasmcloud, isolate: true}, b: {namespace: wasmcloud, ` + inOwn + `}}`, `[a]`, `[b]`, policies{all: closed(v2, ingress(ports("TCP", 9191), shop), ingress(ports("TCP", 9191), other))}},
		{"a host group of one's own admits its own callers alone", `{a: {namespace: wasmcloud}, b: {namespace: wasmcloud, isolate: true, ` + inOwn + `}}`, `[a]`, `[b]`, policies{own: closed(group, ingress(ports("TCP", 9191), other))}},
		{"hosts of another namespace are others", `{a: {namespace: wasmcloud, isolate: true}, b: {namespace: mesh}}`, `[a]`, `[b]`, policies{all: closed(v2, ingress(ports("TCP", 9191), shop))}},
		{"hosts of wasmCloud v1", `{a: {namespace: wc, isolate: true, targetPort: 8081, podSelector: {matchLabels: {app.kubernetes.io/name: wasmcloud}}}}`, `[a]`, `[]`, policies{
			"wc/prod-wasmcloud-wc-01382ea1": closed(map[string]string{"app.kubernetes.io/name": "wasmcloud"}, ingress(ports("TCP", 8081), shop)),
		}},
		{"where the baseline closes the namespace, callers are admitted in any case", `{a: {namespace: restate}}`, `[a]`, `[]`, policies{"restate/prod-wasmcloud-restate-73a51310": closed(v2, ingress(ports("TCP", 9191), shop))}},
	} {
		got := hostPolicies(built(t, operatorBase, `{spec: {networkPolicy: {baseline: Namespace}, wasmcloud: {handlers: `+tt.handlers+`}, services: {greeter: {uses: {handlers: `+tt.uses+`}}, teller: {namespace: bank, deployment: {image: "a/b:1"}, uses: {handlers: `+tt.tellerUses+`}}}}}`))
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestEndpointsOfBlocks: workloads read a name, so that a URL changes in one place.
func TestEndpointsOfBlocks(t *testing.T) {
	const ingressURL = "https://201j05r9g0f12ygtphdszbb4scp.env.eu.restate.cloud:8080"
	for _, tt := range []struct {
		reason, patch string
		want          map[string]string
	}{
		{"keys of blocks that are there", `{}`, map[string]string{"RESTATE_INGRESS_URL": ingressURL}},
		{"NATS with every server, as written", `{nats: {servers: ["tls://a.nats.svc:4222", "nats://b.nats.svc.cluster.local"]}}`, map[string]string{"RESTATE_INGRESS_URL": ingressURL, "NATS_URL": "tls://a.nats.svc:4222,nats://b.nats.svc.cluster.local"}},
		{"a handler by its short name; some clients would put port 80 into the Host header", `{wasmcloud: {handlers: {inventory: {namespace: wasmcloud}}}}`, map[string]string{"RESTATE_INGRESS_URL": ingressURL, "WASMCLOUD_INVENTORY_URL": "http://inventory.wasmcloud.svc"}},
		{"another port and Service, and a key that is no variable", `{wasmcloud: {handlers: {price-list-2: {namespace: wc, service: prices, port: 8080}}}}`, map[string]string{"RESTATE_INGRESS_URL": ingressURL, "WASMCLOUD_PRICE_LIST_2_URL": "http://prices.wc.svc:8080"}},
		{"the cluster's domain is in none of them", `{clusterDomain: k8s.example, wasmcloud: {handlers: {a: {namespace: b}}}}`, map[string]string{"RESTATE_INGRESS_URL": ingressURL, "WASMCLOUD_A_URL": "http://a.b.svc"}},
	} {
		namespaces := map[string]bool{}
		for _, b := range built(t, operatorBase, `{spec: `+tt.patch+`}`) {
			if c, ok := b.Object.(*corev1.ConfigMap); ok {
				namespaces[c.Namespace] = true
				if d := cmp.Diff(tt.want, c.Data); d != "" {
					t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
				}
			}
		}
		if d := cmp.Diff(map[string]bool{"restate": true, "shop": true}, namespaces); d != "" {
			t.Errorf("%s: namespaces (-want +got)\n%s", tt.reason, d)
		}
	}
}

func TestResolveHandlers(t *testing.T) {
	const path = "spec.wasmcloud.handlers[a]"
	handler := func(s string) string { return `{wasmcloud: {handlers: {a: {namespace: wasmcloud, ` + s + `}}}}` }
	two := func(a, b string) string {
		return `{wasmcloud: {handlers: {a: {namespace: wasmcloud, ` + a + `}, b: {namespace: wasmcloud, ` + b + `}}}}`
	}
	const inOwn = `podSelector: {matchLabels: {wasmcloud.com/name: hostgroup, wasmcloud.com/hostgroup: own}}`
	const shared = "warning RI0509 " + path + ".isolate"
	runResolve(t, operatorBase, []resolveCase{
		{"a handler", handler(``), ""},
		{"no block", `{wasmcloud: {}}`, ""},
		{"a namespace is required", `{wasmcloud: {handlers: {a: {}}}}`, "error RI0204 " + path + ".namespace"},
		{"a namespace is a label", `{wasmcloud: {handlers: {a: {namespace: a.b}}}}`, "error RI0301 " + path + ".namespace"},
		{"a key is a label", `{wasmcloud: {handlers: {a_b: {namespace: b, service: a}}}}`, "error RI0301 spec.wasmcloud.handlers[a_b]"},
		{"a Service begins with a letter", handler(`service: 1a`), "error RI0301 " + path + ".service"},
		{"a port", handler(`port: 0`), "error RI0308 " + path + ".port"},
		{"another", handler(`targetPort: 65536`), "error RI0308 " + path + ".targetPort"},
		{"an empty selector takes every pod of the namespace", handler(`podSelector: {}`), "error RI0312 " + path + ".podSelector"},
		{"a selector", handler(`podSelector: {matchExpressions: [{key: a, operator: Like}]}`), "error RI0312 " + path + ".podSelector"},
		{"hosts of its own", handler(`isolate: true`), ""},
		{"hosts that it shares", two(`isolate: true`, ``), shared},
		{"said by each that is isolated", two(`isolate: true`, `isolate: true`), shared + "; warning RI0509 spec.wasmcloud.handlers[b].isolate"},
		{"nobody is closed", two(``, ``), ""},
		{"a host group is a part of all hosts", two(`isolate: true`, inOwn), shared},
		{"and not the other way round", two(inOwn+`, isolate: true`, ``), ""},
		{"the same selector, spelled with an expression", two(`isolate: true, podSelector: {matchExpressions: [{key: a, operator: Exists}]}`, `podSelector: {matchExpressions: [{key: a, operator: Exists}]}`), shared},
		{"another namespace", `{wasmcloud: {handlers: {a: {namespace: b, isolate: true}, b: {namespace: c}}}}`, ""},
	})
	_, ds := Resolve(spec(t, operatorBase, `{spec: `+two(`isolate: true`, ``)+`}`), Input{})
	if text := ds[0].Text(); !strings.Contains(text, `"b"`) {
		t.Errorf("got %q, want the other handler by name", text)
	}
}

// TestServiceToWasmCloud: the tunnel calls hosts by a name that they do not know.
func TestServiceToWasmCloud(t *testing.T) {
	const refused = "error RI0510 spec.services[greeter]"
	hosts := `{wasmcloud: {handlers: {a: {namespace: shop, service: inventory}}}`
	service := func(s string) string { return hosts + `, services: {greeter: {` + s + `}}}` }
	runResolve(t, standaloneBase, []resolveCase{
		{"the Service of a handler", service(`service: inventory`), refused},
		{"one of that name elsewhere", service(`service: inventory, namespace: bank`), ""},
		{"another Service beside it", service(`service: greeter`), ""},
		{"the pods of wasmCloud v2, without any handler", `{services: {greeter: {podSelector: {matchLabels: {wasmcloud.com/name: hostgroup, wasmcloud.com/hostgroup: a}}}}}`, refused},
		{"other pods of wasmCloud", `{services: {greeter: {podSelector: {matchLabels: {wasmcloud.com/name: nats}}}}}`, ""},
		{"behind TLS somebody else routes", service(`service: inventory, scheme: https`), ""},
	})
	runResolve(t, operatorBase, []resolveCase{
		{"with deployment the operator names the Service", `{wasmcloud: {handlers: {a: {namespace: shop, service: greeter}}}}`, ""},
	})
	_, ds := Resolve(spec(t, standaloneBase, `{spec: {clusterDomain: k8s.example, services: {greeter: {podSelector: {matchLabels: {wasmcloud.com/name: hostgroup}}}}}}`), Input{})
	if text := ds[0].Text(); !strings.Contains(text, ".svc.k8s.example,") {
		t.Errorf("got %q, want the reason with the cluster's domain", text)
	}
}

// TestResolveNATS: a policy needs a namespace and a port, which only the name of a Service gives.
func TestResolveNATS(t *testing.T) {
	const server = "spec.nats.servers[0]"
	const plain, bad, port = "warning RI0511 " + server, "error RI0306 " + server, "error RI0308 " + server
	for _, tt := range []struct{ reason, url, want, peer string }{
		{"TLS", "tls://nats.nats.svc:4222", "", "nats:4222"},
		{"without TLS", "nats://nats.nats.svc:4222", plain, "nats:4222"},
		{"the port that clients take", "tls://nats.nats.svc", "", "nats:4222"},
		{"another", "tls://bus.messaging.svc:14222", "", "messaging:14222"},
		{"the long name", "tls://nats.nats.svc.cluster.local:4222", "", "nats:4222"},
		{"of another cluster", "tls://nats.nats.svc.k8s.example:4222", bad, ""},
		{"a web socket goes elsewhere", "ws://nats.nats.svc:4222", bad, ""},
		{"no scheme", "nats.nats.svc:4222", bad, ""},
		{"an address", "tls://10.0.0.1:4222", bad, ""},
		{"a server outside", "tls://connect.ngs.global", bad, ""},
		{"a name that hangs on the reader's namespace", "tls://nats.nats:4222", bad, ""},
		{"one pod of a set", "tls://nats-0.nats-headless.nats.svc:4222", bad, ""},
		{"no Service", "tls://.nats.svc", bad, ""},
		{"no namespace", "tls://nats..svc", bad, ""},
		{"capitals", "tls://nats.NATS.svc", bad, ""},
		{"a final dot", "tls://nats.nats.svc.", bad, ""},
		{"no host", "tls://:4222", bad, ""},
		{"a path", "tls://nats.nats.svc/a", bad, ""},
		{"a slash", "tls://nats.nats.svc/", bad, ""},
		{"a query", "tls://nats.nats.svc?a=b", bad, ""},
		{"an empty query", "tls://nats.nats.svc?", bad, ""},
		{"a fragment", "tls://nats.nats.svc#a", bad, ""},
		{"a colon without port", "tls://nats.nats.svc:", bad, ""},
		{"port 0", "tls://nats.nats.svc:0", port, ""},
		{"port 1", "tls://nats.nats.svc:1", "", "nats:1"},
		{"port 65535", "tls://nats.nats.svc:65535", "", "nats:65535"},
		{"port 65536", "tls://nats.nats.svc:65536", port, ""},
		{"a port in words", "tls://nats.nats.svc:nats", bad, ""},
		{"a password is never printed", "tls://user:pass-phrase@nats.nats.svc", bad, ""},
		{"several in one", "tls://a.nats.svc,tls://b.nats.svc", bad, ""},
	} {
		m, ds := Resolve(spec(t, operatorBase, `{spec: {nats: {servers: ["`+tt.url+`"]}}}`), Input{})
		if d := cmp.Diff(split(tt.want), findings(ds)); d != "" {
			t.Errorf("%s: %s (-want +got)\n%s", tt.reason, tt.url, d)
		}
		for _, d := range ds {
			wellFormed(t, d)
			if strings.Contains(d.Line(), "pass-phrase") {
				t.Errorf("%s: %s", tt.reason, d.Line())
			}
		}
		var peers []NATSServer
		if namespace, number, found := strings.Cut(tt.peer, ":"); found {
			p := ports("TCP", m.NATS.Servers[0].Port)[0].Port.String()
			if p != number {
				t.Errorf("%s: port %s, want %s", tt.reason, p, number)
			}
			peers = []NATSServer{{peer(namespace, map[string]string{"app.kubernetes.io/name": "nats", "app.kubernetes.io/component": "nats"}), m.NATS.Servers[0].Port}}
		}
		if d := cmp.Diff(peers, m.NATS.Servers); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
	runResolve(t, operatorBase, []resolveCase{
		{"no server", `{nats: {servers: []}}`, "error RI0204 spec.nats.servers"},
		{"each is looked at", `{nats: {servers: ["tls://a.b.svc", "nats://a.b.svc", "x"]}}`, "warning RI0511 spec.nats.servers[1]; error RI0306 spec.nats.servers[2]"},
		{"an empty selector takes every pod of the namespace", `{nats: {servers: ["tls://a.b.svc"], podSelector: {}}}`, "error RI0312 spec.nats.podSelector"},
		{"a bad selector", `{nats: {servers: ["tls://a.b.svc"], podSelector: {matchLabels: {a: "b c"}}}}`, "error RI0310 spec.nats.podSelector.matchLabels[a]; error RI0312 spec.nats.podSelector"},
		{"an account that nobody is in", `{nats: {servers: ["tls://a.b.svc"], account: {subjects: [restate.events.a]}}}`, ""},
	})
}
