// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"regexp"
	"strings"
	"time"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// gatewayListenerConfig is the listener for calls: mutual TLS, chain and name of the client's certificate both checked, because every
// certificate of the same CA passes the chain.
func gatewayListenerConfig(m Model, d GatewayDomain) envoy {
	var names list
	for _, name := range m.Gateway.ClientSANs {
		// A pattern, because the exact form would let in a certificate for *.<the rest> (run: Envoy 1.40).
		names = append(names, envoy{"san_type": "DNS", "matcher": envoy{"safe_regex": envoy{"regex": regexp.QuoteMeta(name)}}})
	}
	tls := extension("envoy.transport_sockets.tls", "extensions.transport_sockets.tls.v3.DownstreamTlsContext", envoy{
		"require_client_certificate":           true,
		"disable_stateful_session_resumption":  true, // so that a client whose certificate has ended must present a new one
		"disable_stateless_session_resumption": true,
		"common_tls_context": envoy{
			// ingress-nginx speaks TLS 1.2 unless told otherwise.
			"tls_params":                         envoy{"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
			"alpn_protocols":                     list{"h2", "http/1.1"},
			"tls_certificate_sds_secret_configs": list{secretConfig("server", serverFile)},
			"combined_validation_context": envoy{
				"default_validation_context":           envoy{"max_verify_depth": 3, "match_typed_subject_alt_names": names},
				"validation_context_sds_secret_config": secretConfig("client-ca", clientCAFile),
			},
		},
	})
	return envoy{
		"name": "gateway", "address": address("0.0.0.0", portGateway), "per_connection_buffer_limit_bytes": 32768,
		"filter_chains": list{envoy{
			"transport_socket_connect_timeout": "10s", "transport_socket": tls, "filters": list{connectionManager(gatewayHTTP(m, d))},
		}},
	}
}

// receiveTime is what a caller has for the whole body.
const receiveTime = time.Minute

// gatewayHTTP has the limits and the checks of paths of envoyproxy.io/docs, best practices for edge proxies. It differs in one: an escaped
// slash is refused, because Restate would decode it, and the path that was matched would not be the one that is called.
func gatewayHTTP(m Model, d GatewayDomain) envoy {
	streaming := m.Gateway.Upstream.Streaming
	common := envoy{"idle_timeout": "300s", "max_headers_count": 100, "headers_with_underscores_action": "REJECT_REQUEST"}
	if t := m.Gateway.Upstream.Timeout; t != nil {
		// The route's timeout begins with the last byte of the body, which a caller could keep back. A route's own max_stream_duration would
		// take the place of that timeout (run: Envoy 1.40).
		common["max_stream_duration"] = protoDuration(t.Duration + receiveTime)
	}
	idle, receive := "300s", protoDuration(receiveTime)
	if streaming {
		idle, receive = "3600s", "0s"
	}
	return envoy{
		"stat_prefix":                  "gateway",
		"codec_type":                   "AUTO",
		"server_header_transformation": "PASS_THROUGH",
		"use_remote_address":           true,
		"xff_num_trusted_hops":         1, // the exposure, which mutual TLS has made sure of
		"forward_client_cert_details":  "SANITIZE",
		"early_header_mutation_extensions": list{extension("envoy.http.early_header_mutation.header_mutation",
			"extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation", envoy{"mutations": list{envoy{"remove": clientHeader}, envoy{"remove": subjectHeader}}})},
		"always_set_request_id_in_response": true,
		"normalize_path":                    true,
		"merge_slashes":                     true,
		"path_with_escaped_slashes_action":  "REJECT_REQUEST",
		"common_http_protocol_options":      common,
		"http2_protocol_options":            with(windows, envoy{"max_concurrent_streams": 100}),
		"request_headers_timeout":           "10s",
		"stream_idle_timeout":               idle,
		"request_timeout":                   receive,
		"drain_timeout":                     "5s",
		"tracing":                           tracing(m),
		"access_log":                        list{extension("envoy.access_loggers.stdout", "extensions.access_loggers.stream.v3.StdoutAccessLog", envoy{"log_format": envoy{"omit_empty_values": true, "json_format": accessLog}})},
		"http_filters":                      gatewayFilters(m, d),
		"local_reply_config":                localReplies(),
		"route_config":                      gatewayRoutes(m, d),
	}
}

// tracing keeps the caller's decision, and samples traces that begin here. Without a collector trace ids are kept and made all the same:
// Envoy refuses a tracer without an exporter, so that it has one that leads nowhere and a share of none (run: Envoy 1.40).
func tracing(m Model) envoy {
	percent, collector := int32(0), clusterNowhere
	if c := m.Gateway.OTLP; c != nil {
		percent, collector = c.SamplingPercent, clusterOTLP
	}
	config := envoy{
		"service_name": gatewayName,
		"grpc_service": envoy{"envoy_grpc": envoy{"cluster_name": collector}, "timeout": "0.25s"},
		"sampler": extension("envoy.tracers.opentelemetry.samplers.parent_based", "extensions.tracers.opentelemetry.samplers.v3.ParentBasedSamplerConfig", envoy{
			"wrapped_sampler": extension("envoy.tracers.opentelemetry.samplers.trace_id_ratio_based", "extensions.tracers.opentelemetry.samplers.v3.TraceIdRatioBasedSamplerConfig",
				envoy{"sampling_percentage": envoy{"numerator": percent, "denominator": "HUNDRED"}}),
		}),
	}
	return envoy{
		"spawn_upstream_span": true,
		// The sampler decides: less than 100 here would take back a caller's decision.
		"random_sampling": envoy{"value": 100}, "overall_sampling": envoy{"value": 100},
		"custom_tags": list{
			envoy{"tag": "restate.invocation_id", "value": "%RESP(X-RESTATE-ID)%"},
			envoy{"tag": "restate.workflow_id", "value": "%REQ(X-WORKFLOW-ID)%"},
		},
		"provider": extension("envoy.tracers.opentelemetry", "config.trace.v3.OpenTelemetryConfig", config),
	}
}

// accessLog has no header that could hold a secret, and the path without its query.
var accessLog = envoy{
	"timestamp":             "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
	"trace_id":              "%TRACE_ID%",
	"span_id":               "%SPAN_ID%",
	"traceparent":           "%REQ(TRACEPARENT)%",
	"invocation_id":         "%RESP(X-RESTATE-ID)%",
	"workflow_id":           `%COALESCE({"operators":[{"command":"REQ","param":"X-WORKFLOW-ID"},{"command":"RESP","param":"X-RESTATE-ID"}]})%`,
	"client_id":             "%REQ(X-GATEWAY-CLIENT)%",
	"subject":               "%REQ(X-GATEWAY-SUBJECT)%",
	"request_id":            "%REQ(X-REQUEST-ID)%",
	"idempotency_key":       "%REQ(IDEMPOTENCY-KEY)%",
	"method":                "%REQ(:METHOD)%",
	"path":                  "%PATH(NQ:ORIG_OR_PATH)%",
	"authority":             "%FILTER_STATE(gateway.host:PLAIN)%",
	"protocol":              "%PROTOCOL%",
	"status":                "%RESPONSE_CODE%",
	"response_code_details": "%RESPONSE_CODE_DETAILS%",
	"response_flags":        "%RESPONSE_FLAGS%",
	"duration_ms":           "%DURATION%",
	"upstream_ms":           "%COMMON_DURATION(US_TX_END:US_RX_BEG:ms)%",
	"bytes_received":        "%BYTES_RECEIVED%",
	"bytes_sent":            "%BYTES_SENT%",
	"client_ip":             "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
	"peer_san":              "%DOWNSTREAM_PEER_DNS_SAN%",
	"upstream_cluster":      "%UPSTREAM_CLUSTER%",
}

// gatewayFilters are in the order in which they run: what is cheap comes before authentication, the limit of each client after.
func gatewayFilters(m Model, d GatewayDomain) list {
	out := list{
		// For the log: the route replaces the caller's host.
		extension("envoy.filters.http.set_filter_state", "extensions.filters.http.set_filter_state.v3.Config", envoy{"on_request_headers": list{envoy{
			"object_key": "gateway.host", "factory_key": "envoy.string", "format_string": envoy{"text_format_source": envoy{"inline_string": "%REQ(:AUTHORITY)%"}},
		}}}),
		rateLimit("replica", envoy{"token_bucket": bucket(d.RateLimit.PerReplica), "rate_limited_as_resource_exhausted": true}),
		extension("envoy.filters.http.body_size_limit", "extensions.filters.http.body_size_limit.v3.BodySizeLimit", envoy{"max_request_bytes": *m.Gateway.Upstream.MaxRequestBytes}),
	}
	if d.APIKeys != nil {
		out = append(out, apiKeyAuth())
	}
	if d.JWT != nil {
		out = append(out, jwtAuth(d.JWT))
	}
	perClient := bucket(d.RateLimit.PerClient)
	of := func(key, header string) envoy {
		return envoy{"actions": list{envoy{"request_headers": envoy{"header_name": header, "descriptor_key": key}}}}
	}
	each := func(key string) envoy { return envoy{"entries": list{envoy{"key": key}}, "token_bucket": perClient} }
	return append(out,
		rateLimit("client", envoy{
			"token_bucket":               bucket(d.RateLimit.PerReplica), // of tokens without a subject
			"enable_x_ratelimit_headers": "DRAFT_VERSION_03",
			"max_dynamic_descriptors":    500,
			"rate_limits":                list{of("client", clientHeader), of("subject", subjectHeader)},
			"descriptors":                list{each("client"), each("subject")},
		}),
		router(envoy{"suppress_envoy_headers": true}))
}

// jwtAuth requires a token by its own rule: a requirement that a route names is not there when the name has a slip, and nobody is asked.
func jwtAuth(j *GatewayJWT) envoy {
	const provider = "issuer"
	return extension(jwtFilter, "extensions.filters.http.jwt_authn.v3.JwtAuthentication", envoy{
		"strip_failure_response": true,
		"providers": envoy{provider: envoy{
			"issuer": j.Issuer, "audiences": j.Audiences, "require_expiration": true, "clock_skew_seconds": 30,
			"from_headers":        list{envoy{"name": "Authorization", "value_prefix": "Bearer "}},
			"forward":             false,
			"payload_in_metadata": "jwt",
			"claim_to_headers":    list{envoy{"header_name": subjectHeader, "claim_name": "sub"}},
			"remote_jwks": envoy{
				"http_uri": envoy{"uri": j.JWKSURI, "cluster": clusterJWKS, "timeout": "5s"}, "cache_duration": "300s",
				"async_fetch": envoy{"failed_refetch_duration": "5s"}, "retry_policy": envoy{"num_retries": 3},
			},
		}},
		"rules": list{envoy{"match": envoy{"prefix": "/"}, "requires": envoy{"provider_name": provider}}},
	})
}

// localReplies are what Envoy answers by itself. A key of Restate Cloud that is missing is not the caller's fault.
func localReplies() envoy {
	return envoy{
		"mappers": list{envoy{
			"filter": envoy{"extension_filter": extension("envoy.access_loggers.extension_filters.cel", "extensions.access_loggers.filters.cel.v3.ExpressionFilter",
				envoy{"expression": `response.code_details == "failed_to_inject_credential"`})},
			"status_code": 503, "body": envoy{"inline_string": "upstream credential unavailable"},
		}},
		"body_format": envoy{"omit_empty_values": true, "json_format": envoy{"status": "%RESPONSE_CODE%", "error": "%LOCAL_REPLY_BODY%", "request_id": "%REQ(X-REQUEST-ID)%"}},
	}
}

// droppedHeaders never reach Restate, which keeps the headers of a call in its journal: credentials, addresses of callers, and the path
// that Restate itself reports.
var droppedHeaders = list{
	"authorization", "proxy-authorization", apiKeyHeader, "cookie", "x-forwarded-client-cert", "forwarded", "x-forwarded-for", "x-envoy-external-address", "x-restate-ingress-path",
}

// gatewayRoutes are the closed list of what may be called. With both kinds of authentication the presence of an API key decides.
func gatewayRoutes(m Model, d GatewayDomain) envoy {
	var routes list
	deny := envoy{"name": "deny", "match": envoy{"prefix": "/"}, "direct_response": envoy{"status": 404}}
	var filters []string
	if d.APIKeys != nil {
		filters = append(filters, apiKeyFilter)
	}
	if d.JWT != nil {
		filters = append(filters, jwtFilter)
	}
	deny["typed_per_filter_config"] = disabled(filters...) // 404 with and without credentials
	for _, call := range gatewayPaths(m.Gateway.Allow, d.Services) {
		match := envoy{"safe_regex": envoy{"regex": call.regex}}
		if len(filters) == 1 {
			routes = append(routes, relay(m, call.name, match, list{header(":method", call.method)}))
			continue
		}
		routes = append(routes,
			with(relay(m, call.name+" by API key", match, list{header(":method", call.method), envoy{"name": apiKeyHeader, "present_match": true}}),
				envoy{"typed_per_filter_config": disabled(jwtFilter)}),
			with(relay(m, call.name+" by JWT", match, list{header(":method", call.method)}), envoy{"typed_per_filter_config": disabled(apiKeyFilter)}))
	}
	return envoy{
		"name": "gateway", "request_headers_to_remove": droppedHeaders,
		"virtual_hosts": list{envoy{"name": "restate", "domains": list{"*"}, "routes": append(routes, deny)}},
	}
}

// relay is tried again only where nothing of the call has reached Restate.
func relay(m Model, name string, match envoy, headers list) envoy {
	g := m.Gateway
	route := envoy{
		"cluster": clusterUpstream, "host_rewrite_literal": strings.TrimPrefix(m.Cloud.IngressURL, "https://"), "timeout": "0s", "idle_timeout": "3600s",
		"retry_policy": envoy{"retry_on": "connect-failure,refused-stream,reset-before-request", "num_retries": 2},
	}
	if t := g.Upstream.Timeout; t != nil {
		route["timeout"], route["idle_timeout"] = protoDuration(t.Duration), protoDuration(t.Duration+drainMargin)
	}
	return envoy{"name": name, "match": with(match, envoy{"headers": headers}), "route": route}
}

// gatewayPath is one kind of call.
type gatewayCall struct{ name, method, regex string }

// gatewayPaths are whole paths (restate 1.7, crates/ingress-http, path_parsing.rs), matched after Envoy has normalized them. One more segment
// than a key and a handler would be another endpoint.
func gatewayPaths(allow []v1alpha1.GatewayCall, services []string) []gatewayCall {
	var quoted []string
	for _, s := range services {
		quoted = append(quoted, regexp.QuoteMeta(s))
	}
	service := "(" + strings.Join(quoted, "|") + ")"
	const id = "/[^/]+"
	var out []gatewayCall
	for _, call := range allow {
		name := string(call)
		switch call {
		case v1alpha1.CallCall, v1alpha1.CallSend:
			out = append(out, gatewayCall{name, "POST", "/restate/" + name + "/" + service + "(" + id + "){1,2}"})
		case v1alpha1.CallAttach, v1alpha1.CallOutput:
			out = append(out, gatewayCall{name, "GET", "/restate/" + name + id})
		case v1alpha1.CallLookup:
			out = append(out, gatewayCall{name, "POST", "/restate/lookup"})
		case v1alpha1.CallAwakeables:
			out = append(out, gatewayCall{name, "POST", "/restate/(awakeables|a)" + id + "/(resolve|reject)"})
		case v1alpha1.CallLegacy:
			out = append(out, gatewayCall{name, "POST", "/" + service + "(" + id + "){1,2}(/send)?"})
		}
	}
	return out
}
