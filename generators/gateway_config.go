// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// Envoy's configuration is written in the words of its API (github.com/envoyproxy/envoy v1.40, api/envoy), as maps: its Go types would
// double the size of the function. A test holds every golden configuration against those types, and another runs it.
//
// Needs Envoy 1.40: poll_interval, body_size_limit, enable_retry_after_header, and bearer tokens whose file ends with a newline.
type envoy map[string]any

type list []any

// MarshalJSON writes what a message is before what it says; the rest is sorted.
func (e envoy) MarshalJSON() ([]byte, error) {
	keys := sortedKeys(e)
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	out := []byte{'{'}
	for i, key := range keys {
		value, err := json.Marshal(e[key])
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(strconv.AppendQuote(out, key), ':'), value...)
	}
	return append(out, '}'), nil
}

func rank(key string) int {
	if at := slices.Index([]string{"@type", "name"}, key); at >= 0 {
		return at
	}
	return 2
}

// Names that stand in two places of the configuration.
const (
	apiKeyFilter    = "api-key-auth"                 // the name in the file of keys must be the same
	jwtFilter       = "envoy.filters.http.jwt_authn" // also where a route switches the filter off
	clusterUpstream = "restate_cloud_ingress"        // its filters inject the key of Restate Cloud
	clusterJWKS     = "jwks"
	clusterOTLP     = "otel_collector"
	clusterNowhere  = "no_collector" // without endpoints
	clusterAdmin    = "admin"
	apiKeyHeader    = "x-api-key"
	// Who called, for the limit of each client, the log and the handler; dropped when a caller sends them. The subject of a token has a header
	// of its own, so that none can take the name of a key.
	clientHeader  = "x-gateway-client"
	subjectHeader = "x-gateway-subject"
)

// Files of discovery: what they hold is read again when it changes. They stand beside the bootstrap, those of keys in the Secret.
const (
	serverFile   = "server.xds.yaml"
	clientCAFile = "client-ca.xds.yaml"
	bearerFile   = "restate-token.xds.yaml"
	apiKeysFile  = "api-key-auth.xds.yaml"
)

// maxProgramSize is far above what as many services as a spec can hold compile to.
const maxProgramSize = 1 << 20

// pollInterval finds a file that was missing at start, which a watch of its directory does not (run: Envoy 1.40).
const pollInterval = "10s"

const (
	portEnvoyAdmin = 9901 // loopback: it can stop the process
	// systemCAs is the bundle of the distroless image (gcr.io/distroless/base-debian12, ca-certificates).
	systemCAs = "/etc/ssl/certs/ca-certificates.crt"
)

// gatewayConfig has every file of the gateway's ConfigMap.
func gatewayConfig(m Model, d GatewayDomain) map[string]string {
	ca := gatewayTLSDir
	if m.Gateway.TLS.ClientCA != nil {
		ca = gatewayCADir
	}
	return map[string]string{
		bootstrapFile: blockYAML(gatewayBootstrap(m, d)),
		serverFile: secretResource("server", "tls_certificate", envoy{
			"certificate_chain": file(gatewayTLSDir + "/tls.crt"), "private_key": file(gatewayTLSDir + "/tls.key"), "watched_directory": envoy{"path": gatewayTLSDir},
		}),
		clientCAFile: secretResource("client-ca", "validation_context", envoy{"trusted_ca": file(ca + "/ca.crt"), "watched_directory": envoy{"path": ca}}),
		bearerFile:   secretResource("restate-token", "generic_secret", envoy{"secret": file(ingressDir + "/" + tokenFile)}),
	}
}

func gatewayBootstrap(m Model, d GatewayDomain) envoy {
	g := m.Gateway
	clusters := list{upstreamCluster(m)}
	if d.JWT != nil {
		clusters = append(clusters, jwksCluster(d.JWT))
	}
	if g.OTLP != nil {
		clusters = append(clusters, collectorCluster(g.OTLP))
	} else {
		clusters = append(clusters, nowhereCluster())
	}
	return envoy{
		"node":         envoy{"id": m.gatewayObject(d), "cluster": gatewayName}, // needed by every file of discovery
		"admin":        envoy{"address": address("127.0.0.1", portEnvoyAdmin)},
		"stats_config": envoy{"use_all_default_tags": true},
		"layered_runtime": envoy{"layers": list{envoy{"name": "static", "static_layer": envoy{
			"envoy.resource_limits.listener.gateway.connection_limit": 5000,
			// Envoy refuses patterns that compile to more than 100 instructions, for fear of patterns of strangers. Nine services, or a name of 62
			// characters, are more (run: Envoy 1.40).
			"re2.max_program_size.error_level": maxProgramSize,
			"re2.max_program_size.warn_level":  maxProgramSize,
		}}}},
		"overload_manager": overloadManager(g.HeapBytes),
		"static_resources": envoy{
			"listeners": list{gatewayListenerConfig(m, d), opsListener(d)},
			"clusters":  append(clusters, adminCluster()),
		},
	}
}

// overloadManager sheds load before the container's limit of memory kills the process (envoyproxy.io/docs, best practices for edge
// proxies).
func overloadManager(heap int64) envoy {
	trigger := func(at float64) list {
		return list{envoy{"name": "envoy.resource_monitors.fixed_heap", "threshold": envoy{"value": at}}}
	}
	return envoy{
		"refresh_interval": "0.25s",
		"resource_monitors": list{
			extension("envoy.resource_monitors.fixed_heap", "extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig", envoy{"max_heap_size_bytes": heap}),
			extension("envoy.resource_monitors.global_downstream_max_connections", "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
				envoy{"max_active_downstream_connections": 10000}),
		},
		"actions": list{
			envoy{"name": "envoy.overload_actions.shrink_heap", "triggers": trigger(0.95)},
			envoy{"name": "envoy.overload_actions.stop_accepting_requests", "triggers": trigger(0.98)},
		},
	}
}

// typed is a message of Envoy's API with its type.
func typed(kind string, fields envoy) envoy {
	return with(fields, envoy{"@type": "type.googleapis.com/envoy." + kind})
}

func extension(name, kind string, fields envoy) envoy {
	return envoy{"name": name, "typed_config": typed(kind, fields)}
}

func file(path string) envoy { return envoy{"filename": path} }

func address(host string, port int32) envoy {
	return envoy{"socket_address": envoy{"address": host, "port_value": port}}
}

// polled is a file of discovery.
func polled(path string) envoy {
	return envoy{"path_config_source": envoy{"path": path, "poll_interval": pollInterval}, "resource_api_version": "V3"}
}

func secretConfig(name, file string) envoy {
	return envoy{"name": name, "sds_config": polled(gatewayConfigDir + "/" + file)}
}

func secretResource(name, kind string, fields envoy) string {
	return blockYAML(envoy{"resources": list{typed("extensions.transport_sockets.tls.v3.Secret", envoy{"name": name, kind: fields})}})
}

// cluster is a host behind DNS. Envoy's default tries IPv6 first, and does not fall back after a refused connection.
func cluster(name, host string, port int32, connect string, fields envoy) envoy {
	return with(fields, envoy{
		"name":            name,
		"connect_timeout": connect,
		"cluster_type": extension("envoy.cluster.dns", "extensions.clusters.dns.v3.DnsCluster", envoy{
			"all_addresses_in_single_endpoint": true, "respect_dns_ttl": true, "dns_lookup_family": "V4_PREFERRED",
		}),
		"load_assignment": endpoint(name, host, port),
	})
}

func endpoint(name, host string, port int32) envoy {
	return envoy{"cluster_name": name, "endpoints": list{envoy{"lb_endpoints": list{envoy{"endpoint": envoy{"address": address(host, port)}}}}}}
}

// upstreamTLS verifies chain and name: without trusted_ca Envoy verifies nothing.
func upstreamTLS(host, ca string) envoy {
	return extension("envoy.transport_sockets.tls", "extensions.transport_sockets.tls.v3.UpstreamTlsContext", envoy{
		"sni": host,
		"common_tls_context": envoy{
			"tls_params":         envoy{"tls_minimum_protocol_version": "TLSv1_2"},
			"validation_context": envoy{"trusted_ca": file(ca), "match_typed_subject_alt_names": list{exactDNS(host)}},
		},
	})
}

func exactDNS(name string) envoy {
	return envoy{"san_type": "DNS", "matcher": envoy{"exact": name}}
}

// windows bound what one HTTP/2 peer makes Envoy keep in memory.
var windows = envoy{"initial_stream_window_size": 65536, "initial_connection_window_size": 1 << 20}

// upstreamCluster is the only one that gets the key of Restate Cloud. Its filter runs after the route has removed what the caller sent.
func upstreamCluster(m Model) envoy {
	g := m.Gateway
	return cluster(clusterUpstream, g.UpstreamHost, g.UpstreamPort, "5s", envoy{
		"per_connection_buffer_limit_bytes": 32768,
		"circuit_breakers":                  envoy{"thresholds": list{envoy{"max_connections": 1024, "max_pending_requests": 1024, "max_requests": 4096, "max_retries": 16}}},
		"transport_socket":                  upstreamTLS(g.UpstreamHost, systemCAs),
		"typed_extension_protocol_options": envoy{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed("extensions.upstreams.http.v3.HttpProtocolOptions", envoy{
			"auto_config":                  envoy{"http2_protocol_options": with(windows, envoy{"connection_keepalive": envoy{"interval": "30s", "timeout": "5s"}})},
			"common_http_protocol_options": envoy{"idle_timeout": "300s"},
			"http_filters": list{
				extension("envoy.filters.http.credential_injector", "extensions.filters.http.credential_injector.v3.CredentialInjector", envoy{
					"overwrite": true, "allow_request_without_credential": false,
					"credential": extension("envoy.http.injected_credentials.generic", "extensions.http.injected_credentials.generic.v3.Generic", envoy{
						"header": "authorization", "header_value_prefix": "Bearer ", "credential": secretConfig("restate-token", bearerFile),
					}),
				}),
				extension("envoy.filters.http.upstream_codec", "extensions.filters.http.upstream_codec.v3.UpstreamCodec", nil), // must be the last one
			},
		})},
	})
}

func jwksCluster(j *GatewayJWT) envoy {
	ca := systemCAs
	if j.CASecretRef != nil {
		ca = gatewayJWKSDir + "/ca.crt"
	}
	return cluster(clusterJWKS, j.Host, j.Port, "5s", envoy{"transport_socket": upstreamTLS(j.Host, ca)})
}

func collectorCluster(c *Collector) envoy {
	return cluster(clusterOTLP, c.Host, c.Port, "1s", envoy{"typed_extension_protocol_options": http2Only()})
}

func nowhereCluster() envoy {
	return envoy{
		"name": clusterNowhere, "type": "STATIC", "connect_timeout": "0.25s", "load_assignment": envoy{"cluster_name": clusterNowhere},
		"typed_extension_protocol_options": http2Only(),
	}
}

// http2Only is what gRPC speaks.
func http2Only() envoy {
	return envoy{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed("extensions.upstreams.http.v3.HttpProtocolOptions", envoy{
		"explicit_http_config": envoy{"http2_protocol_options": envoy{}},
	})}
}

func adminCluster() envoy {
	return envoy{"name": clusterAdmin, "type": "STATIC", "connect_timeout": "0.25s", "load_assignment": endpoint(clusterAdmin, "127.0.0.1", portEnvoyAdmin)}
}

// opsListener is plain, because the kubelet's probes present no certificate. /ready asks the filter of API keys without a key: it answers
// 401 once a valid file was loaded, and 500 before; so a file that is refused never lets a rollout go on.
func opsListener(d GatewayDomain) envoy {
	filters := list{extension("envoy.filters.http.health_check", "extensions.filters.http.health_check.v3.HealthCheck", envoy{
		"pass_through_mode": true, "headers": list{header(":path", gatewayProbe)},
	})}
	open := envoy{}
	if d.APIKeys != nil {
		filters = append(filters, apiKeyAuth())
		open = envoy{"typed_per_filter_config": disabled(apiKeyFilter)}
	}
	get := func(path string, action string, to envoy) envoy {
		return with(open, envoy{"match": envoy{"path": path, "headers": list{header(":method", "GET")}}, action: to})
	}
	routes := list{
		get("/stats/prometheus", "route", envoy{"cluster": clusterAdmin}),
		get("/healthz", "direct_response", envoy{"status": 200}),
		envoy{"match": envoy{"path": gatewayProbe}, "direct_response": envoy{"status": 200}},
		with(open, envoy{"match": envoy{"prefix": "/"}, "direct_response": envoy{"status": 404}}),
	}
	return envoy{
		"name": "ops", "address": address("0.0.0.0", portOps), "bypass_overload_manager": true,
		"filter_chains": list{envoy{"filters": list{connectionManager(envoy{
			"stat_prefix":    "ops",
			"normalize_path": true,
			"http_filters":   append(filters, router(nil)),
			"local_reply_config": envoy{"mappers": list{envoy{
				"filter":      envoy{"status_code_filter": envoy{"comparison": envoy{"op": "EQ", "value": envoy{"default_value": 401, "runtime_key": "ops.ready.loaded"}}}},
				"status_code": 200,
			}}},
			"route_config": envoy{"name": "ops", "virtual_hosts": list{envoy{"name": "ops", "domains": list{"*"}, "routes": routes}}},
		})}}},
	}
}

// with returns a message with more fields.
func with(base, fields envoy) envoy {
	out := envoy{}
	for _, m := range []envoy{base, fields} {
		for key, value := range m {
			out[key] = value
		}
	}
	return out
}

func connectionManager(fields envoy) envoy {
	return extension("envoy.filters.network.http_connection_manager", "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", fields)
}

func router(fields envoy) envoy {
	return extension("envoy.filters.http.router", "extensions.filters.http.router.v3.Router", fields)
}

func header(name, exact string) envoy {
	return envoy{"name": name, "string_match": envoy{"exact": exact}}
}

// disabled switches filters off on a route.
func disabled(filters ...string) envoy {
	out := envoy{}
	for _, name := range filters {
		out[name] = typed("config.route.v3.FilterConfig", envoy{"disabled": true})
	}
	return out
}

// apiKeyAuth takes the filter, keys and all, from the Secret. A file that is refused never replaces the last good one.
func apiKeyAuth() envoy {
	source := polled(gatewayKeysDir + "/" + apiKeysFile)
	source["initial_fetch_timeout"] = "5s"
	return envoy{"name": apiKeyFilter, "config_discovery": envoy{
		"config_source": source, "type_urls": list{"type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth"},
	}}
}

// bucket is a token bucket for all, or for each client.
func bucket(l *v1alpha1.RateLimit) envoy {
	return envoy{"max_tokens": l.Burst, "tokens_per_fill": l.RequestsPerSecond, "fill_interval": "1s"}
}

func rateLimit(name string, fields envoy) envoy {
	always := func(kind string) envoy {
		return envoy{"default_value": envoy{"numerator": 100, "denominator": "HUNDRED"}, "runtime_key": "ratelimit." + name + "." + kind}
	}
	return extension("ratelimit."+name, "extensions.filters.http.local_ratelimit.v3.LocalRateLimit", with(envoy{
		"stat_prefix": "ratelimit_" + name, "filter_enabled": always("enabled"), "filter_enforced": always("enforced"), "enable_retry_after_header": true,
	}, fields))
}

func protoDuration(d time.Duration) string { return fmt.Sprintf("%gs", d.Seconds()) }
