// SPDX-License-Identifier: Apache-2.0

package gateway

import "slices"

var limitMutants = []mutant{
	{"no limit of clients", "limit of each client", "429 beyond the burst", dropFilter("ratelimit.client"), false},
	{"limits not enforced", "limit of each client", "429 beyond the burst", set(called, "filter_enforced", nil), false},
	{"limits not enabled", "limit of each replica", "429 before callers are known", set(called, "filter_enabled", nil), false},
	{"no retry-after", "limit of each client", "429 beyond the burst", set(called, "enable_retry_after_header", nil), false},
	{"one bucket for all clients", "limit of each client", "others are not concerned", set(called, "header_name", "x-forwarded-proto"), false},
	{"subjects are not told apart", "limit of each subject", "one subject", set(called, "claim_to_headers", nil), false},
	{"no limit of replicas", "limit of each replica", "429 before callers are known", dropFilter("ratelimit.replica"), false},
	{"limit of replicas after authentication", "limit of each replica", "429 before callers are known", limitLate, false},
	{"bodies of any length", "sizes", "a body over the limit", dropFilter("envoy.filters.http.body_size_limit"), false},
	{"chunked bodies of any length", "sizes", "a chunked body over the limit", dropFilter("envoy.filters.http.body_size_limit"), false},
	{"larger bodies", "size by default", "1 MiB and a byte", set(called, "max_request_bytes", 2<<20), false},
	{"any number of headers", "sizes", "101 headers", set(called, "max_headers_count", 1000), false},
	{"larger headers", "sizes", "a header of 61 KiB", set(called, "max_request_headers_kb", 96), false},
	{"headers without end", "slow clients", "headers that do not end", set(called, "request_headers_timeout", nil), false},
	{"bodies without end", "slow clients", "a body that does not end", set(called, "request_timeout", nil), false},
	{"handshakes without end", "slow clients", "no handshake", set(calling, "transport_socket_connect_timeout", nil), false},
	{"any number of connections", "connections", "one too many", set(whole, "envoy.resource_limits.listener.gateway.connection_limit", nil), false},
	{"memory without limit", "memory", "calls are refused", set(whole, "overload_manager", nil), false},
	{"probes count as load", "memory", "/ready", set(whole, "bypass_overload_manager", nil), false},
}

var operationMutants = []mutant{
	{"calls go on for as long as their body", "a body is kept back", "ends", set(called, "max_stream_duration", nil), false},
	{"no timeout", "Restate Cloud is slow", "504 at the timeout", routeField("timeout", nil), false},
	{"what was sent is sent again", "Restate Cloud resets", "a stream", set(called, "retry_on", "reset"), false},
	{"what was sent over HTTP/1.1 is sent again", "Restate Cloud resets HTTP/1.1", "a kept connection", set(called, "retry_on", "reset"), false},
	{"failures are tried again", "Restate Cloud fails", "503", set(called, "retry_on", "5xx"), false},
	{"failed connections are final", "handshakes fail once", "tried again", set(called, "retry_policy", nil), false},
	{"refused streams are final", "Restate Cloud refuses streams", "tried again", set(called, "retry_on", "connect-failure"), false},
	{"any number of calls", "many calls at once", "503 beyond the limit", set(relaying, "circuit_breakers", nil), false},
	{"streams end with a timeout", "streaming", "an answer over HTTP/2", routeField("timeout", "1s"), false},
	{"streams end when nothing is seen", "streaming", "an answer that is long in coming", routeField("idle_timeout", "1s"), false},
	{"bodies of streams end", "streaming", "a body over HTTP/1.1", set(called, "request_timeout", "1s"), false},
	{"bodies are buffered", "streaming", "both directions over HTTP/2", bufferBodies, false},
	{"long calls end when nothing is seen", "a timeout of ten minutes", "nothing to see for six minutes", routeField("idle_timeout", nil), false},
	{"keys are read once, under load", "rotation under load", "API keys", both(set(called, "poll_interval", nil), set(probed, "poll_interval", nil)), false},
	{"keys are read every minute", "rotation at the real pace", "a revoked key", set(whole, "poll_interval", "60s"), false},
	// For the token and the certificate a watch finds the file in some runs.
	{"a CA is waited for by watching", "CA of clients appears later", "goes on when it comes", set(calling, "poll_interval", nil), false},
	{"keys of the issuer are kept for an hour", "issuer's keys change", "another key", set(called, "cache_duration", "3600s"), false},
}

var observationMutants = []mutant{
	{"hosts of Restate Cloud in the log", "access log", "relayed", dropFilter("envoy.filters.http.set_filter_state"), false},
	{"addresses of the exposure in the log", "access log", "of a caller behind the exposure", set(called, "xff_num_trusted_hops", nil), false},
	{"addresses of the caller's choice in the log", "access log", "of a caller behind the exposure", set(called, "xff_num_trusted_hops", 2), false},
	{"a log of text", "access log", "of the application", dropArgument("--log-format"), false},
	{"no traces", "traces without collector", "made", set(called, "tracing", nil), false},
	{"callers are taken back", "traces, none of our own", "kept, sampled", set(called, "random_sampling", map[string]any{"value": 0}), false},
	{"traces of our own", "traces, none of our own", "made", set(called, "sampler", nil), false},
	{"no span of the call to Restate Cloud", "traces, all of our own", "a span for each side", set(called, "spawn_upstream_span", nil), false},
	{"no tags", "traces, all of our own", "a span for each side", set(called, "custom_tags", nil), false},
}

// routeField changes a field of the action of every route to Restate Cloud.
func routeField(name string, value any) func(*pod) {
	return func(p *pod) {
		for _, action := range p.having(called(p), "host_rewrite_literal") {
			with(action, name, value)
		}
	}
}

// limitLate has the limit of replicas after authentication.
func limitLate(p *pod) {
	m := p.manager("gateway")
	filters := m["http_filters"].([]any)
	at := slices.IndexFunc(filters, func(f any) bool { return f.(map[string]any)["name"] == "ratelimit.replica" })
	last := len(filters) - 1
	m["http_filters"] = slices.Concat(filters[:at], filters[at+1:last], filters[at:at+1], filters[last:])
}

// bufferBodies waits for whole bodies.
func bufferBodies(p *pod) {
	m := p.manager("gateway")
	buffer := map[string]any{"name": "envoy.filters.http.buffer", "typed_config": map[string]any{"@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer", "max_request_bytes": 1 << 20}}
	m["http_filters"] = slices.Insert(slices.Clone(m["http_filters"].([]any)), 0, any(buffer))
}
