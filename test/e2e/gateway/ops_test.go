// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"strings"
)

func init() {
	groups["plain port"] = group{checks: opsChecks}
}

// closedOps are paths that the plain port must not answer: those of the admin interface, and ways around.
var closedOps = []string{
	"/", "/help", "/stats", "/stats/", "/stats/prometheus/", "/stats/recentlookups", "/config_dump", "/certs", "/clusters", "/listeners", "/server_info", "/memory", "/runtime", "/hot_restart_version",
	"/quitquitquit", "/drain_listeners", "/healthcheck/fail", "/healthcheck/ok", "/logging", "/reset_counters", "/runtime_modify", "/cpuprofiler", "/init_dump", "/tap", "/contention",
	"/stats/prometheus/../../config_dump", "/stats/prometheus/%2e%2e/%2e%2e/config_dump", "/stats/prometheus%2f..%2f..%2fconfig_dump", "/stats%2fprometheus", `/stats\..\config_dump`,
	"//stats/prometheus", "//config_dump", "/STATS/PROMETHEUS", "/Ready", "/ready/", "/healthz/", greeting, "/restate/health",
}

func opsChecks(*stage) []check {
	out := []check{
		{name: "ready", ops: true, request: request{path: "/ready"}, want: 200},
		{name: "healthz", ops: true, request: request{path: "/healthz"}, want: 200},
		{name: "metrics", ops: true, request: request{path: "/stats/prometheus"}, want: 200, answered: contains("envoy_server_live")},
	}
	for _, path := range closedOps {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			out = append(out, check{name: strings.ToLower(method) + " " + path, ops: true, request: request{method: method, path: path}, want: 404})
		}
	}
	for _, path := range []string{"/stats/prometheus", "/healthz"} {
		out = append(out, check{name: "post " + path, ops: true, request: request{method: http.MethodPost, path: path}, want: 404})
	}
	return out
}
