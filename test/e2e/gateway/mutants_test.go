// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"strings"
	"testing"
)

// mutant is the configuration with one line taken away or made weaker, and the check that finds it.
type mutant struct {
	name   string
	group  string
	check  string
	change func(*pod)
	// leaks: what the check finds is a secret in a log or an answer.
	leaks bool
}

// TestMutants sees every check fail for which a line of the configuration stands. A mutant that no check finds is a line without a test.
func TestMutants(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			given := groups[m.group].setup
			if given.change = m.change; groups[m.group].setup.change != nil {
				given.change = both(groups[m.group].setup.change, m.change)
			}
			given.unready = true
			s := newStage(t, given)
			if !groups[m.group].setup.unready {
				s.wait(readyTimeout, func() bool { return s.ready() == 200 })
			}
			checks := groups[m.group].checks(s)
			at := slices.IndexFunc(checks, func(c check) bool { return c.name == m.check })
			if at < 0 {
				t.Fatalf("group %q has no check %q", m.group, m.check)
			}
			err := checks[at].try(s)
			leaks := s.inspect()
			switch {
			case m.leaks && len(leaks) == 0:
				t.Errorf("check %q saw no secret: %v", m.check, err)
			case !m.leaks && err == nil:
				t.Errorf("check %q passes", m.check)
			}
			t.Logf("found: %v %v", err, leaks)
		})
	}
}

// TestMutantNames: each mutant is of a group of the matrix, which runs its checks without the mutation, and has a name of its own.
func TestMutantNames(t *testing.T) {
	names := map[string]bool{}
	for _, m := range mutants {
		if _, found := groups[m.group]; !found || names[m.name] {
			t.Errorf("mutant %q: no group %q, or another of its name", m.name, m.group)
		}
		names[m.name] = true
	}
}

var mutants = slices.Concat(
	clientMutants, credentialMutants, routeMutants, headerMutants, upstreamMutants, opsMutants, limitMutants, operationMutants, observationMutants,
)

var clientMutants = []mutant{
	// Names alone demand a certificate too.
	{"client certificate not required", "client certificates", "none, TLS 1.3", both(set(calling, "require_client_certificate", false), set(calling, "match_typed_subject_alt_names", nil)), false},
	{"names of clients not matched", "client certificates", "of another name, TLS 1.2", set(calling, "match_typed_subject_alt_names", nil), false},
	{"names of clients by suffix", "client certificates", "of another name, TLS 1.3", set(calling, "matcher", map[string]any{"suffix": "prod-gateway-client.restate.svc.cluster.local"}), false},
	{"names of clients by wildcards", "client certificates", "of a wildcard, TLS 1.2", set(calling, "matcher", map[string]any{"exact": "prod-gateway-client.restate.svc.cluster.local"}), false},
	{"CA of clients is that of the public", "client certificates", "of the public CA, TLS 1.2", clientCA(systemCAs), false},
	{"no CA of clients", "client certificates", "of another CA, TLS 1.3", clientCA(""), false},
	// Envoy has no ciphers for it unless told.
	{"TLS 1.0", "client certificates", "TLS 1.1", set(calling, "tls_params", map[string]any{"tls_minimum_protocol_version": "TLSv1_0", "cipher_suites": []any{"ECDHE-ECDSA-AES128-SHA"}}), false},
	{"no TLS", "client certificates", "no TLS", set(calling, "transport_socket", nil), false},
}

var credentialMutants = []mutant{
	{"no filter of keys", "API keys", "none", dropFilter("api-key-auth"), false},
	{"keys off on every route", "API keys", "bad", onRoute("call", "typed_per_filter_config", disabled("api-key-auth")), false},
	{"query in the access log", "API keys", "in the query", set(logged, "path", "%REQ(:PATH)%"), true},
	{"key of Restate Cloud in the access log", "API keys", "good", set(logged, "authority", "%REQ(AUTHORIZATION)%"), true},
	{"client of the caller's own in the access log", "API keys", "client of one's own in the log", set(called, "early_header_mutation_extensions", nil), false},
	{"headers with underscores", "API keys", "with underscores", set(called, "headers_with_underscores_action", "ALLOW"), false},
	{"no rules for tokens", "JWT", "none", set(called, "rules", nil), false},
	{"rules for another path", "JWT", "expired", set(called, "rules", []any{map[string]any{"match": map[string]any{"prefix": "/x"}, "requires": map[string]any{"provider_name": "issuer"}}}), false},
	{"token may be missing", "JWT", "none", set(called, "requires", map[string]any{"requires_any": map[string]any{"requirements": []any{map[string]any{"provider_name": "issuer"}, map[string]any{"allow_missing": map[string]any{}}}}}), false},
	{"tokens off on every route", "JWT", "without signature", onRoute("call", "typed_per_filter_config", disabled("envoy.filters.http.jwt_authn")), false},
	{"expiry not required", "JWT", "without expiry", set(called, "require_expiration", nil), false},
	{"skew of an hour", "JWT", "expired", set(called, "clock_skew_seconds", 3600), false},
	{"audiences not matched", "JWT", "another audience", set(called, "audiences", nil), false},
	{"audience may be missing", "JWT", "without audience", set(called, "audiences", nil), false},
	{"issuer not matched", "JWT", "another issuer", set(provider, "issuer", nil), false},
	{"tokens from the query", "JWT", "in the query", set(called, "from_headers", nil), false},
	{"answer says why", "JWT", "none", set(called, "strip_failure_response", nil), false},
	{"key route takes every call", "API keys and JWT", "no key, good token", set(called, "headers", []any{}), false},
	{"keys off where there is one", "API keys and JWT", "bad key, good token", swapDisabled("api-key-auth", "envoy.filters.http.jwt_authn"), false},
	{"unknown paths ask for credentials", "API keys and JWT", "unknown path, no credentials", onRoute("deny", "typed_per_filter_config", nil), false},
	{"refused keys are printed, duplicate", "file of keys refused later, duplicate key", "the last good keys stay", dropArgument("--component-log-level"), true},
	{"refused keys are printed, bare", "file of keys refused later, a bare key", "the last good keys stay", dropArgument("--component-log-level"), true},
	{"unknown fields are ignored", "file of keys refused later, unknown field", "the last good keys stay", dropFlag("--reject-unknown-dynamic-fields"), false},
	{"keys are read once", "file of keys refused at start", "a good file mends it", both(set(called, "poll_interval", nil), set(probed, "poll_interval", nil)), false},
}

var routeMutants = []mutant{
	{"unknown paths are relayed", "paths", "unknown /openapi", relayUnknown, false},
	{"any method", "paths", "by GET", onRoute("call", "match", map[string]any{"safe_regex": map[string]any{"regex": "/restate/call/Greeter/greet"}}), false},
	{"any number of segments", "paths", "unknown /restate/call/Counter/a/b/c", regex("(/[^/]+){1,2}", "/.+"), false},
	{"empty segments", "paths", "unknown /restate/call/Greeter/", regex("[^/]+", "[^/]*"), false},
	{"any service", "paths", "unknown /restate/call/Secret/greet", regex("(Counter|Flow|Greeter|shop\\.Cart\\.v1)", "[^/]+"), false},
	{"services by prefix", "paths", "unknown /restate/call/GreeterX/greet", regex("v1)", "v1)[^/]*"), false},
	{"dots match all", "paths", "unknown /restate/call/shopxCart.v1/greet", regex("shop\\.Cart", "shop.Cart"), false},
	{"any case", "paths", "unknown /restate/call/greeter/greet", regex("/restate", "(?i)/restate"), false},
	{"something before", "paths", "unknown /x" + greeting, regex("/restate", ".*/restate"), false},
	{"escaped slashes stay", "paths", "malformed /restate/call/Greeter/..%2FSecret%2Fgreet", set(called, "path_with_escaped_slashes_action", "KEEP_UNCHANGED"), false},
	{"escaped slashes are decoded", "paths", "malformed /restate/call/Counter/a%2Fb/add", set(called, "path_with_escaped_slashes_action", "UNESCAPE_AND_FORWARD"), false},
	{"paths not normalized", "paths", "unknown /restate/call/Greeter/../greet", set(called, "normalize_path", false), false},
	{"slashes not merged", "paths", "relayed //restate///call//Greeter/greet", set(called, "merge_slashes", false), false},
	{"every kind by the legacy form", "calls of kind call", "/Greeter/greet", regex("/restate/call", "(/restate/call)?"), false},
}

var headerMutants = []mutant{
	{"host of the caller", "headers", "stripped with a key", set(called, "host_rewrite_literal", nil), false},
	{"headers of Envoy in answers", "headers", "stripped with a key", set(called, "suppress_envoy_headers", nil), false},
	{"server named", "headers", "stripped with a key", set(called, "server_header_transformation", nil), false},
	{"upgrades", "headers", "upgrade", set(called, "upgrade_configs", []any{map[string]any{"upgrade_type": "websocket"}}), false},
	// Each of these two is held by the other: the filter of keys hides its header, and the key of Restate Cloud replaces authorization.
	{"key passed on", "JWT", "API key beside a good one", keep("x-api-key"), false},
	{"authorization passed on", "headers", "stripped with a key and what looks like a token", both(keep("authorization"), set(relaying, "overwrite", nil)), false},
	{"client certificate passed on", "headers", "stripped with a key", both(keep("x-forwarded-client-cert"), set(called, "forward_client_cert_details", "ALWAYS_FORWARD_ONLY")), false},
	{"proxy-authorization passed on", "headers", "stripped with a key", keep("proxy-authorization"), false},
	{"cookies passed on", "headers", "stripped with a key", keep("cookie"), false},
	{"forwarded passed on", "headers", "stripped with a key", keep("forwarded"), false},
	{"x-forwarded-for passed on", "headers", "stripped with a key", keep("x-forwarded-for"), false},
	{"x-envoy-external-address passed on", "headers", "stripped with a key", keep("x-envoy-external-address"), false},
	{"path of Restate passed on", "headers", "stripped with a key", keep("x-restate-ingress-path"), false},
}

var upstreamMutants = []mutant{
	{"any CA for Restate Cloud", "Restate Cloud of an unknown CA", "refused", set(relaying, "validation_context", map[string]any{"trusted_ca": map[string]any{"filename": systemCAs}, "trust_chain_verification": "ACCEPT_UNTRUSTED"}), false},
	{"any name for Restate Cloud", "Restate Cloud of another name", "refused", set(relaying, "match_typed_subject_alt_names", nil), false},
	{"Restate Cloud not verified", "Restate Cloud of an unknown CA", "refused", set(relaying, "validation_context", nil), false},
	{"calls without the key of Restate Cloud", "token missing", "503", set(relaying, "allow_request_without_credential", true), false},
	{"401 for a key that is missing", "token missing", "503", set(called, "mappers", nil), false},
	{"no key injected", "token without newline", "injected", set(relaying, "http_filters", []any{codec}), false},
	{"key injected before the route", "token without newline", "injected", injectEarly, false},
	{"key without its scheme", "token without newline", "injected", set(relaying, "header_value_prefix", nil), false},
}

var opsMutants = []mutant{
	{"ready without keys", "file of keys refused at start", "not ready", dropFilterOf("ops", "api-key-auth"), false},
	{"admin interface on the plain port", "plain port", "get /config_dump", openAdmin, false},
	{"any method on the plain port", "plain port", "post /stats/prometheus", set(probed, "headers", []any{}), false},
	{"ready is unauthorized", "plain port", "ready", set(probed, "local_reply_config", nil), false},
}

func disabled(filter string) map[string]any {
	return map[string]any{filter: map[string]any{"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true}}
}

// codec is the filter that must be last.
var codec = map[string]any{"name": "envoy.filters.http.upstream_codec", "typed_config": map[string]any{"@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"}}

func both(a, b func(*pod)) func(*pod) {
	return func(p *pod) {
		a(p)
		b(p)
	}
}

// regex replaces text in every path that is relayed.
func regex(from, to string) func(*pod) {
	return func(p *pod) {
		p.t.Helper()
		changed := false
		for _, m := range p.having(called(p), "regex") {
			text := m["regex"].(string)
			m["regex"] = strings.ReplaceAll(text, from, to)
			changed = changed || m["regex"] != text
		}
		if !changed {
			p.t.Fatalf("no path has %s", from)
		}
	}
}
