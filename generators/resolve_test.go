// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mr-tron/base58"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// resolveCase is a spec that differs from its base in patch, and all that is to be found in it.
type resolveCase struct {
	reason string
	patch  string // below spec
	want   string // "severity code path", separated by "; "; none for a near miss
}

func runResolve(t *testing.T, base string, cases []resolveCase) {
	t.Helper()
	for _, tt := range cases {
		m, ds := Resolve(spec(t, base, `{spec: `+tt.patch+`}`), Input{})
		if !diag.HasError(ds) {
			t.Run(tt.reason, func(t *testing.T) {
				valid(t, m)
				schemaAccepts(t, merge(t, base, `{spec: `+tt.patch+`}`))
			})
		}
		if d := cmp.Diff(split(tt.want), findings(ds)); d != "" {
			t.Errorf("%s: %s (-want +got)\n%s", tt.reason, tt.patch, d)
		}
		for _, d := range ds {
			wellFormed(t, d)
		}
	}
}

func split(want string) []string {
	if want == "" {
		return nil
	}
	return strings.Split(want, "; ")
}

// wellFormed holds the words of a finding to the rules of diag.
func wellFormed(t testing.TB, d diag.Diagnostic) {
	t.Helper()
	ends := strings.HasSuffix(d.Message, ".") && !strings.HasSuffix(d.Message, " .") && !strings.HasSuffix(d.Message, "...")
	message := strings.TrimPrefix(d.Message, "Secret ") // a kind keeps its capital
	if message == "" || ends || strings.ToLower(message[:1]) != message[:1] || strings.ContainsAny(d.Text(), "\n\x1b") {
		t.Errorf("%s %s: the message %q is not one lower-case line without a period", d.Code, d.Path, d.Message)
	}
	if strings.Contains(d.Message, "%!") || strings.Contains(d.Hint, "%!") {
		t.Errorf("%s %s: bad format: %q %q", d.Code, d.Path, d.Message, d.Hint)
	}
}

// keyOf is a signing key of n bytes.
func keyOf(n int) string {
	sum := sha256.Sum256([]byte("a key for tests"))
	return "publickeyv1_" + base58.Encode(append(sum[:], sum[:]...)[:n])
}

func TestResolveMetadata(t *testing.T) {
	for _, tt := range []struct{ reason, patch, want string }{
		{"a name is required", `{metadata: {name: null}}`, "error RI0204 metadata.name"},
		{"and a namespace", `{metadata: {namespace: null}}`, "error RI0204 metadata.namespace"},
		{"capitals", `{metadata: {name: Prod}}`, "error RI0301 metadata.name"},
		{"dots would break derived names", `{metadata: {name: prod.eu}}`, "error RI0301 metadata.name"},
		{"40 characters fit", `{metadata: {name: ` + strings.Repeat("n", 40) + `}}`, ""},
		{"41 do not", `{metadata: {name: ` + strings.Repeat("n", 41) + `}}`, "error RI0301 metadata.name"},
		{"63 for a namespace", `{metadata: {namespace: ` + strings.Repeat("n", 63) + `}}`, ""},
		{"64 do not", `{metadata: {namespace: ` + strings.Repeat("n", 64) + `}}`, "error RI0301 metadata.namespace"},
		{"a final hyphen", `{metadata: {namespace: restate-}}`, "error RI0301 metadata.namespace"},
	} {
		_, ds := Resolve(spec(t, operatorBase, tt.patch), Input{})
		if d := cmp.Diff(split(tt.want), findings(ds)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
	}
	// The Standalone tunnel's Service begins with it, and Services begin with a letter.
	for name, want := range map[string]string{"0prod": "error RI0301 metadata.name", "9prod": "error RI0301 metadata.name", "p1": ""} {
		_, ds := Resolve(spec(t, standaloneBase, `{metadata: {name: `+name+`}}`), Input{})
		if d := cmp.Diff(split(want), findings(ds)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", name, d)
		}
	}
	if _, ds := Resolve(spec(t, operatorBase, `{metadata: {name: 1prod}}`), Input{}); len(ds) > 0 {
		t.Errorf("the operator puts tunnel- in front: got %q", findings(ds))
	}
}

func TestResolveCloud(t *testing.T) {
	const id, region, key = "spec.cloud.environmentId", "spec.cloud.region", "spec.cloud.signingPublicKey"
	runResolve(t, operatorBase, []resolveCase{
		{"nothing can be derived without an id", `{cloud: {environmentId: null}}`, "error RI0204 " + id},
		{"the console shows the prefix, and the tunnel sends it", `{cloud: {environmentId: 201j05r9g0f12ygtphdszbb4scp}}`, "error RI0302 " + id},
		{"the prefix alone", `{cloud: {environmentId: env_}}`, "error RI0302 " + id},
		{"blanks end the client", `{cloud: {environmentId: "env_a b"}}`, "error RI0302 " + id},
		{"a slash would change the URL", `{cloud: {environmentId: env_a/b}}`, "error RI0302 " + id},
		{"a newline behind", `{cloud: {environmentId: "env_a\n"}}`, "error RI0302 " + id},
		{"63 characters are a label", `{cloud: {environmentId: env_` + strings.Repeat("a", 63) + `}}`, ""},
		{"64 are not", `{cloud: {environmentId: env_` + strings.Repeat("a", 64) + `}}`, "error RI0302 " + id},
		{"digits are no number behind the prefix", `{cloud: {environmentId: env_123}}`, ""},

		{"no region", `{cloud: {region: null}}`, "error RI0204 " + region},
		{"us", `{cloud: {region: us}}`, ""},
		{"a new region is possible", `{cloud: {region: ap}}`, "warning RI0304 " + region},
		{"capitals", `{cloud: {region: EU}}`, "error RI0303 " + region},
		{"blanks", `{cloud: {region: "e u"}}`, "error RI0303 " + region},
		{"the client reads it as a number", `{cloud: {region: "123"}}`, "error RI0303 " + region},
		{"a final dot", `{cloud: {region: eu.}}`, "error RI0303 " + region},
		{"BYOC without addresses", `{cloud: {region: x1.byoc}}`, "error RI0801 spec.networkPolicy.restateCloud.cidrs"},
		{"BYOC with addresses", `{cloud: {region: x1.byoc}, networkPolicy: {restateCloud: {cidrs: [10.0.0.0/16]}}}`, ""},
		{"BYOC without an id", `{cloud: {region: byoc}}`, "warning RI0304 " + region},

		{"no key", `{cloud: {signingPublicKey: null}}`, "error RI0204 " + key},
		{"32 bytes", `{cloud: {signingPublicKey: ` + keyOf(32) + `}}`, ""},
		{"31 bytes make a tunnel that refuses every request", `{cloud: {signingPublicKey: ` + keyOf(31) + `}}`, "error RI0305 " + key},
		{"so do 33", `{cloud: {signingPublicKey: ` + keyOf(33) + `}}`, "error RI0305 " + key},
		{"leading zero bytes count", `{cloud: {signingPublicKey: publickeyv1_` + strings.Repeat("1", 32) + `}}`, ""},
		{"0, O, I and l are not of the alphabet", `{cloud: {signingPublicKey: ` + strings.Replace(testKey, "BB", "0O", 1) + `}}`, "error RI0305 " + key},
		{"no prefix", `{cloud: {signingPublicKey: ` + strings.TrimPrefix(testKey, "publickeyv1_") + `}}`, "error RI0305 " + key},
		{"a later version", `{cloud: {signingPublicKey: ` + strings.Replace(testKey, "v1", "v2", 1) + `}}`, "error RI0305 " + key},
		{"a blank behind", `{cloud: {signingPublicKey: "` + testKey + ` "}}`, "error RI0305 " + key},
	})
}

func TestResolveURLs(t *testing.T) {
	const path, admin = "spec.cloud.ingressURL", "spec.cloud.adminURL"
	cases := []resolveCase{
		{"a host of Restate", `{cloud: {ingressURL: "https://x.restate.cloud:8080"}}`, ""},
		{"the domain itself", `{cloud: {ingressURL: "https://restate.cloud"}}`, ""},
		{"a domain that only ends alike", `{cloud: {ingressURL: "https://evilrestate.cloud"}}`, "error RI0307 " + path},
		{"a domain that only begins alike", `{cloud: {ingressURL: "https://x.restate.cloud.evil.example"}}`, "error RI0307 " + path},
		{"a user looks like a host", `{cloud: {ingressURL: "https://x.restate.cloud@evil.example"}}`, "error RI0306 " + path},
		{"another host", `{cloud: {ingressURL: "https://proxy.example"}}`, "error RI0307 " + path},
		{"another host that is named", `{cloud: {ingressURL: "https://proxy.example:8443", allowedHosts: [proxy.example]}}`, ""},
		{"a part of a named host", `{cloud: {ingressURL: "https://a.proxy.example", allowedHosts: [proxy.example]}}`, "error RI0307 " + path},
		{"hosts have no port", `{cloud: {allowedHosts: ["proxy.example:443"]}}`, "error RI0301 spec.cloud.allowedHosts[0]"},
		{"nor wildcards", `{cloud: {allowedHosts: [a.example, "*.example"]}}`, "error RI0301 spec.cloud.allowedHosts[1]"},
		{"the key in clear", `{cloud: {ingressURL: "http://x.restate.cloud"}}`, "error RI0306 " + path},
		{"no scheme", `{cloud: {ingressURL: x.restate.cloud}}`, "error RI0306 " + path},
		{"no host", `{cloud: {ingressURL: "https://:8080"}}`, "error RI0306 " + path},
		{"a query", `{cloud: {ingressURL: "https://x.restate.cloud/?a=b"}}`, "error RI0306 " + path},
		{"an empty query", `{cloud: {ingressURL: "https://x.restate.cloud/?"}}`, "error RI0306 " + path},
		{"a fragment", `{cloud: {ingressURL: "https://x.restate.cloud/#a"}}`, "error RI0306 " + path},
		{"a colon without port", `{cloud: {ingressURL: "https://x.restate.cloud:"}}`, "error RI0306 " + path},
		{"port 0", `{cloud: {ingressURL: "https://x.restate.cloud:0"}}`, "error RI0306 " + path},
		{"port 65536", `{cloud: {ingressURL: "https://x.restate.cloud:65536"}}`, "error RI0306 " + path},
		{"port 65535", `{cloud: {ingressURL: "https://x.restate.cloud:65535"}}`, ""},
		{"a path", `{cloud: {ingressURL: "https://x.restate.cloud/a"}}`, ""},
		{"nothing uses the admin URL without the proxy", `{cloud: {adminURL: "https://x.restate.cloud"}}`, "error RI0208 " + admin},
		{"the admin URL is checked likewise", `{cloud: {adminURL: "http://x.restate.cloud"}}`, "error RI0208 " + admin + "; error RI0306 " + admin},
	}
	runResolve(t, operatorBase, cases)
}

func TestResolveCommonMetadata(t *testing.T) {
	runResolve(t, operatorBase, []resolveCase{
		{"a label of the user's", `{labels: {example.com/team: a}}`, ""},
		{"an empty value is a label", `{labels: {a: ""}}`, ""},
		{"blanks in a value", `{labels: {a: "b c"}}`, "error RI0310 spec.labels[a]"},
		{"64 characters", `{labels: {a: ` + strings.Repeat("v", 64) + `}}`, "error RI0310 spec.labels[a]"},
		{"blanks in a key", `{labels: {"a b": c}}`, "error RI0310 spec.labels[a b]"},
		{"labels of the function", `{labels: {app.kubernetes.io/name: a}}`, "error RI0310 spec.labels[app.kubernetes.io/name]"},
		{"likewise", `{labels: {app.kubernetes.io/managed-by: a}}`, "error RI0310 spec.labels[app.kubernetes.io/managed-by]"},
		{"the label of the baseline", `{labels: {restate-integration.dev/integration: a}}`, "error RI0310 spec.labels[restate-integration.dev/integration]"},
		{"a recommended label that is free", `{labels: {app.kubernetes.io/version: "1"}}`, ""},
		{"an annotation of the user's", `{annotations: {example.com/a: "any text, at all"}}`, ""},
		{"a key in capitals is allowed for annotations", `{annotations: {Example.com/A: b}}`, ""},
		{"blanks in a key", `{annotations: {"a b": c}}`, "error RI0310 spec.annotations[a b]"},
		{"ownership", `{annotations: {restate-integration.dev/owned-by: a}}`, "error RI0310 spec.annotations[restate-integration.dev/owned-by]"},
		{"what hosts set", `{annotations: {config.kubernetes.io/path: a}}`, "error RI0310 spec.annotations[config.kubernetes.io/path]"},
		{"local-config would drop every object", `{annotations: {config.kubernetes.io/local-config: "true"}}`, "error RI0310 spec.annotations[config.kubernetes.io/local-config]"},
		{"the protection", `{annotations: {argocd.argoproj.io/sync-options: a}}`, "error RI0310 spec.annotations[argocd.argoproj.io/sync-options]"},
		{"a neighbour of the protection", `{annotations: {argocd.argoproj.io/sync-wave: "1"}}`, ""},
		{"the cluster's domain", `{clusterDomain: k8s.example}`, ""},
		{"a final dot", `{clusterDomain: cluster.local.}`, "error RI0301 spec.clusterDomain"},
		{"the policy that loses URLs is a warning", `{deletionPolicy: Delete}`, "warning RI0705 spec.deletionPolicy"},
	})
}

func TestResolveTunnelName(t *testing.T) {
	const path = "spec.tunnel.name"
	name := func(s string) string { return `{cluster: null, tunnel: {name: "` + s + `"}}` }
	runResolve(t, standaloneBase, []resolveCase{
		{"two clusters would share one name", `{cluster: null}`, "error RI0601 " + path},
		{"a name", name("my-tunnel"), ""},
		{"a name next to the cluster", `{tunnel: {name: my-tunnel}}`, ""},
		{"a number ends the client, quoted or not", name("123"), "error RI0601 " + path},
		{"so does a fraction", name("1.5"), "error RI0601 " + path},
		{"a sign", name("-1"), "error RI0601 " + path},
		{"a fraction with an exponent", name("1.5e3"), "error RI0601 " + path},
		{"a fraction with a negative exponent", name("1.E-3"), "error RI0601 " + path},
		{"a boolean", name("true"), "error RI0601 " + path},
		{"the other one", name("false"), "error RI0601 " + path},
		{"a list", name("[a]"), "error RI0601 " + path},
		{"text that begins like a boolean", name("trueish"), ""},
		{"booleans are lower-case to the client", name("True"), ""},
		{"an exponent without a dot is text to the client", name("1e5"), ""},
		{"a version is text to the client", name("1.2.3"), ""},
		{"a UUID", name("9b2f6f1e-0d5f-4d53-8f4c-6f1b1d1f7a10"), ""},
		{"a UUID that begins with digits and e", name("12345e78-0000-4000-8000-000000000000"), ""},
		{"a slash would change the URL", name("a/b"), "error RI0601 " + path},
		{"blanks", name("a b"), "error RI0601 " + path},
		{"63 characters", name(strings.Repeat("a", 63)), ""},
		{"64 characters", name(strings.Repeat("a", 64)), "error RI0601 " + path},
		{"a cluster is a label", `{cluster: C1}`, "error RI0301 spec.cluster"},
	})
}

func TestResolveTunnelEnv(t *testing.T) {
	value := func(name, value string) string {
		return `{tunnel: {env: [{name: ` + name + `, value: "` + value + `"}]}}`
	}
	const name, val = "spec.tunnel.env[0].name", "spec.tunnel.env[0].value"
	cases := []resolveCase{
		{"logging", value("RUST_LOG", "debug"), ""},
		{"certificates", value("SSL_CERT_FILE", "/ca.pem"), ""},
		{"pools", value("RESTATE_POOLS_PER_TUNNEL", "4"), ""},
		{"streams", value("RESTATE_INITIAL_MAX_SEND_STREAMS", "100"), ""},
		{"the key would be sent elsewhere", value("RESTATE_CLOUD_SUFFIX", "evil.example."), "error RI0602 " + name},
		{"likewise", value("RESTATE_TUNNEL_SERVERS", "x"), "error RI0602 " + name},
		{"likewise", value("RESTATE_TUNNEL_SERVERS_SRV", "x"), "error RI0602 " + name},
		{"likewise", value("RESTATE_INGRESS_URI", "https://evil.example"), "error RI0602 " + name},
		{"set by the function", value("RESTATE_TUNNEL_NAME", "x"), "error RI0602 " + name},
		{"newer clients refuse both names of the token", value("RESTATE_AUTH_TOKEN", "x"), "error RI0602 " + name},
		{"a file of settings could hold all of these", value("CONFIG", "/x"), "error RI0602 " + name},
		{"a count is a number", value("RESTATE_POOLS_PER_TUNNEL", "many"), "error RI0602 spec.tunnel.env[0].value"},
		{"and not none", value("RESTATE_INITIAL_MAX_SEND_STREAMS", "0"), "error RI0602 spec.tunnel.env[0].value"},
		{"a count", value("RESTATE_POOLS_PER_TUNNEL", "16"), ""},
		{"names of the environment are case-sensitive", value("rust_log", "x"), "error RI0602 " + name},
		{"an empty name", value(`""`, "x"), "error RI0301 " + name + "; error RI0602 " + name},
		{"twice", `{tunnel: {env: [{name: RUST_LOG, value: a}, {name: RUST_LOG, value: b}]}}`, "error RI0202 spec.tunnel.env[1].name"},
		{"a duration in the client's form", value("RESTATE_CONNECT_TIMEOUT", "{secs=5,nanos=0}"), ""},
		{"5s ends the client", value("RESTATE_CONNECT_TIMEOUT", "5s"), "error RI0602 " + val},
		{"so does a number", value("RESTATE_CONNECT_TIMEOUT", "5"), "error RI0602 " + val},
		{"both parts are needed", value("RESTATE_HTTP_KEEP_ALIVE_OPTIONS__INTERVAL", "{secs=5}"), "error RI0602 " + val},
		{"keep-alive", value("RESTATE_HTTP_KEEP_ALIVE_OPTIONS__TIMEOUT", "{secs=5,nanos=1}"), ""},
		{"no value", `{tunnel: {env: [{name: RESTATE_CONNECT_TIMEOUT}]}}`, "error RI0602 " + val},
		{"what a reference brings is not known", `{tunnel: {env: [{name: RESTATE_CONNECT_TIMEOUT, valueFrom: {configMapKeyRef: {name: a, key: b}}}]}}`, ""},
		{"as long as the pod's grace allows", value("RESTATE_SHUTDOWN_TIMEOUT", "{secs=300,nanos=0}"), ""},
		{"longer than that", value("RESTATE_SHUTDOWN_TIMEOUT", "{secs=301,nanos=0}"), "error RI0309 " + val},
		{"other durations may be longer", value("RESTATE_HTTP_KEEP_ALIVE_OPTIONS__INTERVAL", "{secs=301,nanos=0}"), ""},
	}
	runResolve(t, operatorBase, cases)
	runResolve(t, standaloneBase, cases)
}

func TestResolveRemoteProxy(t *testing.T) {
	const open, from, admin = "warning RI0604 spec.tunnel.remoteProxy.enabled", "spec.tunnel.remoteProxy.allowFrom", "spec.tunnel.remoteProxy.adminFrom"
	proxy := func(s string) string { return `{tunnel: {remoteProxy: {` + s + `}}}` }
	const pods = `allowFrom: [{podSelector: {matchLabels: {app: cart}}}]`
	runResolve(t, operatorBase, []resolveCase{
		{"off", proxy("enabled: false"), ""},
		{"an open door", proxy("enabled: true"), "error RI0603 " + from + "; " + open},
		{"a guarded one still acts with the full key", proxy("enabled: true, " + pods), open},
		{"peers without the proxy", proxy(pods), "error RI0208 " + from},
		{"likewise for the admin API", proxy("adminFrom: [{podSelector: {}}]"), "error RI0208 " + admin},
		{"adminFrom alone names nobody for the ingress", proxy("enabled: true, adminFrom: [{podSelector: {}}]"), "error RI0603 " + from + "; " + open},
		{"every namespace", proxy("enabled: true, allowFrom: [{namespaceSelector: {}}]"), "error RI0603 " + from + "[0]; " + open},
		{"every pod of every namespace", proxy("enabled: true, allowFrom: [{namespaceSelector: {}, podSelector: {}}]"), "error RI0603 " + from + "[0]; " + open},
		{"every address", proxy("enabled: true, allowFrom: [{ipBlock: {cidr: 0.0.0.0/0}}]"), "error RI0603 " + from + "[0]; " + open},
		{"every address of IPv6", proxy("enabled: true, " + pods + `, adminFrom: [{ipBlock: {cidr: "::/0"}}]`), "error RI0603 " + admin + "[0]; " + open},
		{"more than the largest private network", proxy("enabled: true, allowFrom: [{ipBlock: {cidr: 10.0.0.0/7}}]"), "error RI0603 " + from + "[0]; " + open},
		{"the largest private network", proxy("enabled: true, allowFrom: [{ipBlock: {cidr: 10.0.0.0/8}}]"), open},
		{"some pods of every namespace", proxy("enabled: true, allowFrom: [{namespaceSelector: {}, podSelector: {matchLabels: {app: cart}}}]"), open},
		{"every pod of one namespace", proxy("enabled: true, allowFrom: [{namespaceSelector: {matchLabels: {a: b}}, podSelector: {}}]"), open},
		{"an empty peer", proxy("enabled: true, allowFrom: [{}]"), "error RI0312 " + from + "[0]; " + open},
	})
}

func TestResolvePeers(t *testing.T) {
	peers := func(s string) string { return `{services: {greeter: {allowFrom: [` + s + `]}}}` }
	rules := func(s string) string { return `{tunnel: {egressTo: [` + s + `]}}` }
	port := func(s string) string { return rules(`{to: [{podSelector: {}}], ports: [{` + s + `}]}`) }
	const from, to = "spec.services[greeter].allowFrom[0]", "spec.tunnel.egressTo[0]"
	runResolve(t, operatorBase, []resolveCase{
		{"pods", peers(`{podSelector: {matchLabels: {a: b}}}`), ""},
		{"pods and namespaces", peers(`{podSelector: {}, namespaceSelector: {}}`), ""},
		{"addresses", peers(`{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.1/32]}}`), ""},
		{"addresses of IPv6", peers(`{ipBlock: {cidr: "2001:db8::/32"}}`), ""},
		{"nothing", peers(`{}`), "error RI0312 " + from},
		{"both kinds", peers(`{podSelector: {}, ipBlock: {cidr: 192.0.2.0/24}}`), "error RI0312 " + from},
		{"no CIDR", peers(`{ipBlock: {cidr: 192.0.2.0}}`), "error RI0312 " + from + ".ipBlock.cidr"},
		{"host bits", peers(`{ipBlock: {cidr: 192.0.2.1/24}}`), "error RI0312 " + from + ".ipBlock.cidr"},
		{"a prefix that is too long", peers(`{ipBlock: {cidr: 192.0.2.0/33}}`), "error RI0312 " + from + ".ipBlock.cidr"},
		{"an exception outside", peers(`{ipBlock: {cidr: 192.0.2.0/24, except: [198.51.100.0/25]}}`), "error RI0312 " + from + ".ipBlock.except[0]"},
		{"an exception of the whole", peers(`{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.0/24]}}`), "error RI0312 " + from + ".ipBlock.except[0]"},
		{"an exception around it", peers(`{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.0.0/16]}}`), "error RI0312 " + from + ".ipBlock.except[0]"},
		{"an exception of the other family", peers(`{ipBlock: {cidr: 192.0.2.0/24, except: ["2001:db8::/64"]}}`), "error RI0312 " + from + ".ipBlock.except[0]"},
		{"an exception that is none", peers(`{ipBlock: {cidr: 192.0.2.0/24, except: [x]}}`), "error RI0312 " + from + ".ipBlock.except[0]"},
		{"a bad expression", peers(`{podSelector: {matchExpressions: [{key: a, operator: Like}]}}`), "error RI0312 " + from + ".podSelector"},
		{"an expression", peers(`{podSelector: {matchExpressions: [{key: a, operator: Exists}]}}`), ""},
		{"a bad label", peers(`{namespaceSelector: {matchLabels: {a: "b c"}}}`), "error RI0310 " + from + ".namespaceSelector.matchLabels[a]; error RI0312 " + from + ".namespaceSelector"},

		{"a rule without peers opens every address", rules(`{ports: [{port: 80}]}`), "error RI0312 " + to + ".to"},
		{"a rule of a service", `{services: {greeter: {egressTo: [{}]}}}`, "error RI0312 spec.services[greeter].egressTo[0].to; info RI0505 spec.services[greeter].egressTo"},
		{"every port", rules(`{to: [{podSelector: {}}]}`), ""},
		{"a port", port(`port: 80, protocol: UDP`), ""},
		{"port 0", port(`port: 0`), "error RI0308 " + to + ".ports[0].port"},
		{"port 65536", port(`port: 65536`), "error RI0308 " + to + ".ports[0].port"},
		{"a name", port(`port: http`), ""},
		{"a name with blanks", port(`port: "a b"`), "error RI0308 " + to + ".ports[0].port"},
		{"a range", port(`port: 80, endPort: 90`), ""},
		{"a range backwards", port(`port: 80, endPort: 79`), "error RI0308 " + to + ".ports[0].endPort"},
		{"a range of one port", port(`port: 80, endPort: 80`), ""},
		{"a range up to the last port", port(`port: 80, endPort: 65535`), ""},
		{"a range that ends too high", port(`port: 80, endPort: 65536`), "error RI0308 " + to + ".ports[0].endPort"},
		{"a range without begin", port(`endPort: 90`), "error RI0308 " + to + ".ports[0].endPort"},
		{"a range of names", port(`port: http, endPort: 90`), "error RI0308 " + to + ".ports[0].port"},
		{"another protocol", port(`port: 80, protocol: ICMP`), "error RI0207 " + to + ".ports[0].protocol"},
	})
}

func TestResolveNetworkPolicy(t *testing.T) {
	const cloud, dns = "spec.networkPolicy.restateCloud", "spec.networkPolicy.dns"
	runResolve(t, operatorBase, []resolveCase{
		{"every port is a warning", `{networkPolicy: {restateCloud: null}}`, "warning RI0802 " + cloud + ".tunnelPorts"},
		{"a port out of range", `{networkPolicy: {restateCloud: {tunnelPorts: [1, 0]}}}`, "error RI0308 " + cloud + ".tunnelPorts[1]"},
		{"a CIDR", `{networkPolicy: {restateCloud: {cidrs: [x]}}}`, "error RI0312 " + cloud + ".cidrs[0]"},
		{"the client fails on IPv6", `{networkPolicy: {restateCloud: {cidrs: ["2001:db8::/32"]}}}`, "error RI0312 " + cloud + ".cidrs[0]"},
		{"an exception with host bits", `{networkPolicy: {restateCloud: {except: [10.0.0.1/8]}}}`, "error RI0312 " + cloud + ".except[0]"},
		{"an exception that lies in no CIDR is harmless", `{networkPolicy: {restateCloud: {cidrs: [192.0.2.0/24], except: [10.0.0.0/8]}}}`, ""},
		{"DNS by address", `{networkPolicy: {dns: {to: [{ipBlock: {cidr: 169.254.20.10/32}}]}}}`, ""},
		{"DNS on a bad port", `{networkPolicy: {dns: {ports: [53, 70000]}}}`, "error RI0308 " + dns + ".ports[1]"},
		{"a bad peer", `{networkPolicy: {dns: {to: [{}]}}}`, "error RI0312 " + dns + ".to[0]"},
		{"pods alone are other pods in each namespace", `{networkPolicy: {dns: {to: [{podSelector: {}}]}}}`, "error RI0312 " + dns + ".to[0]"},
		{"the scraper likewise", `{observability: {scrapeFrom: {podSelector: {}}}}`, "error RI0312 spec.observability.scrapeFrom"},
		{"a scraper that is nobody", `{observability: {scrapeFrom: {}}}`, "error RI0312 spec.observability.scrapeFrom"},
		{"a scraper by namespace", `{observability: {scrapeFrom: {namespaceSelector: {}}}}`, ""},
	})
}

func TestResolveImagesAndResources(t *testing.T) {
	image := func(s string) string { return `{services: {greeter: {deployment: {image: "` + s + `"}}}}` }
	resources := func(s string) string { return `{tunnel: {resources: {` + s + `}}}` }
	digest := "@sha256:" + strings.Repeat("a", 64)
	const path, res = "error RI0311 spec.services[greeter].deployment.image", "error RI0314 spec.tunnel.resources."
	runResolve(t, operatorBase, []resolveCase{
		{"tag", image("greeter:1"), ""},
		{"digest", image("registry.example.com/greeter" + digest), ""},
		{"both", image("registry.example.com:5000/a/b/greeter:1.4.2_x-y" + digest), ""},
		{"a port is no tag", image("localhost:5000/greeter"), path},
		{"neither", image("registry.example.com/greeter"), path},
		{"an empty tag", image("greeter:"), path},
		{"a short digest", image("greeter@sha256:abcd"), path},
		{"another digest", image("greeter@md5:" + strings.Repeat("a", 32)), path},
		{"blanks", image("greeter: 1"), path},
		{"capitals in the repository", image("registry.example.com/Greeter:1"), path},
		{"a scheme", image("https://registry.example.com/greeter:1"), path},
		{"no image at all", `{services: {greeter: {deployment: {image: null}}}}`, "error RI0204 spec.services[greeter].deployment.image"},
		{"the tunnel's", `{images: {tunnel: tunnel}}`, "error RI0311 spec.images.tunnel"},

		{"equal", resources(`requests: {cpu: 1}, limits: {cpu: 1000m}`), ""},
		{"more than the limit", resources(`requests: {cpu: 1001m}, limits: {cpu: 1}`), res + "requests[cpu]"},
		{"no limit", resources(`requests: {cpu: 8}, limits: {memory: 1Gi}`), ""},
		{"negative", resources(`limits: {memory: "-1"}`), res + "limits[memory]"},
		{"none", resources(`limits: {memory: 0}`), ""},
		{"a service's", `{services: {greeter: {deployment: {resources: {requests: {cpu: 2}, limits: {cpu: 1}}}}}}`, "error RI0314 spec.services[greeter].deployment.resources.requests[cpu]"},
	})
}

func TestResolvePodTemplate(t *testing.T) {
	budget := func(s string) string { return `{tunnel: {podDisruptionBudget: {` + s + `}}}` }
	pod := func(s string) string { return `{tunnel: {podTemplate: {` + s + `}}}` }
	context := func(s string) string { return pod(`securityContext: {` + s + `}`) }
	const path, sec = "spec.tunnel.podDisruptionBudget", "error RI0506 spec.tunnel.podTemplate.securityContext."
	runResolve(t, standaloneBase, []resolveCase{
		{"one at a time", budget(`maxUnavailable: 1`), ""},
		{"half", budget(`maxUnavailable: 50%`), ""},
		{"all but one", budget(`minAvailable: 1`), ""},
		{"both", budget(`maxUnavailable: 1, minAvailable: 1`), "error RI0309 " + path},
		{"neither", budget(``), "error RI0309 " + path},
		{"no eviction at all", budget(`maxUnavailable: 0`), "error RI0309 " + path + ".maxUnavailable"},
		{"likewise as a percentage", budget(`maxUnavailable: 0%`), "error RI0309 " + path + ".maxUnavailable"},
		{"every replica may go", budget(`maxUnavailable: 100%`), ""},
		{"none need stay", budget(`minAvailable: 0`), ""},
		{"negative", budget(`maxUnavailable: -1`), "error RI0309 " + path + ".maxUnavailable"},
		{"no percentage", budget(`maxUnavailable: half`), "error RI0309 " + path + ".maxUnavailable"},
		{"Kubernetes takes at most 100%", budget(`maxUnavailable: 101%`), "error RI0309 " + path + ".maxUnavailable"},
		{"every replica", budget(`minAvailable: 2`), "error RI0309 " + path + ".minAvailable"},
		{"every replica as a percentage", budget(`minAvailable: 100%`), "error RI0309 " + path + ".minAvailable"},
		{"no budget is made for one replica", `{tunnel: {replicas: 1, podDisruptionBudget: {minAvailable: 1}}}`, ""},
		{"replicas", `{tunnel: {replicas: -1}}`, "error RI0309 spec.tunnel.replicas"},

		{"a label", pod(`labels: {a: b}`), ""},
		{"a label that selects the pods", pod(`labels: {app.kubernetes.io/instance: a}`), "error RI0310 spec.tunnel.podTemplate.labels[app.kubernetes.io/instance]"},
		{"a label of the baseline", pod(`labels: {restate-integration.dev/integration: a}`), "error RI0310 spec.tunnel.podTemplate.labels[restate-integration.dev/integration]"},
		{"a label value", pod(`labels: {a: "b c"}`), "error RI0310 spec.tunnel.podTemplate.labels[a]"},
		{"an annotation", pod(`annotations: {a: "b c"}`), ""},
		{"the digest", pod(`annotations: {restate-integration.dev/credential-digest: a}`), "error RI0310 spec.tunnel.podTemplate.annotations[restate-integration.dev/credential-digest]"},
		{"a node label", pod(`nodeSelector: {"a b": c}`), "error RI0310 spec.tunnel.podTemplate.nodeSelector[a b]"},

		{"a user", context(`runAsUser: 1000, runAsNonRoot: true, fsGroup: 0, seccompProfile: {type: Localhost, localhostProfile: a}`), ""},
		{"root", context(`runAsUser: 0`), sec + "runAsUser"},
		{"perhaps root", context(`runAsNonRoot: false`), sec + "runAsNonRoot"},
		{"no seccomp", context(`seccompProfile: {type: Unconfined}`), sec + "seccompProfile.type"},
		{"sysctls", context(`sysctls: [{name: a, value: b}]`), sec + "sysctls"},
		{"restricted forbids AppArmor Unconfined", context(`appArmorProfile: {type: Unconfined}`), sec + "appArmorProfile.type"},
		{"and most types of SELinux", context(`seLinuxOptions: {type: spc_t}`), sec + "seLinuxOptions"},
		{"and host processes of Windows, where the client does not run at all", context(`windowsOptions: {hostProcess: true}`), sec + "windowsOptions"},
	})
	runResolve(t, operatorBase, []resolveCase{
		{"the operator's label on the pods", pod(`labels: {app.kubernetes.io/name: a}`), "error RI0310 spec.tunnel.podTemplate.labels[app.kubernetes.io/name]"},
		{"an operator's namespace", `{tunnel: {operator: {namespace: Ops}}}`, "error RI0301 spec.tunnel.operator.namespace"},
	})
}

func TestResolveServices(t *testing.T) {
	const path = "spec.services[greeter]"
	field := func(s string) string { return `{services: {greeter: {` + s + `}}}` }
	runResolve(t, standaloneBase, []resolveCase{
		{"a namespace is required", field(`namespace: null`), "error RI0204 " + path + ".namespace"},
		{"a namespace is a label", field(`namespace: a.b`), "error RI0301 " + path + ".namespace"},
		{"an empty entry", `{services: {greeter: null, a: {}}}`, "error RI0204 spec.services[a].namespace; info RI0504 spec.services[a].isolate; warning RI0409 spec.credentials.admin.name"},
		{"a key is a label", `{services: {greeter: null, A: {namespace: a, service: a, isolate: true, registration: {mode: None}}}}`, "error RI0301 spec.services[A]"},
		{"a Service begins with a letter", field(`service: 1a`), "error RI0301 " + path + ".service"},
		{"a port", field(`port: 0`), "error RI0308 " + path + ".port"},
		{"another port", field(`targetPort: 65536`), "error RI0308 " + path + ".targetPort"},
		{"a port of metrics", field(`metricsPort: -1`), "error RI0308 " + path + ".metricsPort"},
		{"the target port is not the port's default", field(`port: 65536`), "error RI0308 " + path + ".port"},
		{"an empty selector takes every pod of the namespace", field(`podSelector: {}`), "error RI0312 " + path + ".podSelector"},
		{"the tunnel's own pods", field(`namespace: restate, podSelector: {matchLabels: {app.kubernetes.io/name: restate-cloud-tunnel-client}}`), "error RI0312 " + path + ".podSelector"},
		{"by expression", field(`namespace: restate, podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}`), "error RI0312 " + path + ".podSelector"},
		{"the same labels in another namespace are other pods", field(`podSelector: {matchLabels: {app.kubernetes.io/name: restate-cloud-tunnel-client}}`), ""},
		{"a selector by expression", field(`podSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}`), ""},

		{"a path", field(`path: greeter/v1`), ""},
		{"every character that is allowed", field(`path: "aZ0._~!&'()*+,;=:@-%2F"`), ""},
		{"a leading slash", field(`path: /v1`), "error RI0313 " + path + ".path"},
		{"a final slash is another deployment", field(`path: v1/`), "error RI0313 " + path + ".path"},
		{"two slashes", field(`path: a//b`), "error RI0313 " + path + ".path"},
		{"a dot segment", field(`path: a/../b`), "error RI0313 " + path + ".path"},
		{"a shell would expand it", field(`path: a$b`), "error RI0313 " + path + ".path"},
		{"a query", field(`path: "a?b"`), "error RI0313 " + path + ".path"},
		{"half an escape", field(`path: a%2`), "error RI0313 " + path + ".path"},
		{"a newline behind", field(`path: "a\n"`), "error RI0313 " + path + ".path"},

		{"two names, one URL", `{services: {other: {namespace: shop, service: greeter, isolate: true, registration: {mode: None}}}}`, "error RI0501 spec.services[other]"},
		{"another path is another URL", `{services: {other: {namespace: shop, service: greeter, path: v2, isolate: true, registration: {mode: None}}}}`, "warning RI0508 spec.services[other].path"},
		{"another port too", `{services: {other: {namespace: shop, service: greeter, port: 1, isolate: true, registration: {mode: None}}}}`, ""},
		{"another scheme is not: one port speaks one", `{services: {other: {namespace: shop, service: greeter, scheme: https, isolate: true, registration: {mode: None}}}}`, "error RI0501 spec.services[other]"},
		{"another namespace too", `{services: {other: {namespace: bank, service: greeter, isolate: true, registration: {mode: None}}}}`, ""},
	})
	runResolve(t, operatorBase, []resolveCase{
		{"the operator names the Service", field(`service: other`), "error RI0502 " + path + ".service"},
		{"and gives it its port", field(`port: 80`), "error RI0502 " + path + ".port"},
		{"and registers http alone", field(`scheme: https`), "error RI0502 " + path + ".scheme"},
		{"labels that can be set on pods", field(`podSelector: {matchLabels: {app: a}, matchExpressions: [{key: a, operator: Exists}]}`), "error RI0502 " + path + ".podSelector"},
		{"what is the default may be said", field(`service: greeter, port: 9080, scheme: http`), ""},
		{"the pod may listen elsewhere", field(`targetPort: 8080`), ""},
		{"replicas", field(`deployment: {replicas: -1}`), "error RI0309 " + path + ".deployment.replicas"},
		{"seconds", field(`deployment: {minReadySeconds: -1}`), "error RI0309 " + path + ".deployment.minReadySeconds"},
		{"history", field(`deployment: {revisionHistoryLimit: -1}`), "error RI0309 " + path + ".deployment.revisionHistoryLimit"},
		{"no replica", field(`deployment: {replicas: 0}`), ""},
		{"seconds of a drain", field(`deployment: {drain: {delaySeconds: -1, timeoutSeconds: -1}}`), "error RI0309 " + path + ".deployment.drain.delaySeconds; error RI0309 " + path + ".deployment.drain.timeoutSeconds"},
		{"no delay, no wait", field(`deployment: {drain: {delaySeconds: 0, timeoutSeconds: 0}}`), ""},
		{"an autoscaler", field(`deployment: {autoscaling: {minReplicas: 1, maxReplicas: 3}}`), ""},
		{"which the operator points at each version itself", field(`deployment: {autoscaling: {maxReplicas: 3, scaleTargetRef: {name: a}}}`), "error RI0208 " + path + ".deployment.autoscaling.scaleTargetRef"},
		{"a list is none", field(`deployment: {autoscaling: [a]}`), "error RI0203 " + path + ".deployment.autoscaling"},
		{"a label that selects the pods", field(`deployment: {podTemplate: {labels: {app.kubernetes.io/name: a}}}`), "error RI0310 " + path + ".deployment.podTemplate.labels[app.kubernetes.io/name]"},
		{"root", field(`deployment: {podTemplate: {securityContext: {runAsUser: 0}}}`), "error RI0506 " + path + ".deployment.podTemplate.securityContext.runAsUser"},
		{"env", field(`deployment: {env: [{name: a b}]}`), "error RI0301 " + path + ".deployment.env[0].name"},
		{"a value and a reference", field(`deployment: {env: [{name: A, value: b, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}`), "error RI0208 " + path + ".deployment.env[0].valueFrom"},
		{"a reference", field(`deployment: {env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}`), ""},
		{"env twice", field(`deployment: {env: [{name: A}, {name: A}]}`), "error RI0202 " + path + ".deployment.env[1].name"},
		{"any variable is the service's own business", field(`deployment: {env: [{name: RESTATE_X, value: a}]}`), ""},
	})
}

func TestResolveTemplate(t *testing.T) {
	const path = "spec.services[greeter].deployment"
	// with gives the service a whole template: metadata and the container's ports.
	with := func(service, metadata, ports string) string {
		return `{services: {greeter: {` + service + ` deployment: {image: null, template: {metadata: {` + metadata + `}, spec: {containers: [{name: a, image: b, ports: [` + ports + `]}]}}}}}}`
	}
	const labels = `labels: {app.kubernetes.io/name: greeter}`
	runResolve(t, operatorBase, []resolveCase{
		{"fits", with(``, labels, `{containerPort: 9080}`), ""},
		{"no port: the operator takes 9080", with(``, labels, ``), ""},
		{"a port of its own is taken over", with(``, labels, `{containerPort: 8080}`), ""},
		{"the port named restate counts", with(`targetPort: 8081,`, labels, `{containerPort: 8080}, {name: restate, containerPort: 8081}`), ""},
		{"the operator would lead elsewhere", with(`targetPort: 8081,`, labels, `{containerPort: 8080}, {containerPort: 8081}`), "error RI0506 " + path + ".template.spec.containers"},
		{"without the label the policies select nothing", with(``, `labels: {app: greeter}`, ``), "error RI0506 " + path + ".template.metadata.labels[app.kubernetes.io/name]"},
		{"another value", with(``, `labels: {app.kubernetes.io/name: other}`, ``), "error RI0506 " + path + ".template.metadata.labels[app.kubernetes.io/name]"},
		{"a selector of one's own", with(`podSelector: {matchLabels: {app: greeter}},`, `labels: {app: greeter}`, ``), ""},
		{"a label value", with(``, `labels: {app.kubernetes.io/name: greeter, a: "b c"}`, ``), "error RI0310 " + path + ".template.metadata.labels[a]"},
		{"no place in the CRD", with(``, labels+`, name: a`, ``), "error RI0506 " + path + ".template.metadata.name"},
		{"likewise", with(``, labels+`, namespace: a, finalizers: [a], generateName: a`, ``), "error RI0506 " + path + ".template.metadata.generateName; error RI0506 " + path + ".template.metadata.namespace; error RI0506 " + path + ".template.metadata.finalizers"},
		{"no container", `{services: {greeter: {deployment: {image: null, template: {metadata: {` + labels + `}, spec: {containers: []}}}}}}`, "error RI0506 " + path + ".template.spec.containers"},
		{"image and template", `{services: {greeter: {deployment: {template: {metadata: {` + labels + `}, spec: {containers: [{name: a}]}}}}}}`, "error RI0206 " + path + ".image"},
		{"a pod template likewise", `{services: {greeter: {deployment: {image: null, podTemplate: {nodeSelector: {a: b}}, template: {metadata: {` + labels + `}, spec: {containers: [{name: a}]}}}}}}`, "error RI0206 " + path + ".podTemplate"},
		{"env and resources likewise", `{services: {greeter: {deployment: {image: null, env: [{name: A}], resources: {limits: {cpu: 1}}, template: {metadata: {` + labels + `}, spec: {containers: [{name: a}]}}}}}}`, "error RI0206 " + path + ".env; error RI0206 " + path + ".resources"},
	})
}

func TestResolveIsolation(t *testing.T) {
	const path = "spec.services[greeter]"
	field := func(s string) string { return `{services: {greeter: {` + s + `}}}` }
	own := func(s string) string {
		return `{namespace: {create: true}, services: {greeter: {namespace: restate, ` + s + `}}}`
	}
	open, closed := "info RI0504 "+path+".isolate", "info RI0505 "+path+".egressTo"
	runResolve(t, standaloneBase, []resolveCase{
		{"isolated", field(`isolate: true`), ""},
		{"open unless somebody says so", field(`isolate: null`), open},
		{"open on purpose", field(`isolate: false`), open},
		{"peers of a policy that is not made", field(`isolate: false, allowFrom: [{podSelector: {}}]`), open + "; error RI0208 " + path + ".allowFrom"},
		{"metrics of a policy that is not made", field(`isolate: null, metricsPort: 1`), open + "; error RI0208 " + path + ".metricsPort"},
		{"closed egress is said", field(`egressTo: [{to: [{podSelector: {}}]}]`), closed},
		{"closed by the baseline, both ways", own(`isolate: null`), closed},
		{"the baseline cannot be left", own(`isolate: false`), "error RI0208 " + path + ".isolate; " + closed},
		{"the Owned baseline does not select it", `{services: {greeter: {namespace: restate, isolate: false}}}`, open},
	})
	runResolve(t, operatorBase, []resolveCase{
		{"isolated with deployment", field(``), ""},
		{"but for who says no", field(`isolate: false`), open},
	})
}

// TestResolveOperatorNamespace is rule 11: the operator's pods do not pass restricted, and a default-deny would cut them off.
func TestResolveOperatorNamespace(t *testing.T) {
	base := strings.Replace(operatorBase, "namespace: restate}", "namespace: restate-operator}", 1)
	const level, baseline = "error RI0605 spec.namespace.podSecurity", "error RI0605 spec.networkPolicy.baseline"
	runResolve(t, base, []resolveCase{
		{"only our own pods are closed", `{}`, ""},
		{"both", `{namespace: {create: true}}`, level + "; " + baseline},
		{"the level", `{namespace: {create: true}, networkPolicy: {baseline: Owned}}`, level},
		{"the level that they pass", `{namespace: {create: true, podSecurity: baseline}, networkPolicy: {baseline: Owned}}`, ""},
		{"the baseline", `{networkPolicy: {baseline: Namespace}}`, baseline},
		{"the operator lives elsewhere", `{namespace: {create: true}, tunnel: {operator: {namespace: ops}}}`, ""},
	})
}

// TestFindingsDoNotRepeat: what is derived from a wrong value is not reported as wrong itself.
func TestFindingsDoNotRepeat(t *testing.T) {
	in := spec(t, `{apiVersion: restate-integration.dev/v1alpha1, kind: RestateIntegration, metadata: {name: prod, namespace: restate}, spec: {cloud: {}}}`)
	_, ds := Resolve(in, Input{})
	want := []string{
		"error RI0204 spec.cloud.environmentId", "error RI0204 spec.cloud.region", "error RI0204 spec.cloud.signingPublicKey",
		"warning RI0409 spec.credentials.tunnel.name",
	}
	if d := cmp.Diff(want, findings(ds)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestResolveReportsEverything: one run is enough to see all that is wrong.
func TestResolveReportsEverything(t *testing.T) {
	_, ds := Resolve(spec(t, operatorBase, `{metadata: {name: A}, spec: {cloud: {region: EU}, labels: {"a b": c}, tunnel: {replicas: -1}, services: {greeter: {targetPort: 0}}, networkPolicy: {dns: {ports: [0]}}}}`), Input{})
	want := []string{
		"error RI0301 metadata.name", "error RI0310 spec.labels[a b]", "error RI0303 spec.cloud.region", "error RI0308 spec.networkPolicy.dns.ports[0]",
		"error RI0309 spec.tunnel.replicas", "error RI0308 spec.services[greeter].targetPort",
	}
	if d := cmp.Diff(want, findings(ds)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
