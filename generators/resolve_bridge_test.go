// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// runBridge resolves bridgeBase with a patch below spec.
func runBridge(t *testing.T, cases []resolveCase) {
	t.Helper()
	for _, tt := range cases {
		ds := bridgeFindings(t, `{spec: `+tt.patch+`}`)
		if d := cmp.Diff(split(tt.want), findings(ds)); d != "" {
			t.Errorf("%s: %s (-want +got)\n%s", tt.reason, tt.patch, d)
		}
		for _, d := range ds {
			wellFormed(t, d)
		}
	}
}

func TestResolveBridge(t *testing.T) {
	const age, idle = "spec.nats.bridge.maxEventAge", "spec.nats.bridge.idleExit"
	const two = `routes: {other: {subject: restate.events.other, service: A, handler: h}}`
	bridge := func(s string) string { return `{nats: {bridge: {` + s + `}}}` }
	connections := func(n int, s string) string {
		return fmt.Sprintf(`{nats: {account: {limits: {connections: %d}}, bridge: {%s}}}`, n, s)
	}
	runBridge(t, []resolveCase{
		{"the base", `{}`, ""},
		{"a bridge reads from a stream", `{nats: {jetstream: null}}`, "error RI0204 spec.nats.jetstream"},
		{"room for what Restate said of an event", `{nats: {account: {limits: {payload: 4096}}}}`, ""},
		{"one byte less", `{nats: {account: {limits: {payload: 4095}}}}`, "error RI0905 spec.nats.account.limits.payload"},
		{"two replicas and one of a rollout, each with one for the route and one for dead letters", connections(6, ``), ""},
		{"one connection less", connections(5, ``), "error RI0905 spec.nats.account.limits.connections"},
		{"one for each route", connections(9, two), ""},
		{"a pod of a rollout could not connect", connections(8, two), "error RI0905 spec.nats.account.limits.connections"},
		{"switched off, it has none", connections(1, `replicas: 0`), ""},
		{"no number of connections", connections(0, ``), "error RI0905 spec.nats.account.limits.connections"},
		{"a consumer for each route", `{nats: {jetstream: {limits: {consumers: 2}}, bridge: {` + two + `}}}`, ""},
		{"one less", `{nats: {jetstream: {limits: {consumers: 1}}, bridge: {` + two + `}}}`, "error RI0905 spec.nats.jetstream.limits.consumers"},
		{"switched off", bridge(`replicas: 0`), ""},
		{"less than none", bridge(`replicas: -1`), "error RI0309 spec.nats.bridge.replicas"},
		{"a minute", bridge(`maxEventAge: 1m`), ""},
		{"less would put events aside in every short outage", bridge(`maxEventAge: 59s`), "error RI0309 " + age},
		{"just below the stream's age", bridge(`maxEventAge: 22h59m`), ""},
		{"the stream would drop the event before", bridge(`maxEventAge: 23h`), "error RI0309 " + age},
		{"of a stream of another age", `{nats: {jetstream: {maxAge: 10m}, bridge: {maxEventAge: 10m}}}`, "error RI0309 " + age},
		{"idle for a minute", bridge(`idleExit: 1m`), ""},
		{"an event may be on its way for 45 s", bridge(`idleExit: 59s`), "error RI0309 " + idle},
		{"a label of the function's", bridge(`podTemplate: {labels: {app.kubernetes.io/name: x}}`), "error RI0310 spec.nats.bridge.podTemplate.labels[app.kubernetes.io/name]"},
		{"a request above its limit", bridge(`resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}`), "error RI0314 spec.nats.bridge.resources.requests[memory]"},
		{"an image with a blank", `{images: {bento: "a b"}}`, "error RI0311 spec.images.bento"},
		{"no key for anybody", bridge(`publicKeys: []`), "error RI0204 spec.nats.bridge.publicKeys"},

		{"a path that Bento takes as it is", `{cloud: {ingressURL: "https://x.restate.cloud:8080/a-b._~/%20"}}`, ""},
		{"an address", `{cloud: {ingressURL: "https://[2001:db8::1]:8080", allowedHosts: ["2001:db8::1"]}}`, "error RI0301 spec.cloud.allowedHosts[0]"},
		{"a variable of the pod", `{cloud: {ingressURL: "https://x.restate.cloud/${HOME}"}}`, "error RI0306 spec.cloud.ingressURL"},
		{"a mapping of Bento", `{cloud: {ingressURL: "https://x.restate.cloud/${!@a}"}}`, "error RI0306 spec.cloud.ingressURL"},
		{"the end of the text", `{cloud: {ingressURL: "https://x.restate.cloud/a'b"}}`, "error RI0306 spec.cloud.ingressURL"},
		{"a blank", `{cloud: {ingressURL: "https://x.restate.cloud/a b"}}`, "error RI0306 spec.cloud.ingressURL"},

		{"creds without an operator", `{credentials: {nats: {type: Creds}}}`, "error RI0206 spec.credentials.nats.type"},
		{"an nkey with an operator", `{nats: {account: {mode: Nauth, nauth: {clusterRef: {name: nats}}}, bridge: {publicKeys: null}, jetstream: {nack: {publicKeys: null}}}}`, "error RI0206 spec.credentials.nats.type"},
		{"creds with an operator", creds[len(`{spec: `) : len(creds)-1], ""},
	})
}

func TestResolveRoutes(t *testing.T) {
	const path, subjects = "spec.nats.bridge.routes", "spec.nats.jetstream.subjects"
	route := func(s string) string { return `{nats: {bridge: {routes: {created: null, r: {` + s + `}}}}}` }
	named := func(s string) string { return route(`subject: restate.events.a, ` + s) }
	on := func(s string) string { return route(`service: A, handler: h, subject: ` + s) }
	keyed := func(s string) string { return named(`service: A, handler: h, key: {` + s + `}`) }
	long := func(n int) string { return strings.Repeat("a", n) }
	stream := func(subjects, s string) string {
		return `{nats: {jetstream: {subjects: [` + subjects + `]}, bridge: {routes: {r: {service: A, handler: h, ` + s + `}}}}}`
	}
	name := func(s string) string {
		return `{nats: {bridge: {routes: {` + s + `: {subject: restate.events.a, service: A, handler: h}}}}}`
	}
	runBridge(t, []resolveCase{
		{"no route", `{nats: {jetstream: {subjects: [restate.events.a]}, bridge: {routes: {created: null}}}}`, "error RI0204 " + path},
		{"of the account", on("restate.events.a"), ""},
		{"beside the account", on("restate.other.a"), "error RI0902 " + path + "[r].subject"},
		{"deeper than the account", on("restate.events.a.b"), "error RI0902 " + path + "[r].subject"},
		{"of the dead letters", on("restate.dlq.a"), "error RI0901 " + path + "[r].subject"},
		{"not of the stream", stream("restate.events.created", "subject: restate.events.a"), "error RI0910 " + path + "[r].subject"},
		{"the stream as it would be", stream("restate.events.created, restate.events.a", "subject: restate.events.a"), ""},
		{"more in the stream than a route takes", stream("restate.events.created, restate.events.a, restate.events.b", "subject: restate.events.a"), "error RI0910 " + subjects + "[2]"},
		{"a pattern in the stream, of which routes take a part", stream(`"restate.events.*"`, "subject: restate.events.a"), "error RI0910 " + subjects + "[0]"},
		{"a name with hyphens", name("a-b-1"), ""},
		{"a name that is a number", name(`"1"`), ""},
		{"63 characters of a name", name(long(63)), ""},
		{"64", name(long(64)), "error RI0301 " + path + "[" + long(64) + "]"},
		{"no name of an object", name("A"), "error RI0301 " + path + "[A]"},
		{"an underscore, which a hyphen is in Bento's labels", name("a_b"), "error RI0301 " + path + "[a_b]"},
		{"a dot, which separates subjects", name("a.b"), "error RI0301 " + path + "[a.b]"},
		{"no name", name(`""`), "error RI0204 " + path + "[]"},
		{"one token", on(`"restate.events.*"`), "error RI0910 " + path + "[r].subject"},
		{"all tokens", on(`"restate.events.>"`), "error RI0910 " + path + "[r].subject"},
		{"a wildcard inside a token", on(`"restate.events.a*"`), "error RI0910 " + path + "[r].subject"},
		{"a quote", on(`"restate.events.a\""`), "error RI0901 " + path + "[r].subject"},
		{"a newline", on(`"restate.events.a\n"`), "error RI0901 " + path + "[r].subject"},
		{"an empty token", on(`restate.events.`), "error RI0901 " + path + "[r].subject"},
		{"outside of the prefixes", on(`orders.created`), "error RI0902 " + path + "[r].subject"},
		{"one subject, two handlers", `{nats: {bridge: {routes: {r: {subject: restate.events.created, service: A, handler: h}}}}}`, "error RI0910 " + path + "[r].subject"},
		{"two subjects whose consumers would have one name", `{nats: {bridge: {routes: {a: {subject: restate.events.e16179, service: A, handler: h}, b: {subject: restate.events.e107706, service: A, handler: h}}}}}`, "error RI0910 " + path + "[b].subject"},

		{"all that Restate allows", named(`service: _1a.B-c_9, handler: h.v-1_`), ""},
		{"127 characters", named(`service: ` + long(127) + `, handler: h`), ""},
		{"128", named(`service: ` + long(128) + `, handler: h`), "error RI0301 " + path + "[r].service"},
		{"no service", named(`service: "", handler: h`), "error RI0301 " + path + "[r].service"},
		{"no handler", named(`service: A, handler: ""`), "error RI0301 " + path + "[r].handler"},
		{"a digit first", named(`service: 1A, handler: 1h`), "error RI0301 " + path + "[r].service; error RI0301 " + path + "[r].handler"},
		{"another segment", named(`service: A/b, handler: h`), "error RI0301 " + path + "[r].service"},
		{"a query", named(`service: A, handler: "h?delay=1d"`), "error RI0301 " + path + "[r].handler"},
		{"a quote in a name", named(`service: "A\"", handler: h`), "error RI0301 " + path + "[r].service"},
		{"a newline behind a name", named(`service: A, handler: "h\n"`), "error RI0301 " + path + "[r].handler"},
		{"an interpolation", named(`service: A, handler: "${! @x }"`), "error RI0301 " + path + "[r].handler"},

		{"a header", keyed(`header: X-Order-1`), ""},
		{"a field", keyed(`jsonField: id`), ""},
		{"a field below others", keyed(`jsonField: a.b_c.d-e.0`), ""},
		{"neither", named(`service: A, handler: h, key: {}`), "error RI0910 " + path + "[r].key"},
		{"both", keyed(`header: X, jsonField: id`), "error RI0910 " + path + "[r].key"},
		{"a header with a blank", keyed(`header: "X Y"`), "error RI0301 " + path + "[r].key.header"},
		{"a header with a quote", keyed(`header: "X\""`), "error RI0301 " + path + "[r].key.header"},
		{"a header of dead letters", keyed(`header: Restate-Error`), "error RI0301 " + path + "[r].key.header"},
		{"a header of 64 characters", keyed(`header: ` + long(64)), "error RI0301 " + path + "[r].key.header"},
		{"a field that ends in a dot", keyed(`jsonField: a.`), "error RI0301 " + path + "[r].key.jsonField"},
		{"a field with a quote", keyed(`jsonField: "a\"b"`), "error RI0301 " + path + "[r].key.jsonField"},
		{"every element", keyed(`jsonField: "a.*"`), "error RI0301 " + path + "[r].key.jsonField"},
		{"an escape of paths", keyed(`jsonField: a~1b`), "error RI0301 " + path + "[r].key.jsonField"},
		{"eight names", keyed(`jsonField: a.b.c.d.e.f.g.h`), ""},
		{"nine", keyed(`jsonField: a.b.c.d.e.f.g.h.i`), "error RI0301 " + path + "[r].key.jsonField"},
	})
}

func TestResolveJetStream(t *testing.T) {
	const path = "spec.nats.jetstream"
	jetstream := func(s string) string { return `{nats: {jetstream: {` + s + `}}}` }
	alone := func(s string) string { // without a bridge
		return `{credentials: {ingress: null, nats: null}, nats: {bridge: null, ` + s + `}}`
	}
	runBridge(t, []resolveCase{
		{"any letters, digits, - and _", jetstream(`stream: aZ-0_9`), ""},
		{"a dot separates subjects", jetstream(`stream: a.b`), "error RI0301 " + path + ".stream"},
		{"a path", jetstream(`deadLetterStream: a/b`), "error RI0301 " + path + ".deadLetterStream"},
		{"a wildcard", jetstream(`stream: "*"`), "error RI0301 " + path + ".stream"},
		{"a newline", jetstream(`stream: "A\n"`), "error RI0301 " + path + ".stream"},
		{"63 characters", jetstream(`stream: ` + strings.Repeat("a", 63)), ""},
		{"64", jetstream(`stream: ` + strings.Repeat("a", 64)), "error RI0301 " + path + ".stream"},
		{"one stream for both", jetstream(`deadLetterStream: RESTATE_EVENTS`), "error RI0301 " + path + ".deadLetterStream"},
		{"no subject", `{nats: {jetstream: {subjects: []}}}`, "error RI0204 " + path + ".subjects; error RI0910 spec.nats.bridge.routes[created].subject"},
		{"dead letters would be events", alone(`account: {subjects: ["restate.*.*"]}, jetstream: {subjects: [restate.events.created, "restate.*.x"]}`), "error RI0901 " + path + ".subjects[1]"},
		{"outside of the account's subjects", alone(`jetstream: {subjects: [restate.events.created, restate.other.x]}`), "error RI0902 " + path + ".subjects[1]"},
		{"a pattern, for somebody else's consumers", alone(`jetstream: {subjects: ["restate.events.*"]}`), ""},
		{"one node", jetstream(`replicas: 1`), ""},
		{"no majority", jetstream(`replicas: 2`), "error RI0309 " + path + ".replicas"},
		{"more than the server takes", jetstream(`replicas: 7`), "error RI0309 " + path + ".replicas"},
		{"just before Restate forgets", jetstream(`maxAge: 23h59m`), ""},
		{"when Restate forgets", jetstream(`maxAge: 24h`), "error RI0908 " + path + ".maxAge"},
		{"no limit", jetstream(`maxAge: 0s`), "error RI0908 " + path + ".maxAge; error RI0309 " + path + ".duplicateWindow; error RI0309 spec.nats.bridge.maxEventAge"},
		{"the least window", jetstream(`duplicateWindow: 100ms`), ""},
		{"less", jetstream(`duplicateWindow: 99ms`), "error RI0309 " + path + ".duplicateWindow"},
		{"as long as the stream keeps", jetstream(`duplicateWindow: 23h`), ""},
		{"longer", jetstream(`duplicateWindow: 23h1s`), "error RI0309 " + path + ".duplicateWindow"},
		{"no storage", jetstream(`limits: {file: 0}`), "error RI0905 " + path + ".limits.file"},
		{"-1 would be no limit", jetstream(`limits: {memory: -1}`), "error RI0905 " + path + ".limits.memory"},
		{"no room for the dead letters", jetstream(`limits: {streams: 1}`), "error RI0905 " + path + ".limits.streams"},
		{"no room for the consumer", jetstream(`limits: {consumers: 0}`), "error RI0905 " + path + ".limits.consumers"},
		{"nobody makes the streams", jetstream(`nack: null`), "warning RI0909 " + path + ".nack"},
		{"NACK's own name for the connection", jetstream(`nack: {account: restate}`), ""},
		{"no name of an object", jetstream(`nack: {account: A_b}`), "error RI0301 " + path + ".nack.account"},
	})
}
