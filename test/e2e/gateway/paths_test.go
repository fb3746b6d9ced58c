// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

func init() {
	groups["paths"] = group{checks: pathChecks}
	for _, kind := range v1alpha1.GatewayCall("").Values() {
		groups["calls of kind "+kind] = group{
			setup:  setup{gateway: `allow: [` + kind + `]`},
			checks: func(s *stage) []check { return kindChecks(s, v1alpha1.GatewayCall(kind)) },
		}
	}
}

// relayed are paths that are passed on, and as what they arrive.
var relayed = map[string]string{
	greeting:                                   greeting,
	"/restate/send/Greeter/greet":              "/restate/send/Greeter/greet",
	"/restate/call/Counter/k/add":              "/restate/call/Counter/k/add",
	"/restate/call/shop.Cart.v1/greet":         "/restate/call/shop.Cart.v1/greet",
	"/restate/send/Greeter/greet?delay=1s&a=b": "/restate/send/Greeter/greet?delay=1s&a=b",
	greeting + "?x=/../Secret/greet":           greeting + "?x=/../Secret/greet",
	"//restate///call//Greeter/greet":          greeting,
	"/restate/./call/Greeter/greet":            greeting,
	"/restate/call/Secret/../Greeter/greet":    greeting,
	"/x/%2e%2e/restate/call/Greeter/greet":     greeting,
	`/restate\call\Greeter\greet`:              greeting,
	"/restate/call/%47reeter/greet":            greeting,
	"/%72estate/call/Greeter/greet":            greeting,
	"https://api.example.com" + greeting:       greeting,
	// What Restate decodes once more is still one segment: a key.
	"/restate/call/Counter/a%252Fb/add":  "/restate/call/Counter/a%252Fb/add",
	"/restate/call/Counter/a%3Fb/add":    "/restate/call/Counter/a%3Fb/add",
	"/restate/call/Counter/a%20b/add":    "/restate/call/Counter/a%20b/add",
	"/restate/call/Counter/a;b=c/add":    "/restate/call/Counter/a;b=c/add",
	"/restate/call/Counter/%C3%A4/add":   "/restate/call/Counter/%C3%A4/add",
	"/restate/call/Counter/k/add?%2Fx=1": "/restate/call/Counter/k/add?%2Fx=1",
}

// unknown are paths that are answered as if nothing were there.
var unknown = []string{
	"/", "/restate", "/restate/", "/restate/call", "/restate/call/", "/restate/call/Greeter", "/restate/call/Greeter/", "/restate/call/Greeter//",
	greeting + "/", "/restate/call/Counter/k/add/", "/restate/call/Counter/a/b/c", "/x" + greeting, greeting + "/../..", "/restate/call/Greeter/..", "/restate/call/Greeter/../greet",
	"/restate/call/Secret/greet", "/restate/call/Greeter/../Secret/greet", "/restate/call/Greeter/%2e%2e/Secret/greet", `/restate/call/Greeter\..\Secret/greet`,
	"/restate/call/Greeter/%2E./Secret/greet", "/restate/call/./Secret/greet", "/restate/call//Secret/greet", "https://api.example.com/restate/call/Secret/greet",
	"/restate/call/GreeterX/greet", "/restate/call/XGreeter/greet", "/restate/call/greeter/greet", "/restate/call/GREETER/greet", "/restate/call/shopxCart.v1/greet",
	"/Restate/call/Greeter/greet", "/restate/CALL/Greeter/greet", "/restate/calls/Greeter/greet", "/restate/xcall/Greeter/greet",
	"/Greeter/greet", "/Greeter/greet/send", "/Counter/k/add", "/Secret/greet", "/openapi", "/openapi/Greeter", "/restate/health", "/health", "/restate/openapi",
	"/restate/scope/s/call/Greeter/greet", "/restate/scope/s/send/Greeter/greet", "/restate/workflow/Flow/k/attach", "/restate/workflow/Flow/k/output",
	"/restate/invocation/inv_1/attach", "/restate/invocation/Greeter/greet/id/output",
	// The admin API.
	"/deployments", "/services", "/services/Greeter", "/services/Counter/state", "/invocations/inv_1", "/invocations/inv_1/kill", "/query", "/subscriptions",
	"/kafka-clusters", "/limits/rules", "/cluster-health", "/version", "/ui/", "/internal", "/metrics",
	// Envoy's own.
	"/ready", "/healthz", "/stats", "/stats/prometheus", "/config_dump", "/quitquitquit", "/server_info",
}

// malformed are paths that are read in two ways, by Envoy and by what is behind it.
var malformed = []string{
	"/restate/call/Greeter%2Fgreet", "/restate/call/Greeter%2fgreet", "/restate/call/Greeter%5Cgreet", "/restate/call/Greeter%5cgreet",
	"/restate/call/Counter/a%2Fb/add", "/restate/call/Greeter/..%2FSecret%2Fgreet", "/restate/call/Greeter/greet%00", "/restate/call/Greeter/greet#x", "/restate/call%2FSecret/greet",
}

func pathChecks(s *stage) []check {
	keyed := []string{s.key("partner-a")}
	var out []check
	for path, arrives := range relayed {
		out = append(out, check{name: "relayed " + path, request: request{path: path, header: keyed}, want: 200, arrived: hasPath(arrives)})
	}
	for _, path := range unknown {
		out = append(out,
			check{name: "unknown " + path, request: request{path: path, header: keyed}, want: 404},
			check{name: "unknown without key " + path, request: request{path: path}, want: 404},
			check{name: "unknown by GET " + path, request: request{method: http.MethodGet, path: path, header: keyed}, want: 404})
	}
	for _, path := range malformed {
		out = append(out, check{name: "malformed " + path, request: request{path: path, header: keyed}, want: 400})
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace} {
		out = append(out, check{name: "by " + method, request: request{method: method, path: greeting, header: keyed}, want: 404})
	}
	override := append([]string{"x-http-method-override: POST"}, keyed...)
	return append(out,
		check{name: "by post", request: request{method: "post", path: greeting, header: keyed}, want: 400},
		check{name: "by CONNECT", request: request{method: http.MethodConnect, path: "localhost:443", header: keyed}, want: 404},
		check{name: "method override", request: request{method: http.MethodGet, path: greeting, header: override}, want: 404},
		check{name: "path override", request: request{path: greeting, header: append([]string{"x-envoy-original-path: /openapi"}, keyed...)}, want: 200, arrived: hasPath(greeting)},
	)
}

// kinds has one call of each kind.
var kinds = map[v1alpha1.GatewayCall][]request{
	v1alpha1.CallCall:       {{path: greeting}},
	v1alpha1.CallSend:       {{path: "/restate/send/Greeter/greet"}},
	v1alpha1.CallAttach:     {{method: http.MethodGet, path: "/restate/attach/inv_1"}},
	v1alpha1.CallOutput:     {{method: http.MethodGet, path: "/restate/output/inv_1"}},
	v1alpha1.CallLookup:     {{path: "/restate/lookup"}},
	v1alpha1.CallAwakeables: {{path: "/restate/awakeables/prom_1/resolve"}, {path: "/restate/a/prom_1/reject"}},
	v1alpha1.CallLegacy:     {{path: "/Greeter/greet"}, {path: "/Counter/k/add"}, {path: "/Greeter/greet/send"}, {path: "/Counter/k/add/send"}},
}

// never are paths that no kind allows.
var never = []request{
	{path: "/openapi"},
	{path: "/Secret/greet"},
	{path: "/Counter/a/b/c"},
	{path: "/deployments"},
	{method: http.MethodGet, path: "/restate/attach"},
	{method: http.MethodGet, path: "/restate/attach/inv_1/x"},
	{path: "/restate/lookup/x"},
	{path: "/restate/awakeables/prom_1"},
	{path: "/restate/awakeables/prom_1/resolve/x"},
	{path: "/restate/call/Secret/greet"},
	{path: "/restate/a/b/c"},
	{path: "/restate/awakeables/a/b/resolve"},
}

// kindChecks: one kind is allowed, and none of the others.
func kindChecks(s *stage, allowed v1alpha1.GatewayCall) []check {
	var out []check
	add := func(r request, want int) {
		r.header = []string{s.key("partner-a")}
		out = append(out, check{name: r.method + r.path, request: r, want: want})
	}
	for kind, requests := range kinds {
		for _, r := range requests {
			want := http.StatusNotFound
			if kind == allowed {
				want = http.StatusOK
			}
			add(r, want)
		}
	}
	for _, r := range never {
		add(r, http.StatusNotFound)
	}
	return out
}
