// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// runGateway resolves gatewayBase with a patch below spec.gateway.
func runGateway(t *testing.T, cases []resolveCase) {
	t.Helper()
	below := make([]resolveCase, len(cases))
	for i, c := range cases {
		below[i] = resolveCase{c.reason, `{gateway: ` + c.patch + `}`, strings.ReplaceAll(c.want, " gateway", " spec.gateway")}
	}
	runResolve(t, gatewayBase(t), below)
}

// flow is a patch with another one over it, whose nulls stay nulls.
func flow(t *testing.T, patch, over string) string {
	t.Helper()
	var put func(base, over map[string]any)
	put = func(base, over map[string]any) {
		for key, value := range over {
			if below, ok := base[key].(map[string]any); ok && value != nil {
				put(below, value.(map[string]any))
			} else {
				base[key] = value
			}
		}
	}
	tree := treeOf(t, patch)
	put(tree, treeOf(t, over))
	raw, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestResolveGateway(t *testing.T) {
	const memory, approval = "error RI0314 gateway.resources.limits.memory", "info RI1003 gateway.tls.issuerRef"
	runGateway(t, []resolveCase{
		{"the base", `{}`, ""},
		{"three", `{replicas: 3}`, ""},
		{"switched off", `{replicas: 0}`, ""},
		{"less than none", `{replicas: -1}`, "error RI0309 gateway.replicas"},
		{"an autoscaler", `{autoscaled: true}`, ""},
		{"and a number", `{autoscaled: true, replicas: 2}`, "error RI0208 gateway.replicas"},
		{"128Mi", `{resources: {limits: {memory: 128Mi}}}`, ""},
		{"a byte less", `{resources: {limits: {memory: "134217727"}}}`, memory},
		{"no limit, and so nothing to stay below", `{resources: {limits: {cpu: "1"}}}`, memory},
		{"no limits at all", `{resources: {}}`, memory},
		{"more than the limit", `{resources: {requests: {cpu: "2"}, limits: {cpu: "1", memory: 256Mi}}}`, "error RI0314 gateway.resources.requests[cpu]"},
		{"a label that selects the pods", `{podTemplate: {labels: {app.kubernetes.io/name: x}}}`, "error RI0310 gateway.podTemplate.labels[app.kubernetes.io/name]"},
		{"one of one's own", `{podTemplate: {labels: {team: x}}}`, ""},
		{"no drain", `{podDisruptionBudget: {maxUnavailable: 0}}`, "error RI0309 gateway.podDisruptionBudget.maxUnavailable"},
		{"all of them must stay", `{podDisruptionBudget: {minAvailable: 2}}`, "error RI0309 gateway.podDisruptionBudget.minAvailable"},
		{"all but one", `{replicas: 3, podDisruptionBudget: {minAvailable: 2}}`, ""},
		{"an autoscaler may go down to two", `{autoscaled: true, podDisruptionBudget: {minAvailable: 2}}`, "error RI0309 gateway.podDisruptionBudget.minAvailable"},

		{"a second", `{upstream: {timeout: 1s}}`, ""},
		{"less", `{upstream: {timeout: 999ms}}`, "error RI0309 gateway.upstream.timeout"},
		{"a day", `{upstream: {timeout: 24h}}`, ""},
		{"more", `{upstream: {timeout: 24h1s}}`, "error RI0309 gateway.upstream.timeout"},
		{"streaming", `{upstream: {streaming: true}}`, ""},
		{"for how long", `{upstream: {streaming: true, timeout: 1m}}`, "error RI0208 gateway.upstream.timeout"},
		{"one byte", `{upstream: {maxRequestBytes: 1}}`, ""},
		{"none would be no limit", `{upstream: {maxRequestBytes: 0}}`, "error RI0309 gateway.upstream.maxRequestBytes"},

		{"no issuer", `{tls: {issuerRef: {name: null}}}`, "error RI0204 gateway.tls.issuerRef.name"},
		{"an issuer of another group", `{tls: {issuerRef: {group: certmanager.step.sm, kind: StepClusterIssuer}}}`, approval},
		{"which is the default", `{tls: {issuerRef: {group: null, kind: null}}}`, approval},
		{"a name with capitals", `{tls: {issuerRef: {name: Internal}}}`, "error RI0301 gateway.tls.issuerRef.name"},
		{"a group with blanks", `{tls: {issuerRef: {group: "a b"}}}`, "error RI0301 gateway.tls.issuerRef.group; " + approval},
		{"a kind in small letters", `{tls: {issuerRef: {kind: clusterIssuer}}}`, "error RI0301 gateway.tls.issuerRef.kind"},
		{"a kind with a newline", `{tls: {issuerRef: {kind: "A\n"}}}`, "error RI0301 gateway.tls.issuerRef.kind"},
		{"an hour", `{tls: {duration: 1h, renewBefore: 5m}}`, ""},
		{"less than cert-manager takes", `{tls: {duration: 59m59s, renewBefore: 5m}}`, "error RI0309 gateway.tls.duration"},
		{"renewed too late for cert-manager", `{tls: {renewBefore: 4m59s}}`, "error RI0309 gateway.tls.renewBefore"},
		{"renewed at once, for ever", `{tls: {renewBefore: 24h}}`, "error RI0309 gateway.tls.renewBefore"},
		{"just after", `{tls: {renewBefore: 23h59m}}`, ""},
		{"longer than a day", `{tls: {duration: 25h}}`, ""},
		{"which step-ca does not issue by default", `{tls: {duration: 24h1s, issuerRef: {group: certmanager.step.sm}}}`, "warning RI1004 gateway.tls.duration; " + approval},
		{"a day it does", `{tls: {duration: 24h, issuerRef: {group: certmanager.step.sm}}}`, approval},
		{"another CA for clients", `{tls: {clientCA: {name: ca, key: ca.crt}}}`, ""},
		{"of which nothing is said", `{tls: {clientCA: {}}}`, "error RI0301 gateway.tls.clientCA.name; error RI0301 gateway.tls.clientCA.key"},
		{"in another namespace", `{tls: {clientCA: {name: ca, key: ca.crt, namespace: other}}}`, "error RI0208 gateway.tls.clientCA.namespace"},
		{"a path for a key", `{tls: {clientCA: {name: ca, key: ../ca.crt}}}`, "error RI0301 gateway.tls.clientCA.key"},
		{"another client", `{tls: {allowedClientSANs: [a.b.svc.cluster.local, a]}}`, ""},
		{"any client of a domain", `{tls: {allowedClientSANs: ["*.example.com"]}}`, "error RI0301 gateway.tls.allowedClientSANs[0]"},
		{"an address has no DNS name", `{tls: {allowedClientSANs: [a.example.com, 10.0.0.1, "2001:db8::1"]}}`, "error RI0301 gateway.tls.allowedClientSANs[1]; error RI0301 gateway.tls.allowedClientSANs[2]"},
		{"capitals, which are compared as they are", `{tls: {allowedClientSANs: [A.example.com]}}`, "error RI0301 gateway.tls.allowedClientSANs[0]"},
		{"nothing", `{tls: {allowedClientSANs: [""]}}`, "error RI0301 gateway.tls.allowedClientSANs[0]"},

		{"no call", `{allow: []}`, "error RI0204 gateway.allow"},
		{"one kind", `{allow: [send]}`, ""},
		{"the old form", `{allow: [call, legacyPaths]}`, ""},
		{"twice", `{allow: [call, send, call]}`, "error RI0202 gateway.allow[2]"},
		{"calls that name no service", `{allow: [attach, output, lookup, awakeables]}`, "warning RI1005 gateway.allow[0]; warning RI1005 gateway.allow[1]; warning RI1005 gateway.allow[2]; warning RI1005 gateway.allow[3]"},
	})
}

func TestResolveGatewayServices(t *testing.T) {
	long := strings.Repeat("a", 127)
	runGateway(t, []resolveCase{
		{"all that Restate allows", `{services: [Order, shop.Payment.v1, _1a, a-b_c, ` + long + `]}`, ""},
		{"too long", `{services: [` + long + `a]}`, "error RI0301 gateway.services[0]"},
		{"none", `{services: []}`, "error RI0204 gateway.services"},
		{"nothing", `{services: [""]}`, "error RI0301 gateway.services[0]"},
		{"twice", `{services: [a, b, a]}`, "error RI0202 gateway.services[2]"},
		{"another segment", `{services: [a/b]}`, "error RI0301 gateway.services[0]"},
		{"any service", `{services: [".*"]}`, "error RI0301 gateway.services[0]"},
		{"a choice", `{services: ["a|b"]}`, "error RI0301 gateway.services[0]"},
		{"a newline behind", `{services: ["a\n"]}`, "error RI0301 gateway.services[0]"},
		{"Restate's own paths", `{services: [restate]}`, "error RI0301 gateway.services[0]"},
		{"which are in small letters", `{services: [Restate, restate.a]}`, ""},
	})
}

func TestResolveGatewayAuth(t *testing.T) {
	const auth, jwt = "gateway.auth", "gateway.auth.jwt"
	token := func(s string) string {
		return flow(t, `{auth: {jwt: {issuer: a, audiences: [b], jwksURI: "https://idp.example.com/keys"}}}`, `{auth: {jwt: {`+s+`}}}`)
	}
	const inCluster = `jwksURI: "https://login.identity.svc/keys"`
	runGateway(t, []resolveCase{
		{"nobody asks who calls", `{auth: {apiKeys: null}}`, "error RI0204 " + auth},
		{"a Secret of another name", `{auth: {apiKeys: {secretRef: {name: a.b, key: A_b-1.yaml}}}}`, ""},
		{"no name of a Secret", `{auth: {apiKeys: {secretRef: {name: A_b}}}}`, "error RI0301 " + auth + ".apiKeys.secretRef.name"},
		{"no key of one", `{auth: {apiKeys: {secretRef: {key: a/b}}}}`, "error RI0301 " + auth + ".apiKeys.secretRef.key"},

		{"tokens", token(``), ""},
		{"any text", token(`issuer: "a b'é", audiences: ["%REQ(A)%"]`), ""},
		{"of two lines", token(`issuer: "a\nb", audiences: [a, "\tb"]`), "error RI0301 " + jwt + ".issuer; error RI0301 " + jwt + ".audiences[1]"},
		{"of two lines for YAML", token(`issuer: "a\u2028b"`), "error RI0301 " + jwt + ".issuer"},
		{"of nobody", token(`issuer: ""`), "error RI0204 " + jwt + ".issuer"},
		{"for anybody", token(`audiences: []`), "error RI0204 " + jwt + ".audiences"},
		{"for nobody, which Envoy would compare", token(`audiences: [a, ""]`), "error RI0204 " + jwt + ".audiences"},
		{"keys that anybody may change on their way", token(`jwksURI: "http://idp.example.com/keys"`), "error RI0306 " + jwt + ".jwksURI"},
		{"no keys", token(`jwksURI: ""`), "error RI0306 " + jwt + ".jwksURI"},
		{"keys of a file", token(`jwksURI: "file:///etc/keys"`), "error RI0306 " + jwt + ".jwksURI"},
		{"an address has no name in a certificate", token(`jwksURI: "https://192.0.2.1/keys"`), "error RI0306 " + jwt + ".jwksURI"},
		{"a password", token(`jwksURI: "https://a:b@idp.example.com/keys"`), "error RI0306 " + jwt + ".jwksURI"},
		{"a fragment", token(`jwksURI: "https://idp.example.com/keys#a"`), "error RI0306 " + jwt + ".jwksURI"},
		{"a blank", token(`jwksURI: "https://idp.example.com/a b"`), "error RI0306 " + jwt + ".jwksURI"},
		{"what must be escaped", token(`jwksURI: "https://idp.example.com/é"`), "error RI0306 " + jwt + ".jwksURI"},
		{"a port that is none", token(`jwksURI: "https://idp.example.com:0/keys"`), "error RI0306 " + jwt + ".jwksURI"},
		{"a query and a port", token(`jwksURI: "https://idp.example.com:8443/keys?v=1"`), ""},
		{"a CA of one's own", token(`caSecretRef: {name: a, key: b}`), ""},
		{"in another namespace, found with the URL", token(`jwksURI: x, caSecretRef: {name: a, key: b, namespace: c}`), "error RI0208 " + jwt + ".caSecretRef.namespace; error RI0306 " + jwt + ".jwksURI"},
		{"a server of this cluster", token(inCluster), "error RI0204 " + jwt + ".peer"},
		{"by its whole name", token(`jwksURI: "https://login.identity.svc.cluster.local/keys"`), "error RI0204 " + jwt + ".peer"},
		{"whose pods are named", token(inCluster + `, peer: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: identity}}}`), ""},
		{"in every namespace", token(inCluster + `, peer: {podSelector: {matchLabels: {a: b}}}`), "error RI0312 " + jwt + ".peer"},
	})
}

func TestResolveGatewayLimits(t *testing.T) {
	const path = "gateway.rateLimit"
	runGateway(t, []resolveCase{
		{"one a second", `{rateLimit: {perClient: {requestsPerSecond: 1, burst: 1}, perReplica: {requestsPerSecond: 1, burst: 1}}}`, ""},
		{"none would let nobody in", `{rateLimit: {perClient: {requestsPerSecond: 0, burst: 1}}}`, "error RI0309 " + path + ".perClient.requestsPerSecond"},
		{"a bucket smaller than a second's", `{rateLimit: {perReplica: {requestsPerSecond: 10, burst: 9}}}`, "error RI0309 " + path + ".perReplica.burst"},
		{"no bucket", `{rateLimit: {perReplica: {requestsPerSecond: -1, burst: 0}}}`, "error RI0309 " + path + ".perReplica.requestsPerSecond; error RI0309 " + path + ".perReplica.burst"},
	})
}

func TestResolveGatewayDomains(t *testing.T) {
	// domains replaces what a gateway without domains needs.
	domains := func(entries, rest string) string {
		return `{services: null, expose: {host: null}, ` + rest + ` domains: {` + entries + `}}`
	}
	const a, b = `a: {services: [A], host: a.example.com}`, `b: {services: [B], host: b.example.com}`
	const shared, keys = "info RI1007 gateway.domains[b]", `apiKeys: {secretRef: {name: own, source: External}}`
	const jwt = `jwt: {issuer: a, audiences: [b], jwksURI: "https://idp.example.com/keys"}`
	runGateway(t, []resolveCase{
		{"one", domains(a, ``), ""},
		{"two with the same callers", domains(a+`, `+b, ``), shared},
		{"two with callers of their own", domains(a+`, b: {services: [B], host: b.example.com, `+keys+`}`, ``), ""},
		{"another key of the same Secret", domains(a+`, b: {services: [B], host: b.example.com, apiKeys: {secretRef: {key: other, source: External}}}`, ``), ""},
		{"tokens are not shared by a Secret", domains(`a: {services: [A], host: a.example.com, `+jwt+`}, b: {services: [B], host: b.example.com, `+jwt+`}`, `auth: {apiKeys: null},`), ""},
		{"services of nobody's", `{expose: {host: null}, domains: {` + a + `}}`, "error RI0208 gateway.services"},
		{"a domain without services", domains(`a: {services: [], host: a.example.com}`, ``), "error RI0204 gateway.domains[a].services"},
		{"a domain without host", domains(`a: {services: [A]}`, ``), "error RI0204 gateway.domains[a].host"},
		{"which is the exposure's", `{services: null, domains: {a: {services: [A]}}}`, ""},
		{"of two domains", `{services: null, domains: {a: {services: [A]}, b: {services: [B], ` + keys + `}}}`, "error RI1008 gateway.domains[b].host"},
		{"one of which has its own", `{services: null, domains: {a: {services: [A]}, b: {services: [B], host: b.example.com, ` + keys + `}}}`, ""},
		{"both of which have", `{services: null, domains: {` + a + `, b: {services: [B], host: b.example.com, ` + keys + `}}}`, "error RI0208 gateway.expose.host"},
		{"the same host twice", domains(a+`, b: {services: [B], host: a.example.com, `+keys+`}`, ``), "error RI1008 gateway.domains[b].host"},
		{"a wildcard", domains(`a: {services: [A], host: "*.example.com"}`, ``), "error RI0301 gateway.domains[a].host"},
		{"a name of a cluster", domains(`a: {services: [A], host: a}`, ``), "error RI0301 gateway.domains[a].host"},
		{"an address", domains(`a: {services: [A], host: 192.0.2.1}`, ``), "error RI0301 gateway.domains[a].host"},
		{"capitals", domains(`A: {services: [A], host: a.example.com}`, ``), "error RI0301 gateway.domains[A]"},
		{"the client certificate's name", domains(`client: {services: [A], host: a.example.com}`, ``), "error RI0301 gateway.domains[client]"},
		{"63 characters", domains(strings.Repeat("k", 63)+`: {services: [A], host: a.example.com}`, ``), ""},
		{"64", domains(strings.Repeat("k", 64)+`: {services: [A], host: a.example.com}`, ``), "error RI0301 gateway.domains[" + strings.Repeat("k", 64) + "]"},
		{"nobody asks who calls", domains(a+`, b: {services: [B], host: b.example.com, `+keys+`}`, `auth: {apiKeys: null},`), "error RI0204 gateway.domains[a]"},
		{"keys that every domain replaces", domains(`a: {services: [A], host: a.example.com, `+keys+`}`, ``), "error RI0208 gateway.auth.apiKeys"},
		{"likewise tokens", domains(`a: {services: [A], host: a.example.com, `+jwt+`}`, `auth: {`+jwt+`},`), "error RI0208 gateway.auth.jwt"},
		{"what is wrong for all is said once", domains(a+`, `+b, `auth: {apiKeys: {secretRef: {name: A_b, source: External}}, jwt: {issuer: "", audiences: [b], jwksURI: "https://idp.example.com"}}, rateLimit: {perClient: {requestsPerSecond: 0, burst: 1}},`), "error RI0204 gateway.auth.jwt.issuer; error RI0309 gateway.rateLimit.perClient.requestsPerSecond; " + shared + "; error RI0301 gateway.auth.apiKeys.secretRef.name"},
		{"what is wrong for one is said there", domains(`a: {services: [A], host: a.example.com, apiKeys: {secretRef: {key: a/b, source: External}}, jwt: {issuer: a, audiences: [], jwksURI: "https://idp.example.com"}, rateLimit: {perClient: {requestsPerSecond: 0, burst: 1}}}, `+b, ``), "error RI0204 gateway.domains[a].jwt.audiences; error RI0309 gateway.domains[a].rateLimit.perClient.requestsPerSecond; error RI0301 gateway.domains[a].apiKeys.secretRef.key"},
		{"an exposure that has no host", domains(a, `tls: {allowedClientSANs: [a.example.com]},`)[:len(domains(a, `tls: {allowedClientSANs: [a.example.com]},`))-1] + `}`, ""},
	})
}

// TestGatewayDomainsInherit: what a domain leaves out is that of the gateway block, field by field.
func TestGatewayDomainsInherit(t *testing.T) {
	m := model(t, gatewayBase(t), withJWT, `{spec: {gateway: {services: null, rateLimit: {perReplica: {requestsPerSecond: 7, burst: 8}}, domains: {
		a: {services: [B, A], rateLimit: {perClient: {requestsPerSecond: 1, burst: 2}}, jwt: {issuer: own, audiences: [b], jwksURI: "https://a.example.com:1/k"}},
		b: {services: [C], host: b.example.com, apiKeys: {secretRef: {key: own, source: External}}, credential: {source: External}}}}}}`)
	var got []string
	for _, d := range m.Gateway.Domains {
		got = append(got, fmt.Sprintf("%s %s %v %s/%s %s %s:%d %v %v %s", d.Key, d.Host, d.Services, d.APIKeys.Name, d.APIKeys.Key, d.JWT.Issuer, d.JWT.Host, d.JWT.Port, *d.RateLimit.PerReplica, *d.RateLimit.PerClient, d.Role))
	}
	want := []string{
		"a api.example.com [A B] restate-gateway-keys/api-key-auth.xds.yaml own a.example.com:1 {7 8} {1 2} ingress",
		"b b.example.com [C] restate-gateway-keys/own https://idp.example.com/ idp.example.com:443 {7 8} {25 50} gateway/b",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if got := m.Credentials["gateway/b"].Secret; got != (secretKeyRef{"restate-ingress-b", "token"}) {
		t.Errorf("b reads %v", got)
	}
}

func TestResolveExposure(t *testing.T) {
	const path = "gateway.expose"
	expose := func(s string) string { return `{expose: {` + s + `}}` }
	nginx := func(s string) string {
		return flow(t, `{expose: {type: Ingress, gatewayClassName: null, controller: null}}`, `{expose: {`+s+`}}`)
	}
	nobody := func(s string) string {
		return `{expose: {type: None, host: null, clusterIssuer: null, gatewayClassName: null}, ` + s + `}`
	}
	others := func(s string) string {
		return flow(t, `{expose: {gatewayClassName: null, clusterIssuer: null}}`, `{expose: {`+s+`}}`)
	}
	const retired, present = "warning RI1001 " + path + ".type", `parentPresentsClientCertificate: true`
	legacy := func(n int) string {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("S%d", i))
		}
		return `{allow: [call, send, legacyPaths], services: [` + strings.Join(names, ", ") + `]}`
	}
	runGateway(t, []resolveCase{
		{"no type", expose(`type: ""`), "error RI0208 " + path + ".clusterIssuer; error RI0208 " + path + ".gatewayClassName; error RI0204 " + path + ".type"},
		{"no host", expose(`host: null`), "error RI0204 " + path + ".host"},
		{"a wildcard", expose(`host: "*.example.com"`), "error RI0301 " + path + ".host"},
		{"no dot", expose(`host: localhost`), "error RI0301 " + path + ".host"},
		{"capitals", expose(`host: API.example.com`), "error RI0301 " + path + ".host"},

		{"no Gateway", expose(`gatewayClassName: null`), "error RI0204 " + path},
		{"two of them", expose(`clusterIssuer: letsencrypt, parentRef: {name: a}, ` + present), "error RI0204 " + path + "; error RI0208 " + path + ".clusterIssuer; error RI0208 " + path + "." + present[:31]},
		{"a class with blanks", expose(`gatewayClassName: a b`), "error RI0301 " + path + ".gatewayClassName"},
		{"a Gateway of ours needs a certificate", expose(`clusterIssuer: null`), "error RI0204 " + path + ".clusterIssuer"},
		{"of an issuer", expose(`clusterIssuer: A b`), "error RI0301 " + path + ".clusterIssuer"},
		{"ours presents our client certificate", expose(present), "error RI0208 " + path + "." + present[:31]},
		{"that of others may not", others(`parentRef: {name: a}`), "error RI1002 " + path + ".parentRef"},
		{"which says that it does", others(`parentRef: {name: a}, ` + present), ""},
		{"in another namespace", others(`parentRef: {name: a, namespace: b, sectionName: c.d}, ` + present), ""},
		{"and has a certificate for its host", others(`parentRef: {name: a}, clusterIssuer: c, ` + present), "error RI0208 " + path + ".clusterIssuer"},
		{"without name", others(`parentRef: {name: ""}, ` + present), "error RI0301 " + path + ".parentRef.name"},
		{"names with capitals", others(`parentRef: {name: A, namespace: B, sectionName: C}, ` + present), "error RI0301 " + path + ".parentRef.name; error RI0301 " + path + ".parentRef.namespace; error RI0301 " + path + ".parentRef.sectionName"},
		{"a CA of the servers", expose(`caConfigMap: a`), ""},
		{"with capitals", expose(`caConfigMap: A`), "error RI0301 " + path + ".caConfigMap"},
		{"what an Ingress reads", expose(`className: a, rateLimit: {rps: 1}`), "error RI0208 " + path + ".className; error RI0208 " + path + ".rateLimit"},
		{"62 services by the old form, and two kinds more", legacy(62), ""},
		{"63", legacy(63), "error RI0309 gateway.allow"},
		{"in the largest domain", `{services: null, expose: {host: null}, domains: {a: {host: a.example.com, services: [A]}, b: {host: b.example.com, apiKeys: {secretRef: {name: b, source: External}}, services` + strings.Split(legacy(63), "services")[1] + `}, allow: [call, send, legacyPaths]}`, "error RI0309 gateway.allow"},

		{"an Ingress", nginx(``), retired},
		{"of another class", nginx(`className: edge`), retired},
		{"a class with blanks", nginx(`className: a b`), "error RI0301 " + path + ".className; " + retired},
		{"a certificate by nobody", nginx(`clusterIssuer: null`), "error RI0204 " + path + ".clusterIssuer; " + retired},
		{"by an issuer with capitals", nginx(`clusterIssuer: A`), "error RI0301 " + path + ".clusterIssuer; " + retired},
		{"one request", nginx(`rateLimit: {rps: 1, connections: 1, burstMultiplier: 1}`), retired},
		{"none would be no limit", nginx(`rateLimit: {rps: 0, connections: -1, burstMultiplier: 0}`), "error RI0309 " + path + ".rateLimit.rps; error RI0309 " + path + ".rateLimit.connections; error RI0309 " + path + ".rateLimit.burstMultiplier; " + retired},
		{"what Gateway API reads", nginx(`parentRef: {name: a}, caConfigMap: b, ` + present), "error RI0208 " + path + ".parentRef; error RI0208 " + path + "." + present[:31] + "; error RI0208 " + path + ".caConfigMap; " + retired},
		{"any number of services by the old form", `{expose: {type: Ingress, gatewayClassName: null, controller: null}, ` + legacy(70)[1:], retired},

		{"no exposure", nobody(`tls: {allowedClientSANs: [a.example.com]}`), ""},
		{"for nobody", nobody(`tls: {}`), "error RI0204 gateway.tls.allowedClientSANs"},
		{"with what an exposure reads", `{tls: {allowedClientSANs: [a]}, expose: {type: None, className: a}}`, "error RI0208 " + path + ".className; error RI0208 " + path + ".clusterIssuer; error RI0208 " + path + ".gatewayClassName; error RI0208 " + path + ".host"},
	})
}

func TestResolveController(t *testing.T) {
	const path = "gateway.expose.controller"
	controller := func(s string) string {
		return flow(t, `{expose: {controller: {namespace: null, podSelector: null}}}`, `{expose: {controller: {`+s+`}}}`)
	}
	runGateway(t, []resolveCase{
		{"whoever has the network policy open", `{expose: {controller: null}}`, "error RI0204 " + path},
		{"nobody", controller(``), "error RI0204 " + path},
		{"a namespace", controller(`namespace: edge`), "error RI0204 " + path},
		{"all pods of it", controller(`namespace: edge, podSelector: {matchLabels: null}`), "error RI0204 " + path},
		{"pods of any namespace", controller(`podSelector: {matchLabels: {a: b}}`), "error RI0204 " + path},
		{"a namespace with capitals", controller(`namespace: Edge, podSelector: {matchLabels: {a: b}}`), "error RI0301 " + path + ".namespace"},
		{"a selector by expression", controller(`namespace: edge, podSelector: {matchExpressions: [{key: a, operator: Exists}]}`), ""},
		{"one that is none", controller(`namespace: edge, podSelector: {matchExpressions: [{key: a, operator: Is}]}`), "error RI0312 " + path + ".podSelector"},
		{"nodes", controller(`cidrs: [10.0.0.0/16, "2001:db8::/64"]`), ""},
		{"a large network", controller(`cidrs: [10.0.0.0/8]`), ""},
		{"the world", controller(`cidrs: [0.0.0.0/0]`), "error RI0312 " + path + ".cidrs[0]"},
		{"half of it", controller(`cidrs: [10.0.0.0/16, 128.0.0.0/1]`), "error RI0312 " + path + ".cidrs[1]"},
		{"an address", controller(`cidrs: [10.0.0.1]`), "error RI0312 " + path + ".cidrs[0]"},
		{"nodes and pods", controller(`cidrs: [10.0.0.0/16], namespace: edge`), "error RI0312 " + path + ".cidrs"},
	})
}

func TestResolveGatewaySurroundings(t *testing.T) {
	const otlp = "spec.observability.otlp"
	collector := func(s string) string { return `{observability: {otlp: {` + s + `}}}` }
	runResolve(t, gatewayBase(t), []resolveCase{
		{"an image", `{images: {envoy: "mirror.example/envoy:v1.40.1"}}`, ""},
		{"without a tag", `{images: {envoy: envoy}}`, "error RI0311 spec.images.envoy"},

		{"Restate Cloud by another name", `{cloud: {ingressURL: "https://x.restate.cloud:8443/"}}`, ""},
		{"with a path", `{cloud: {ingressURL: "https://x.restate.cloud/a"}}`, "error RI0306 spec.cloud.ingressURL"},
		{"by address", `{cloud: {ingressURL: "https://[2001:db8::1]:8080", allowedHosts: [a]}}`, "error RI0307 spec.cloud.ingressURL; error RI0306 spec.cloud.ingressURL"},

		{"a collector", collector(`endpoint: "otel.obs.svc:4317"`), ""},
		{"by its whole name", collector(`endpoint: "otel.obs.svc.cluster.local:4317"`), ""},
		{"a URL", collector(`endpoint: "http://otel.obs.svc:4317"`), "error RI0306 " + otlp + ".endpoint"},
		{"no port", collector(`endpoint: otel.obs.svc`), "error RI0306 " + otlp + ".endpoint"},
		{"the port 0", collector(`endpoint: "otel.obs.svc:0"`), "error RI0306 " + otlp + ".endpoint"},
		{"a port too many", collector(`endpoint: "otel.obs.svc:65536"`), "error RI0306 " + otlp + ".endpoint"},
		{"the last port", collector(`endpoint: "otel.obs.svc:65535"`), ""},
		{"a path", collector(`endpoint: "otel.obs.svc:4317/v1"`), "error RI0306 " + otlp + ".endpoint"},
		{"an address", collector(`endpoint: "10.0.0.1:4317"`), "error RI0306 " + otlp + ".endpoint"},
		{"one outside of the cluster", collector(`endpoint: "otel.example.com:4317"`), "error RI0204 " + otlp + ".peer"},
		{"whose address is named", collector(`endpoint: "otel.example.com:4317", peer: {ipBlock: {cidr: 192.0.2.0/24}}`), ""},
		{"pods of any namespace", collector(`endpoint: "otel.obs.svc:4317", peer: {podSelector: {matchLabels: {a: b}}}`), "error RI0312 " + otlp + ".peer"},
		{"every trace", collector(`endpoint: "otel.obs.svc:4317", samplingPercent: 100`), ""},
		{"and more", collector(`endpoint: "otel.obs.svc:4317", samplingPercent: 101`), "error RI0309 " + otlp + ".samplingPercent"},
		{"less than none", collector(`endpoint: "otel.obs.svc:4317", samplingPercent: -1`), "error RI0309 " + otlp + ".samplingPercent"},

		{"gRPC through nginx", `{annotations: {nginx.ingress.kubernetes.io/backend-protocol: GRPC}}`, "error RI1006 spec.annotations[nginx.ingress.kubernetes.io/backend-protocol]"},
		{"verification that somebody turns off", `{annotations: {nginx.ingress.kubernetes.io/proxy-ssl-verify: "off"}}`, "error RI0310 spec.annotations[nginx.ingress.kubernetes.io/proxy-ssl-verify]"},
		{"another issuer", `{annotations: {cert-manager.io/issuer: a}}`, "error RI0310 spec.annotations[cert-manager.io/issuer]"},

		{"API keys that are not in sight", `{gateway: {auth: {apiKeys: {secretRef: {source: null}}}}}`, "warning RI0409 spec.gateway.auth.apiKeys.secretRef.name"},
		{"which have no rollout, because Envoy reads them anew", `{gateway: {auth: {apiKeys: {secretRef: {rolloutKey: "1"}}}}}`, "error RI0208 spec.gateway.auth.apiKeys.secretRef.rolloutKey"},
		{"and are no key of Restate Cloud", `{gateway: {auth: {apiKeys: {secretRef: {name: restate-ingress, key: token}}}}}`, "warning RI0430 spec.gateway.auth.apiKeys.secretRef"},
		{"a key that is not in sight", `{credentials: {ingress: null}}`, "warning RI0409 spec.credentials.ingress.name"},
		{"one of a domain", `{credentials: {ingress: null}, gateway: {services: null, domains: {a: {services: [A], credential: {}}}}}`, "warning RI0409 spec.gateway.domains[a].credential.name"},
		{"which makes the common one idle", `{gateway: {services: null, domains: {a: {services: [A], credential: {source: External}}}}}`, "error RI0208 spec.credentials.ingress"},
		{"a key with more rights", `{gateway: {services: null, domains: {a: {services: [A], credential: {source: External}}, b: {services: [B], host: b.example.com, apiKeys: {secretRef: {name: b, source: External}}}}}, credentials: {ingress: {name: restate-ingress-a}}}`, ""},
		{"no key has a rollout", `{credentials: {ingress: {rolloutKey: "1"}}}`, "error RI0208 spec.credentials.ingress.rolloutKey"},
		{"nor that of a domain", `{credentials: {ingress: null}, gateway: {services: null, domains: {a: {services: [A], credential: {source: External, rolloutKey: "1"}}}}}`, "error RI0208 spec.gateway.domains[a].credential.rolloutKey"},
	})
	runResolve(t, noTunnelBase, []resolveCase{
		{"an image that runs nowhere", `{images: {envoy: "mirror.example/envoy:v1.40.1"}}`, "error RI0208 spec.images.envoy"},
		{"traces of nobody", collector(`endpoint: "otel.obs.svc:4317"`), "error RI0208 " + otlp},
	})
	// It begins the name of a Service.
	for name, want := range map[string]string{"0prod": "error RI0301 metadata.name", "p0": ""} {
		_, ds := Resolve(spec(t, gatewayBase(t), `{metadata: {name: `+name+`}}`), Input{})
		if got := strings.Join(findings(ds), "; "); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestGatewayRoleIsIngress: a domain's key that is the tunnel's as well has the rights of both.
func TestGatewayRoleIsIngress(t *testing.T) {
	patch := `{spec: {credentials: {tunnel: {name: shared}}, gateway: {tls: {issuerRef: {group: cert-manager.io, kind: ClusterIssuer, name: a}}, auth: {apiKeys: {secretRef: {source: External}}},
		expose: {type: GatewayAPI, host: a.example.com, clusterIssuer: b, gatewayClassName: c, controller: {cidrs: [10.0.0.0/16]}},
		domains: {a: {services: [A], credential: {name: shared, source: External}}}}}}`
	_, ds := Resolve(spec(t, standaloneBase, patch), Input{})
	if got := strings.Join(findings(ds), "; "); got != "warning RI0430 spec.gateway.domains[a].credential" || diag.HasError(ds) {
		t.Errorf("got %q", got)
	}
}

// TestGatewayRoles: who reads which Secret. What several domains share is of the gateway block, or of the first of them.
func TestGatewayRoles(t *testing.T) {
	for _, tt := range []struct{ reason, patch, want string }{
		{"one gateway", `{services: [A], auth: {apiKeys: {}}}`, "spec.credentials.ingress restate-ingress/token; spec.gateway.auth.apiKeys.secretRef restate-gateway-keys/api-key-auth.xds.yaml"},
		{"no API keys", `{services: [A], auth: {jwt: ` + jwtAuthority + `}}`, "spec.credentials.ingress restate-ingress/token"},
		{"domains that share all", `{auth: {apiKeys: {}}, domains: {a: {services: [A]}, b: {services: [B]}}}`, "spec.credentials.ingress restate-ingress/token; spec.gateway.auth.apiKeys.secretRef restate-gateway-keys/api-key-auth.xds.yaml"},
		{"domains that share nothing", `{auth: {}, domains: {a: {services: [A], apiKeys: {secretRef: {name: x}}, credential: {}}, b: {services: [B], apiKeys: {}, credential: {name: y, key: z}}}}`, "spec.gateway.domains[a].credential restate-ingress-a/token; spec.gateway.domains[b].credential y/z; spec.gateway.domains[a].apiKeys.secretRef x/api-key-auth.xds.yaml; spec.gateway.domains[b].apiKeys.secretRef restate-gateway-keys/api-key-auth.xds.yaml"},
		{"keys that two domains name", `{auth: {}, domains: {a: {services: [A], apiKeys: {}}, b: {services: [B], apiKeys: {}}}}`, "spec.credentials.ingress restate-ingress/token; spec.gateway.domains[a].apiKeys.secretRef restate-gateway-keys/api-key-auth.xds.yaml"},
		{"keys that no domain takes", `{auth: {apiKeys: {secretRef: {name: x}}}, domains: {a: {services: [A], apiKeys: {}, credential: {}}}}`, "spec.gateway.domains[a].credential restate-ingress-a/token; spec.gateway.domains[a].apiKeys.secretRef restate-gateway-keys/api-key-auth.xds.yaml"},
	} {
		text := merge(t, `{apiVersion: a, kind: b, metadata: {name: prod, namespace: restate}, spec: {cloud: {}, tunnel: {mode: None}}}`, `{spec: {gateway: `+tt.patch+`}}`)
		in, _ := read(t, text)
		var got []string
		for _, r := range Roles(in) {
			got = append(got, fmt.Sprintf("%s %s/%s", r.Path(), r.Credential.Name, r.Key))
			if d := cmp.Diff([]string{"restate"}, r.Namespaces); d != "" {
				t.Errorf("%s: %s is read elsewhere: %s", tt.reason, r.Name, d)
			}
		}
		if got := strings.Join(got, "; "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
		if before, _ := read(t, text); !cmp.Equal(before, in) {
			t.Errorf("%s: the spec was changed", tt.reason)
		}
	}
}

// TestGatewaySecretsInSight: those of the gateway are held to what all are, and a file of keys is longer than any placeholder.
func TestGatewaySecretsInSight(t *testing.T) {
	const ref = "spec.gateway.auth.apiKeys.secretRef"
	keys := func(size int, change ...func(*Secret)) Secret {
		s := sealed("restate", append([]func(*Secret){withKeys(map[string]SecretKey{"api-key-auth.xds.yaml": {Digest: "d", Size: size}})}, change...)...)
		s.Name = "restate-gateway-keys"
		return s
	}
	for _, tt := range []struct {
		reason string
		secret Secret
		want   string
	}{
		{"sealed", keys(350), ""},
		{"a placeholder", keys(349), "warning RI0429 " + ref + ".name"},
		{"another key", keys(350, withKeys(map[string]SecretKey{"other": {Digest: "d", Size: 350}})), "error RI0405 " + ref + ".key"},
		{"in another namespace", keys(350, func(s *Secret) { s.Namespace = "shop" }), "error RI0413 " + ref + ".name; warning RI0409 " + ref + ".name"},
	} {
		_, ds := Resolve(spec(t, gatewayBase(t), `{spec: {gateway: {auth: {apiKeys: {secretRef: {source: SOPS}}}}}}`), Input{Secrets: []Secret{tt.secret}})
		if got := strings.Join(findings(ds), "; "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}
