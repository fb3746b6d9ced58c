// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// bootstrapOf is the configuration of a gateway without domains, as Envoy reads it.
func bootstrapOf(t *testing.T, patches ...string) map[string]any {
	t.Helper()
	m := model(t, gatewayBase(t), patches...)
	return treeOf(t, gatewayConfig(m, m.Gateway.Domains[0])["bootstrap.yaml"])
}

// in follows names and indexes.
func in(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case int:
			l, ok := v.([]any)
			if !ok || step >= len(l) {
				t.Fatalf("%v: no index %d in %v", path, step, v)
			}
			v = l[step]
		case string:
			m, ok := v.(map[string]any)
			if !ok || m[step] == nil {
				t.Fatalf("%v: no %s in %v", path, step, v)
			}
			v = m[step]
		}
	}
	return v
}

// httpOf is the HTTP connection manager of a listener: 0 for calls, 1 for probes and metrics.
func httpOf(t *testing.T, bootstrap map[string]any, listener int) map[string]any {
	t.Helper()
	return in(t, bootstrap, "static_resources", "listeners", listener, "filter_chains", 0, "filters", 0, "typed_config").(map[string]any)
}

// route is one of the table, flattened.
type route struct {
	name, path, method string
	byKey              bool // x-api-key must be there
	off                []string
	status             int // of a direct answer
}

func routesOf(t *testing.T, manager map[string]any) []route {
	t.Helper()
	var out []route
	for _, v := range in(t, manager, "route_config", "virtual_hosts", 0, "routes").([]any) {
		m := v.(map[string]any)
		r := route{off: slices.Sorted(maps.Keys(mapOf(m["typed_per_filter_config"])))}
		r.name, _ = m["name"].(string)
		match := m["match"].(map[string]any)
		for _, kind := range []string{"prefix", "path"} {
			if p, ok := match[kind].(string); ok {
				r.path = kind + " " + p
			}
		}
		if p := mapOf(match["safe_regex"]); p != nil {
			r.path = p["regex"].(string)
		}
		headers, _ := match["headers"].([]any)
		for _, h := range headers {
			switch h := h.(map[string]any); h["name"] {
			case ":method":
				r.method = in(t, h, "string_match", "exact").(string)
			case "x-api-key":
				r.byKey = h["present_match"] == true
			default:
				t.Errorf("route %s asks for header %v", r.name, h["name"])
			}
		}
		r.status, _ = mapOf(m["direct_response"])["status"].(int)
		if cluster := mapOf(m["route"])["cluster"]; r.status == 0 && cluster != "restate_cloud_ingress" && cluster != "admin" {
			t.Errorf("route %s leads to %v", r.name, cluster)
		}
		out = append(out, r)
	}
	return out
}

func mapOf(v any) map[string]any { m, _ := v.(map[string]any); return m }

// TestGatewayRoutes: calls are a closed list, whose last entry refuses all else before anybody is asked who he is.
func TestGatewayRoutes(t *testing.T) {
	const keys, jwt, call = "api-key-auth", "envoy.filters.http.jwt_authn", "/restate/call/(Order)(/[^/]+){1,2}"
	for _, tt := range []struct {
		reason string
		patch  string
		want   []route
	}{
		{"keys", `{}`, []route{
			{name: "call", path: call, method: "POST"},
			{name: "deny", path: "prefix /", status: 404, off: []string{keys}},
		}},
		{"tokens", onlyJWT, []route{
			{name: "call", path: call, method: "POST"},
			{name: "deny", path: "prefix /", status: 404, off: []string{jwt}},
		}},
		{"both: the header decides, and the other filter is off", withJWT, []route{
			{name: "call by API key", path: call, method: "POST", byKey: true, off: []string{jwt}},
			{name: "call by JWT", path: call, method: "POST", off: []string{keys}},
			{name: "deny", path: "prefix /", status: 404, off: []string{keys, jwt}},
		}},
	} {
		got := routesOf(t, httpOf(t, bootstrapOf(t, `{spec: {gateway: {allow: [call]}}}`, tt.patch), 0))
		if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(route{})); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.reason, d)
		}
	}
	ops := routesOf(t, httpOf(t, bootstrapOf(t), 1))
	want := []route{
		{path: "path /stats/prometheus", method: "GET", off: []string{keys}},
		{path: "path /healthz", method: "GET", status: 200, off: []string{keys}},
		{path: "path /ready", status: 200}, // the filter answers for it until keys were read
		{path: "prefix /", status: 404, off: []string{keys}},
	}
	if d := cmp.Diff(want, ops, cmp.AllowUnexported(route{})); d != "" {
		t.Errorf("probes and metrics (-want +got)\n%s", d)
	}
	for _, r := range routesOf(t, httpOf(t, bootstrapOf(t, onlyJWT), 1)) {
		if len(r.off) > 0 {
			t.Errorf("without API keys there is no filter that %s could switch off: %v", r.path, r.off)
		}
	}
}

// TestGatewayPaths matches as Envoy does: the whole path, after normalization, case and all.
func TestGatewayPaths(t *testing.T) {
	all := []string{"attach", "awakeables", "call", "legacyPaths", "lookup", "output", "send"}
	for _, tt := range []struct {
		method, path string
		want         string // the kind that lets it pass; none: 404
	}{
		{"POST", "/restate/call/Order/create", "call"},
		{"POST", "/restate/call/Order/key-1/create", "call"},
		{"POST", "/restate/send/shop.Payment.v1/create", "send"},
		{"POST", "/restate/call/Order/a%20b/create", "call"},
		{"POST", "/restate/call/Order/a;b=c/create", "call"},
		{"GET", "/restate/call/Order/create", ""},
		{"POST", "/restate/call/Order", ""},
		{"POST", "/restate/call/Order/", ""},
		{"POST", "/restate/call/Order//create", ""},
		{"POST", "/restate/call/Order/create/", ""},
		{"POST", "/restate/call/Order/key/create/more", ""},
		{"POST", "/restate/call/Orders/create", ""},
		{"POST", "/restate/call/order/create", ""},
		{"POST", "/restate/call/Other/create", ""},
		{"POST", "/restate/call/shopXPayment.v1/create", ""}, // a dot is a dot
		{"POST", "/restate/call/shop.Payment/create", ""},
		{"POST", "/Restate/call/Order/create", ""},
		{"POST", "/restate/CALL/Order/create", ""},
		{"POST", "/prefix/restate/call/Order/create", ""},
		{"POST", "/restate/scope/s/call/Order/create", ""},
		{"GET", "/restate/attach/inv_1", "attach"},
		{"GET", "/restate/output/inv_1", "output"},
		{"POST", "/restate/attach/inv_1", ""},
		{"POST", "/restate/attach", ""},
		{"GET", "/restate/attach/a/b", ""},
		{"POST", "/restate/lookup", "lookup"},
		{"POST", "/restate/lookup/", ""},
		{"POST", "/restate/awakeables/sign_1/resolve", "awakeables"},
		{"POST", "/restate/a/sign_1/reject", "awakeables"},
		{"POST", "/restate/awakeables/sign_1", ""},
		{"POST", "/restate/awakeables/sign_1/cancel", ""},
		{"POST", "/restate/awakeables/a/b/resolve", ""},
		{"POST", "/Order/create", "legacyPaths"},
		{"POST", "/Order/create/send", "legacyPaths"},
		{"POST", "/Order/key/create/send", "legacyPaths"},
		{"POST", "/Order/key/create/more", ""},
		{"POST", "/Other/create", ""},
		{"GET", "/Order/create", ""},
		{"GET", "/restate/workflow/Order/key/attach", ""},
		{"GET", "/restate/invocation/inv_1/output", ""},
		{"GET", "/restate/health", ""},
		{"GET", "/openapi", ""},
		{"POST", "/query", ""},
		{"GET", "/deployments", ""},
		{"POST", "/deployments", ""},
		{"GET", "/services/Order/state", ""},
		{"DELETE", "/invocations/inv_1", ""},
		{"POST", "/", ""},
	} {
		for _, without := range []string{"", tt.want} {
			var allow []v1alpha1.GatewayCall
			for _, kind := range all {
				if kind != without || without == "" {
					allow = append(allow, v1alpha1.GatewayCall(kind))
				}
			}
			var passes []string
			for _, call := range gatewayPaths(allow, []string{"Order", "shop.Payment.v1"}) {
				if regexp.MustCompile(`\A(?:`+call.regex+`)\z`).MatchString(tt.path) && call.method == tt.method {
					passes = append(passes, call.name)
				}
			}
			want := tt.want
			if without == tt.want {
				want = "" // nothing else lets it pass
			}
			if got := strings.Join(passes, " "); got != want {
				t.Errorf("%s %q without %q: passes by %q, want %q", tt.method, tt.path, without, got, want)
			}
		}
	}
}

// TestExposedPaths: what the gateway may let pass, the exposure passes on to it.
func TestExposedPaths(t *testing.T) {
	services := []string{"Order", "shop.Payment.v1"}
	kinds := v1alpha1.GatewayCall("").Values()
	for _, path := range []string{
		"POST /restate/call/Order/create", "POST /restate/send/Order/key/create", "GET /restate/attach/inv_1", "GET /restate/output/inv_1", "POST /restate/lookup",
		"POST /restate/awakeables/s/resolve", "POST /restate/a/s/reject", "POST /Order/create", "POST /shop.Payment.v1/key/create/send",
	} {
		method, path, _ := strings.Cut(path, " ")
		exposed := func(allow []v1alpha1.GatewayCall) bool {
			return slices.ContainsFunc(publicPaths(allow, services), func(p publicPath) bool {
				return p.method == method && (path == p.path || !p.exact && strings.HasPrefix(path, p.path+"/"))
			})
		}
		var allow []v1alpha1.GatewayCall
		for _, kind := range kinds {
			one := []v1alpha1.GatewayCall{v1alpha1.GatewayCall(kind)}
			passes := slices.ContainsFunc(gatewayPaths(one, services), func(c gatewayCall) bool {
				return c.method == method && regexp.MustCompile(`\A(?:`+c.regex+`)\z`).MatchString(path)
			})
			if passes != exposed(one) {
				t.Errorf("%s %s: %s lets it pass: %t, and it is exposed: %t", method, path, kind, passes, exposed(one))
			}
			allow = append(allow, one...)
		}
		if !exposed(allow) {
			t.Errorf("%s %s is not exposed", method, path)
		}
	}
	for _, p := range publicPaths(kindsOf(kinds), services) {
		if p.path == "/" || p.path == "/restate" {
			t.Errorf("%s would be open whole", p.path)
		}
	}
}

func kindsOf(names []string) []v1alpha1.GatewayCall {
	var out []v1alpha1.GatewayCall
	for _, name := range names {
		out = append(out, v1alpha1.GatewayCall(name))
	}
	return out
}

// TestGatewayFilters: what is cheap comes before authentication, the limit of each client after it, and the router last.
func TestGatewayFilters(t *testing.T) {
	const before, after = "envoy.filters.http.set_filter_state ratelimit.replica envoy.filters.http.body_size_limit ", " ratelimit.client envoy.filters.http.router"
	for patch, auth := range map[string]string{`{}`: "api-key-auth", onlyJWT: "envoy.filters.http.jwt_authn", withJWT: "api-key-auth envoy.filters.http.jwt_authn"} {
		var names []string
		for _, f := range httpOf(t, bootstrapOf(t, patch), 0)["http_filters"].([]any) {
			names = append(names, f.(map[string]any)["name"].(string))
		}
		if got := strings.Join(names, " "); got != before+auth+after {
			t.Errorf("%s: got %s", patch, got)
		}
	}
	var ops []string
	for _, f := range httpOf(t, bootstrapOf(t, onlyJWT), 1)["http_filters"].([]any) {
		ops = append(ops, f.(map[string]any)["name"].(string))
	}
	if got := strings.Join(ops, " "); got != "envoy.filters.http.health_check envoy.filters.http.router" {
		t.Errorf("without API keys /ready waits for none: %s", got)
	}
}

// TestGatewayClients: the certificate of the exposure, and those that the spec names; without an exposure these alone.
func TestGatewayClients(t *testing.T) {
	const own = "prod-gateway-client.restate.svc.cluster.local"
	for _, tt := range []struct {
		reason, patch string
		want          []string
	}{
		{"the exposure's", `{}`, []string{own}},
		{"another cluster domain", `{clusterDomain: k8s.example}`, []string{"prod-gateway-client.restate.svc.k8s.example"}},
		{"and others, sorted, each once", `{gateway: {tls: {allowedClientSANs: [z.example.com, a.example.com, z.example.com]}}}`, []string{"a.example.com", own, "z.example.com"}},
		{"no exposure", `{gateway: {expose: {type: None, host: null, clusterIssuer: null, gatewayClassName: null}, tls: {allowedClientSANs: [a.example.com]}}}`, []string{"a.example.com"}},
	} {
		tls := in(t, bootstrapOf(t, `{spec: `+tt.patch+`}`), "static_resources", "listeners", 0, "filter_chains", 0, "transport_socket", "typed_config").(map[string]any)
		if tls["require_client_certificate"] != true {
			t.Errorf("%s: no certificate is asked for", tt.reason)
		}
		var got []string
		for _, n := range in(t, tls, "common_tls_context", "combined_validation_context", "default_validation_context", "match_typed_subject_alt_names").([]any) {
			if in(t, n, "san_type") != "DNS" {
				t.Errorf("%s: %v", tt.reason, n)
			}
			// A pattern: the exact form would let in a certificate for *.<the rest>.
			got = append(got, strings.ReplaceAll(in(t, n, "matcher", "safe_regex", "regex").(string), `\.`, "."))
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestGatewayClusters: each but the loopback's and the collector's verifies chain and name, and one alone gets the key of Restate Cloud.
func TestGatewayClusters(t *testing.T) {
	clusters := in(t, bootstrapOf(t, withJWT, `{spec: {cloud: {ingressURL: "https://x.restate.cloud:8443"}, gateway: {auth: {jwt: {caSecretRef: {name: ca, key: ca.crt}}}}, observability: {otlp: {endpoint: "otel.obs.svc:4317"}}}}`), "static_resources", "clusters").([]any)
	var got []string
	for _, v := range clusters {
		c := v.(map[string]any)
		at := in(t, c, "load_assignment", "endpoints", 0, "lb_endpoints", 0, "endpoint", "address", "socket_address").(map[string]any)
		line := fmt.Sprint(c["name"], " ", at["address"], ":", at["port_value"])
		if c["transport_socket"] != nil {
			tls := in(t, c, "transport_socket", "typed_config").(map[string]any)
			context := in(t, tls, "common_tls_context", "validation_context")
			line += fmt.Sprint(" ", tls["sni"], " ", in(t, context, "match_typed_subject_alt_names", 0, "matcher", "exact"), " ", in(t, context, "trusted_ca", "filename"))
		}
		if strings.Contains(fmt.Sprint(c), "CredentialInjector") {
			line += " key"
		}
		got = append(got, line)
	}
	want := []string{
		"restate_cloud_ingress x.restate.cloud:8443 x.restate.cloud x.restate.cloud /etc/ssl/certs/ca-certificates.crt key",
		"jwks idp.example.com:443 idp.example.com idp.example.com /var/run/secrets/gateway-jwks-ca/ca.crt",
		"otel_collector otel.obs.svc:4317",
		"admin 127.0.0.1:9901",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestGatewayConfigValues changes one field each that is a number or a name in the configuration.
func TestGatewayConfigValues(t *testing.T) {
	for _, tt := range []struct{ reason, patch, want string }{
		{"the timeout of a call", `{gateway: {upstream: {timeout: 90s}}}`, "idle_timeout: 105s\n retry_policy:\n num_retries: 2\n retry_on: connect-failure,refused-stream,reset-before-request\n timeout: 90s\n"},
		{"and of the whole of it", `{gateway: {upstream: {timeout: 90s}}}`, " max_stream_duration: 150s\n"},
		{"not a whole second", `{gateway: {upstream: {timeout: 1500ms}}}`, " timeout: 1.5s\n"},
		{"a day", `{gateway: {upstream: {timeout: 24h}}}`, "idle_timeout: 86415s\n"},
		{"streaming has none", `{gateway: {upstream: {streaming: true}}}`, "idle_timeout: 3600s\n retry_policy:\n num_retries: 2\n retry_on: connect-failure,refused-stream,reset-before-request\n timeout: 0s\n"},
		{"nor for its body", `{gateway: {upstream: {streaming: true}}}`, "request_timeout: 0s\n"},
		{"which has one otherwise", `{}`, "request_timeout: 60s\n"},
		{"nor between its parts", `{gateway: {upstream: {streaming: true}}}`, "stream_idle_timeout: 3600s\n"},
		{"the largest body", `{gateway: {upstream: {maxRequestBytes: 2097152}}}`, "max_request_bytes: 2097152\n"},
		{"the default", `{}`, "max_request_bytes: 1048576\n"},
		{"the limit of a replica", `{gateway: {rateLimit: {perReplica: {requestsPerSecond: 7, burst: 9}}}}`, "token_bucket:\n fill_interval: 1s\n max_tokens: 9\n tokens_per_fill: 7\n"},
		{"the limit of a client", `{gateway: {rateLimit: {perClient: {requestsPerSecond: 3, burst: 4}}}}`, "- key: client\n token_bucket:\n fill_interval: 1s\n max_tokens: 4\n tokens_per_fill: 3\n"},
		{"the host of Restate Cloud, with its port", `{cloud: {ingressURL: "https://x.restate.cloud:8443/"}}`, "host_rewrite_literal: x.restate.cloud:8443\n"},
		{"or without", `{cloud: {ingressURL: "https://x.restate.cloud"}}`, "host_rewrite_literal: x.restate.cloud\n"},
		{"the issuer", withJWT[len(`{spec: `) : len(withJWT)-1], "issuer: https://idp.example.com/\n"},
		{"its keys", withJWT[len(`{spec: `) : len(withJWT)-1], "uri: https://idp.example.com/keys\n"},
		{"the audiences", `{gateway: {auth: {jwt: {issuer: a, audiences: [b, c], jwksURI: "https://a.example.com/k"}}}}`, "audiences:\n - b\n - c\n"},
		{"traces that begin here", `{observability: {otlp: {endpoint: "otel.obs.svc:4317", samplingPercent: 5}}}`, "sampling_percentage:\n denominator: HUNDRED\n numerator: 5\n"},
		{"none of them", `{observability: {otlp: {endpoint: "otel.obs.svc:4317", samplingPercent: 0}}}`, "sampling_percentage:\n denominator: HUNDRED\n numerator: 0\n"},
		{"nobody takes them", `{}`, "sampling_percentage:\n denominator: HUNDRED\n numerator: 0\n"},
		{"and yet Envoy wants somebody who would", `{}`, "grpc_service:\n envoy_grpc:\n cluster_name: no_collector\n"},
		{"who has no address", `{}`, "- name: no_collector\n connect_timeout: 0.25s\n load_assignment:\n cluster_name: no_collector\n type: STATIC\n"},
		{"who it is", `{}`, "node:\n cluster: restate-gateway\n id: prod-gateway\n"},
	} {
		m := model(t, gatewayBase(t), `{spec: `+tt.patch+`}`)
		config := regexp.MustCompile(`\n +`).ReplaceAllString(gatewayConfig(m, m.Gateway.Domains[0])["bootstrap.yaml"], "\n ")
		if !strings.Contains(config, tt.want) {
			t.Errorf("%s: want %q in\n%s", tt.reason, tt.want, config)
		}
	}
}

// TestGatewayHeaders: what a caller must not say is dropped before a route is chosen, what Restate must not keep is dropped behind it.
func TestGatewayHeaders(t *testing.T) {
	manager := httpOf(t, bootstrapOf(t), 0)
	var dropped []string
	for _, h := range in(t, manager, "route_config", "request_headers_to_remove").([]any) {
		dropped = append(dropped, h.(string))
	}
	for _, name := range []string{"authorization", "proxy-authorization", "x-api-key", "cookie", "x-forwarded-client-cert", "forwarded", "x-forwarded-for", "x-restate-ingress-path"} {
		if !slices.Contains(dropped, name) {
			t.Errorf("%s would be kept in Restate's journal", name)
		}
	}
	for i, want := range []string{"x-gateway-client", "x-gateway-subject"} {
		if got := in(t, manager, "early_header_mutation_extensions", 0, "typed_config", "mutations", i, "remove"); got != want {
			t.Errorf("a caller says who he is: %v is dropped, not %s", got, want)
		}
	}
	logged := fmt.Sprint(in(t, manager, "access_log", 0, "typed_config", "log_format", "json_format"))
	for _, name := range []string{"AUTHORIZATION", "X-API-KEY", "COOKIE", "X-FORWARDED-CLIENT-CERT"} {
		if strings.Contains(strings.ToUpper(logged), name) {
			t.Errorf("%s is logged: %s", name, logged)
		}
	}
	if !strings.Contains(logged, "path:%PATH(NQ:") {
		t.Errorf("a query, which may hold a token, is logged: %s", logged)
	}
}

// TestGatewayConfigName: the name is that of all that is in it, so that no pod meets a file that another version wrote.
func TestGatewayConfigName(t *testing.T) {
	m := model(t, gatewayBase(t))
	c := gatewayConfigMap(m, m.Gateway.Domains[0])
	var text strings.Builder
	for _, key := range []string{"bootstrap.yaml", "client-ca.xds.yaml", "restate-token.xds.yaml", "server.xds.yaml"} {
		fmt.Fprintf(&text, "%s\n%s\n", key, c.Data[key])
	}
	sum := sha256.Sum256([]byte(text.String()))
	if want := "prod-gateway-" + hex.EncodeToString(sum[:4]); c.Name != want || len(c.Data) != 4 {
		t.Errorf("got %s with %d files, want %s", c.Name, len(c.Data), want)
	}
	for key, text := range c.Data {
		if got := regexp.MustCompile(`inline_bytes|credentials:|Bearer [^']|-----BEGIN`).FindString(text); got != "" {
			t.Errorf("%s holds %q, where a path belongs:\n%s", key, got, text)
		}
	}
}

// TestGatewayConfigHoldsAnyName: what Resolve lets pass stands in the configuration as it was written, and a service's name matches
// itself alone.
func TestGatewayConfigHoldsAnyName(t *testing.T) {
	const hostile = "aZ09._-*>$'\"\\`{}[]()%#:;,|&!?@~^+ \t\n\r=é"
	random := func(most, harmless int) string {
		runes := []rune(hostile)
		var out []rune
		for range 1 + rand.IntN(most) {
			if rand.IntN(20) < harmless {
				out = append(out, runes[rand.IntN(7)]) // what a name may have, so that some pass
			} else {
				out = append(out, runes[rand.IntN(len(runes))])
			}
		}
		return string(out)
	}
	base := spec(t, gatewayBase(t), withJWT)
	accepted := 0
	for range 1000 {
		s := *base
		g, j := *s.Spec.Gateway, *s.Spec.Gateway.Auth.JWT
		s.Spec.Gateway, g.Auth.JWT = &g, &j
		g.Services, g.TLS.AllowedClientSANs = []string{random(4, 19)}, []string{random(3, 19) + ".example.com"}
		j.Issuer, j.Audiences = random(8, 5), []string{random(8, 5)}
		g.Auth.APIKeys = &v1alpha1.GatewayAPIKeys{SecretRef: v1alpha1.Credential{Key: random(3, 19)}}
		m, ds := Resolve(&s, Input{})
		if diag.HasError(ds) {
			continue
		}
		accepted++
		config := treeOf(t, gatewayConfig(m, m.Gateway.Domains[0])["bootstrap.yaml"])
		manager := httpOf(t, config, 0)
		provider := in(t, filter(t, manager, "envoy.filters.http.jwt_authn"), "providers", "issuer")
		if got := []any{in(t, provider, "issuer"), in(t, provider, "audiences", 0)}; got[0] != j.Issuer || got[1] != j.Audiences[0] {
			t.Errorf("issuer %q and audience %q became %q", j.Issuer, j.Audiences[0], got)
		}
		whole := regexp.MustCompile(`\A(?:` + routesOf(t, manager)[0].path + `)\z`)
		if !whole.MatchString("/restate/call/"+g.Services[0]+"/h") || whole.MatchString("/restate/call/"+strings.ReplaceAll(g.Services[0], ".", "/")+"x/h") {
			t.Errorf("%q became %s", g.Services[0], whole)
		}
	}
	if accepted < 10 {
		t.Errorf("only %d specs were accepted", accepted)
	}
}

// TestEnvoyMessages: what a message is comes first, so that a person finds it; the rest is sorted, so that a change is small.
func TestEnvoyMessages(t *testing.T) {
	got := blockYAML(extension("b", "x.v3.Y", envoy{"z": 1, "a": list{envoy{"name": "n", "b": 2, "@type": "t"}}}))
	want := "name: b\ntyped_config:\n  '@type': type.googleapis.com/envoy.x.v3.Y\n  a:\n  - '@type': t\n    name: n\n    b: 2\n  z: 1\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if _, err := (envoy{"a": func() {}}).MarshalJSON(); err == nil {
		t.Error("what has no form in JSON must not vanish")
	}
	var again map[string]any
	if err := yaml.Unmarshal([]byte(got), &again); err != nil {
		t.Error(err)
	}
}

// filter is the configuration of an HTTP filter.
func filter(t *testing.T, manager map[string]any, name string) any {
	t.Helper()
	filters := manager["http_filters"].([]any)
	i := slices.IndexFunc(filters, func(f any) bool { return mapOf(f)["name"] == name })
	if i < 0 {
		t.Fatalf("no filter %s in %v", name, filters)
	}
	return in(t, filters, i, "typed_config")
}

// TestGatewayHardening writes out what keeps the door shut, so that no update of a golden blesses a loss. test/e2e/gateway sees each at
// work.
func TestGatewayHardening(t *testing.T) {
	const limits = `{spec: {gateway: {rateLimit: {perReplica: {requestsPerSecond: 7, burst: 9}, perClient: {requestsPerSecond: 3, burst: 4}}}}}`
	config := bootstrapOf(t, withJWT, limits)
	calls, ops := httpOf(t, config, 0), httpOf(t, config, 1)
	upstream := in(t, config, "static_resources", "clusters", 0, "typed_extension_protocol_options", "envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "http_filters")
	jwt := filter(t, calls, "envoy.filters.http.jwt_authn")
	replica, client := filter(t, calls, "ratelimit.replica"), filter(t, calls, "ratelimit.client")
	tls := in(t, config, "static_resources", "listeners", 0, "filter_chains", 0, "transport_socket", "typed_config")
	for _, tt := range []struct {
		reason string
		at     any
		path   []any
		want   any
	}{
		{"only the pod itself reaches the admin port", config, []any{"admin", "address", "socket_address", "address"}, "127.0.0.1"},
		{"probes are answered in an overload", config, []any{"static_resources", "listeners", 1, "bypass_overload_manager"}, true},
		{"TLS 1.1 is broken", tls, []any{"common_tls_context", "tls_params", "tls_minimum_protocol_version"}, "TLSv1_2"},
		{"a client whose certificate has ended presents a new one", tls, []any{"disable_stateless_session_resumption"}, true},
		{"in each way of resumption", tls, []any{"disable_stateful_session_resumption"}, true},
		{"Restate would decode it", calls, []any{"path_with_escaped_slashes_action"}, "REJECT_REQUEST"},
		{"the path that is matched is the one that is called", calls, []any{"normalize_path"}, true},
		{"with one slash for many", calls, []any{"merge_slashes"}, true},
		{"no header is another one behind", calls, []any{"common_http_protocol_options", "headers_with_underscores_action"}, "REJECT_REQUEST"},
		{"nobody claims another certificate", calls, []any{"forward_client_cert_details"}, "SANITIZE"},
		{"nobody claims another address", calls, []any{"use_remote_address"}, true},
		{"headers do not trickle in for ever", calls, []any{"request_headers_timeout"}, "10s"},
		{"a token is asked for on every path", jwt, []any{"rules", 0, "match", "prefix"}, "/"},
		{"of the issuer", jwt, []any{"rules", 0, "requires", "provider_name"}, "issuer"},
		{"it must end", jwt, []any{"providers", "issuer", "require_expiration"}, true},
		{"Restate never sees it", jwt, []any{"providers", "issuer", "forward"}, false},
		{"nobody learns why it was refused", jwt, []any{"strip_failure_response"}, true},
		{"its subject has a name of its own", jwt, []any{"providers", "issuer", "claim_to_headers", 0, "header_name"}, "x-gateway-subject"},
		{"a call without the key for Restate is refused", upstream, []any{0, "typed_config", "allow_request_without_credential"}, false},
		{"the caller's never stays", upstream, []any{0, "typed_config", "overwrite"}, true},
		{"which is no fault of the caller's", calls, []any{"local_reply_config", "mappers", 0, "status_code"}, 503},
		{"the limit of a replica", replica, []any{"token_bucket", "max_tokens"}, 9},
		{"a second", replica, []any{"token_bucket", "tokens_per_fill"}, 7},
		{"holds for all", replica, []any{"filter_enforced", "default_value", "numerator"}, 100},
		{"the limit of a client", client, []any{"descriptors", 0, "token_bucket", "max_tokens"}, 4},
		{"a second", client, []any{"descriptors", 0, "token_bucket", "tokens_per_fill"}, 3},
		{"and of a subject", client, []any{"descriptors", 1, "token_bucket", "tokens_per_fill"}, 3},
		{"which is told apart by who it is", client, []any{"rate_limits", 1, "actions", 0, "request_headers", "header_name"}, "x-gateway-subject"},
		{"holds for all", client, []any{"filter_enforced", "default_value", "numerator"}, 100},
		{"of one who is nobody", client, []any{"token_bucket", "max_tokens"}, 9},
		{"each client is told apart by who it is", client, []any{"rate_limits", 0, "actions", 0, "request_headers", "header_name"}, "x-gateway-client"},
		{"/ready asks the filter of keys", filter(t, ops, "envoy.filters.http.health_check"), []any{"pass_through_mode"}, true},
		{"which refuses, once it has keys", ops, []any{"local_reply_config", "mappers", 0, "filter", "status_code_filter", "comparison", "value", "default_value"}, 401},
		{"and nothing else is an answer of readiness", ops, []any{"local_reply_config", "mappers", 0, "filter", "status_code_filter", "comparison", "op"}, "EQ"},
	} {
		if got := in(t, tt.at, tt.path...); got != tt.want {
			t.Errorf("%s: %v is %v, want %v", tt.reason, tt.path, got, tt.want)
		}
	}
	for i, name := range []string{"envoy.filters.http.credential_injector", "envoy.filters.http.upstream_codec"} {
		if got := in(t, upstream, i, "name"); got != name {
			t.Errorf("filter %d to Restate is %v, want %s", i, got, name)
		}
	}
}
