// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// bridgeBase is a spec without any finding but that of every account, which bridgeFindings leaves out.
func bridgeBase(t testing.TB) string {
	t.Helper()
	return string(merge(t, noTunnelBase, `
spec:
  credentials: {ingress: {source: External}, nats: {source: External, rolloutKey: "1"}}
  nats:
    servers: ["tls://nats.nats.svc:4222"]
    jetstream: {nack: {publicKeys: [`+userKey(t, "nack")+`]}}
    bridge:
      publicKeys: [`+userKey(t, "bridge")+`]
      routes:
        created: {subject: restate.events.created, service: Orders, handler: created}
`))
}

// creds is the other way to log in: an operator's server, and a JWT with the seed.
const creds = `{spec: {credentials: {nats: {type: Creds, key: user.creds}}, nats: {account: {mode: Nauth, nauth: {clusterRef: {name: nats}}}, bridge: {publicKeys: null}, jetstream: {nack: {publicKeys: null}}}}}`

const clientTLS = `{spec: {nats: {tls: {caSecretRef: {name: nats-ca, key: root.pem}, certSecretRef: {name: nats-client}}}}}`

func bridgeFindings(t testing.TB, patch string) []diag.Diagnostic {
	t.Helper()
	_, ds := Resolve(spec(t, bridgeBase(t), patch), Input{})
	return slices.DeleteFunc(ds, func(d diag.Diagnostic) bool { return d.Code == diag.FirstAccounts })
}

func TestBridgeObjects(t *testing.T) {
	objects := func(patch string) []string {
		all := built(t, bridgeBase(t), patch)
		return ids(slices.DeleteFunc(all, func(b Built) bool { return b.Source != "spec.nats.bridge" || b.ID().Kind == "Consumer" }))
	}
	want := []string{"ServiceAccount restate/prod-bridge", "ConfigMap restate/prod-bridge", "Deployment restate/prod-bridge", "NetworkPolicy restate/prod-bridge"}
	for _, tt := range []struct {
		reason, patch string
		want          []string
	}{
		{"two replicas may be evicted one by one", `{}`, append(slices.Clone(want), "PodDisruptionBudget restate/prod-bridge")},
		{"a budget of one replica would hold up every drain", `{spec: {nats: {bridge: {replicas: 1}}}}`, want},
		{"switched off", `{spec: {nats: {bridge: {replicas: 0}}}}`, want},
		{"no bridge", `{spec: {credentials: {ingress: null, nats: null}, nats: {jetstream: {subjects: [restate.events.created]}, bridge: null}}}`, nil},
	} {
		if d := cmp.Diff(tt.want, objects(tt.patch)); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.reason, d)
		}
	}
	budget := object[*policyv1.PodDisruptionBudget](t, built(t, bridgeBase(t)), "prod-bridge")
	pods := object[*appsv1.Deployment](t, built(t, bridgeBase(t)), "prod-bridge").Spec.Template.Labels
	for key, value := range budget.Spec.Selector.MatchLabels {
		if pods[key] != value {
			t.Errorf("the budget selects %s=%s, the pods have %q", key, value, pods[key])
		}
	}
}

func TestBridgePolicy(t *testing.T) {
	np := object[*networkingv1.NetworkPolicy](t, built(t, bridgeBase(t), `{spec: {nats: {servers: ["tls://a.nats.svc:4222", "tls://b.other.svc:5222"]}}}`), "prod-bridge")
	if d := cmp.Diff([]networkingv1.PolicyType{"Ingress", "Egress"}, np.Spec.PolicyTypes); d != "" {
		t.Errorf("both directions are closed (-want +got)\n%s", d)
	}
	if n := len(np.Spec.Ingress); n != 1 || np.Spec.Ingress[0].Ports[0].Port.IntVal != 4195 || len(np.Spec.Ingress[0].From) == 0 {
		t.Errorf("only the scraper comes in, to 4195: got %+v", np.Spec.Ingress)
	}
	var out []string
	for _, rule := range np.Spec.Egress[1:] { // the first is DNS
		out = append(out, fmt.Sprintf("%d to %d peers", rule.Ports[0].Port.IntVal, len(rule.To)))
	}
	if d := cmp.Diff([]string{"4222 to 1 peers", "5222 to 1 peers", "8080 to 2 peers"}, out); d != "" {
		t.Errorf("out to NATS and Restate Cloud (-want +got)\n%s", d)
	}
	for i, namespace := range []string{"nats", "other"} {
		if got := np.Spec.Egress[1+i].To[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"]; got != namespace {
			t.Errorf("server %d is in namespace %q, want %q", i, got, namespace)
		}
	}
	override := object[*networkingv1.NetworkPolicy](t, built(t, bridgeBase(t), `{spec: {cloud: {ingressURL: "https://x.restate.cloud"}}}`), "prod-bridge")
	if got := override.Spec.Egress[2].Ports[0].Port.IntVal; got != 443 {
		t.Errorf("the port of the URL is open: got %d, want 443", got)
	}
}

// TestBridgeFiles holds the paths in the configuration against the mounts: Bento ends, or never connects, without a file.
func TestBridgeFiles(t *testing.T) {
	for _, tt := range []struct {
		reason  string
		patches []string
		want    map[string]string // path: Secret and key
	}{
		{"an nkey", nil, map[string]string{
			"/var/run/secrets/nats/token": "restate-nats nats.nk", "/var/run/secrets/restate-ingress/token": "restate-ingress token",
		}},
		{"creds and TLS with a client certificate", []string{creds, clientTLS}, map[string]string{
			"/var/run/secrets/nats/token": "restate-nats user.creds", "/var/run/secrets/restate-ingress/token": "restate-ingress token",
			"/etc/nats/ca/ca.crt": "nats-ca root.pem", "/etc/nats/client/tls.crt": "nats-client tls.crt", "/etc/nats/client/tls.key": "nats-client tls.key",
		}},
		{"TLS without", []string{`{spec: {nats: {tls: {caSecretRef: {name: nats-ca, key: ca.crt}}}}}`}, map[string]string{
			"/var/run/secrets/nats/token": "restate-nats nats.nk", "/var/run/secrets/restate-ingress/token": "restate-ingress token",
			"/etc/nats/ca/ca.crt": "nats-ca ca.crt",
		}},
	} {
		all := built(t, bridgeBase(t), tt.patches...)
		pod := object[*appsv1.Deployment](t, all, "prod-bridge").Spec.Template.Spec
		mounted := map[string]string{}
		for _, mount := range pod.Containers[0].VolumeMounts {
			i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })
			if !mount.ReadOnly || mount.SubPath != "" {
				t.Errorf("%s: %s must be read-only, and whole: a subPath never changes", tt.reason, mount.MountPath)
			}
			if s := pod.Volumes[i].Secret; s != nil {
				for _, item := range s.Items {
					mounted[mount.MountPath+"/"+item.Path] = s.SecretName + " " + item.Key
				}
			}
		}
		if d := cmp.Diff(tt.want, mounted); d != "" {
			t.Errorf("%s: mounts (-want +got)\n%s", tt.reason, d)
		}
		config := object[*corev1.ConfigMap](t, all, "prod-bridge").Data["bridge.yaml"]
		named := map[string]bool{}
		for _, path := range regexp.MustCompile(`/(?:var/run/secrets|etc/nats)/[a-z./-]+`).FindAllString(config, -1) {
			named[path] = true
		}
		if d := cmp.Diff(slices.Sorted(maps.Keys(tt.want)), slices.Sorted(maps.Keys(named))); d != "" {
			t.Errorf("%s: paths in the configuration (-mounted +named)\n%s", tt.reason, d)
		}
	}
}

func TestBridgeLogin(t *testing.T) {
	for _, tt := range []struct{ reason, patch, want string }{
		{"an nkey", `{}`, "auth: {nkey_file: /var/run/secrets/nats/token}"},
		{"creds", creds, "auth: {user_credentials_file: /var/run/secrets/nats/token}"},
		{"a public CA", `{}`, "tls: {enabled: true}"},
		{"plain text", `{spec: {nats: {servers: ["nats://nats.nats.svc:4222"]}}}`, "tls: {enabled: false}"},
		{"a CA of one's own", `{spec: {nats: {tls: {caSecretRef: {name: a, key: b}}}}}`, "tls: {enabled: true, root_cas_file: /etc/nats/ca/ca.crt}"},
		{"a client certificate", clientTLS, "tls: {enabled: true, root_cas_file: /etc/nats/ca/ca.crt, client_certs: [{cert_file: /etc/nats/client/tls.crt, key_file: /etc/nats/client/tls.key}]}"},
		{"several servers", `{spec: {nats: {servers: ["tls://a.nats.svc:4222", "tls://b.nats.svc:4222"]}}}`, "urls: [tls://a.nats.svc:4222,tls://b.nats.svc:4222]"},
	} {
		config := bridgeConfig(model(t, bridgeBase(t), tt.patch, `{spec: {nats: {bridge: {routes: {b: {subject: restate.events.b, service: B, handler: h}}}}}}`))
		// The inputs of two routes, and the dead letters.
		if n := strings.Count(config, tt.want+"\n"); n != 3 {
			t.Errorf("%s: %q stands %d times in the configuration, want 3:\n%s", tt.reason, tt.want, n, config)
		}
	}
}

// TestBridgeConfigValues changes one field each that is a number or a name in the configuration.
func TestBridgeConfigValues(t *testing.T) {
	for _, tt := range []struct{ patch, want string }{
		{`{nats: {bridge: {idleExit: 90s}}}`, "idle_timeout: 1m30s\n"},
		{`{nats: {bridge: {maxEventAge: 2h}}}`, "&& $age < 7200)\n"},
		{`{nats: {jetstream: {stream: ORDERS}}}`, `stream: "ORDERS"` + "\n"},
		{`{nats: {jetstream: {stream: ORDERS}}}`, `.format("ORDERS", `},
		{`{cloud: {ingressURL: "https://x.restate.cloud/base/"}}`, "url: 'https://x.restate.cloud/base/restate/send/${! @route_target }'\n"},
		{`{nats: {bridge: {routes: {a: {subject: restate.events.a, service: A.b, handler: h}}}}}`, `  "a" => "A.b/h"` + "\n"},
		{`{nats: {bridge: {routes: {a: {subject: restate.events.a, service: A.b.c, handler: h}}}}}`, `meta route_letter = "A_b_c"` + "\n"},
		{`{nats: {bridge: {routes: {a: {subject: restate.events.a, service: A, handler: h, key: {header: X-Key}}}}}}`, `  "a" => "A/" + metadata("X-Key").apply("segment") + "/h"` + "\n"},
		{`{nats: {bridge: {routes: {a: {subject: restate.events.a, service: A, handler: h, key: {jsonField: order.id}}}}}}`, `  "a" => "A/" + json("order.id").apply("segment") + "/h"` + "\n"},
		{`{}`, "metadata: {include_patterns: ['^(traceparent)$']}\n"},
		{`{nats: {bridge: {routes: {a: {subject: restate.events.a, service: A, handler: h, key: {header: X-Key}}, b: {subject: restate.events.b, service: A, handler: h, key: {header: Nats-Msg-Id}}, c: {subject: restate.events.c, service: A, handler: i, key: {header: X-Key}}}}}}`, "metadata: {include_patterns: ['^(X-Key|traceparent)$']}\n"},
	} {
		if config := bridgeConfig(model(t, bridgeBase(t), `{spec: `+tt.patch+`}`)); !strings.Contains(config, tt.want) {
			t.Errorf("%s: want %q in\n%s", tt.patch, tt.want, config)
		}
	}
}

// TestBridgeInputs: each route has a client of its own consumer, and what it is comes from there.
func TestBridgeInputs(t *testing.T) {
	type input struct {
		ReadUntil struct {
			RestartInput bool `yaml:"restart_input"`
			Input        struct {
				ReadUntil struct {
					IdleTimeout string `yaml:"idle_timeout"`
					Input       struct {
						Label     string `yaml:"label"`
						JetStream struct {
							Stream  string `yaml:"stream"`
							Durable string `yaml:"durable"`
							Subject string `yaml:"subject"`
							Bind    bool   `yaml:"bind"`
						} `yaml:"nats_jetstream"`
					} `yaml:"input"`
				} `yaml:"read_until"`
			} `yaml:"input"`
		} `yaml:"read_until"`
		Processors []struct {
			Mapping string `yaml:"mapping"`
		} `yaml:"processors"`
	}
	var config struct {
		Input struct {
			ReadUntil struct {
				Input struct {
					Broker struct {
						Inputs []input `yaml:"inputs"`
					} `yaml:"broker"`
				} `yaml:"input"`
			} `yaml:"read_until"`
		} `yaml:"input"`
	}
	text := bridgeConfig(model(t, bridgeBase(t), `{spec: {nats: {bridge: {routes: {b-1: {subject: restate.events.b, service: B.v1, handler: h}}}}}}`))
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	var got []string
	inputs := config.Input.ReadUntil.Input.Broker.Inputs
	for _, in := range inputs[:len(inputs)-1] { // the last tells of broken dead letters
		idle := in.ReadUntil.Input.ReadUntil
		js := idle.Input.JetStream
		if !in.ReadUntil.RestartInput || idle.IdleTimeout != "15m" || !js.Bind || js.Stream != "RESTATE_EVENTS" {
			t.Errorf("got %+v", in)
		}
		got = append(got, strings.Join([]string{idle.Input.Label, js.Durable, js.Subject, in.Processors[0].Mapping}, "\n"))
	}
	want := []string{
		"events_b_1\nrestate-bridge-cacf1071\nrestate.events.b\nmeta route_name = \"b-1\"\nmeta route_subject = \"restate.events.b\"\nmeta route_letter = \"B_v1\"\nmeta letters_broken = deleted()\n",
		"events_created\nrestate-bridge-c3d41d59\nrestate.events.created\nmeta route_name = \"created\"\nmeta route_subject = \"restate.events.created\"\nmeta route_letter = \"Orders\"\nmeta letters_broken = deleted()\n",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestBridgeUser may read the consumers of its routes and write dead letters, and nothing else.
func TestBridgeUser(t *testing.T) {
	users := model(t, bridgeBase(t), `{spec: {nats: {bridge: {routes: {b-1: {subject: restate.events.b, service: B, handler: h}}}}}}`).NATS.Users
	bridge := users[slices.IndexFunc(users, func(u NATSUser) bool { return u.Name == "bridge" })]
	want := []string{
		"$JS.ACK.RESTATE_EVENTS.restate-bridge-c3d41d59.>", "$JS.ACK.RESTATE_EVENTS.restate-bridge-cacf1071.>",
		"$JS.API.CONSUMER.INFO.RESTATE_EVENTS.restate-bridge-c3d41d59", "$JS.API.CONSUMER.INFO.RESTATE_EVENTS.restate-bridge-cacf1071",
		"$JS.API.CONSUMER.MSG.NEXT.RESTATE_EVENTS.restate-bridge-c3d41d59", "$JS.API.CONSUMER.MSG.NEXT.RESTATE_EVENTS.restate-bridge-cacf1071",
		"restate.dlq.*",
	}
	if d := cmp.Diff(want, bridge.Publish); d != "" {
		t.Errorf("publish (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"_INBOX.>"}, bridge.Subscribe); d != "" {
		t.Errorf("subscribe (-want +got)\n%s", d)
	}
}

// TestChangedRoutes: whatever a route is called and whatever takes its events, its consumer and the rights to it stay as they are.
func TestChangedRoutes(t *testing.T) {
	// seen is what NATS has of two routes: consumers by their objects, the stream, and the bridge's user.
	seen := func(routes string) map[string]any {
		all := built(t, bridgeBase(t), `{spec: {nats: {bridge: {routes: {created: null, `+routes+`}}}}}`)
		out := map[string]any{"account": object[*corev1.ConfigMap](t, all, "prod-nats-account").Data}
		for _, b := range all {
			switch o := b.Object.(type) {
			case *nackConsumer:
				out[o.Name] = o.Spec
			case *nackStream:
				out[o.Name] = o.Spec
			}
		}
		return out
	}
	want := seen(`a: {subject: restate.events.a, service: A, handler: h}, b: {subject: restate.events.b, service: B, handler: i, key: {header: X-Key}}`)
	if len(want) != 5 {
		t.Fatalf("got %v, want the account, two streams and two consumers", slices.Sorted(maps.Keys(want)))
	}
	for reason, routes := range map[string]string{
		"another name":            `z: {subject: restate.events.a, service: A, handler: h}, b: {subject: restate.events.b, service: B, handler: i, key: {header: X-Key}}`,
		"swapped subjects":        `a: {subject: restate.events.b, service: A, handler: h}, b: {subject: restate.events.a, service: B, handler: i, key: {header: X-Key}}`,
		"other handlers and keys": `a: {subject: restate.events.a, service: C, handler: j, key: {jsonField: id}}, b: {subject: restate.events.b, service: D, handler: k}`,
	} {
		if d := cmp.Diff(want, seen(routes)); d != "" {
			t.Errorf("%s (-want +got)\n%s", reason, d)
		}
	}
}

// TestBridgeMetadata: Bento puts the headers of an event over its own metadata. What the configuration reads it has set before, but for
// what comes from the server or the publisher, and no header of a route's key has such a name.
func TestBridgeMetadata(t *testing.T) {
	config := bridgeConfig(model(t, bridgeBase(t)))
	names := func(pattern string) []string {
		var out []string
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(config, -1) {
			out = append(out, match[1])
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	set := names(`\bmeta (\w+) = `)
	for _, name := range set {
		if headerPattern().MatchString(name) {
			t.Errorf("the header of a key could be called %s as well", name)
		}
	}
	foreign := slices.DeleteFunc(names(`@(?:\.")?([\w-]+)`), func(name string) bool { return slices.Contains(set, name) })
	if d := cmp.Diff([]string{"Nats-Msg-Id", "fallback_error", "nats_sequence_stream", "nats_timestamp_unix_nano"}, foreign); d != "" {
		t.Errorf("read and not set (-want +got)\n%s", d)
	}
}

// TestBridgeRollout: pods are made anew for what a running one does not see, and for nothing else.
func TestBridgeRollout(t *testing.T) {
	template := func(patch string) corev1.PodTemplateSpec {
		return object[*appsv1.Deployment](t, built(t, bridgeBase(t), patch), "prod-bridge").Spec.Template
	}
	before := template(`{}`)
	for _, tt := range []struct {
		reason, patch string
		rolls         bool
	}{
		{"the seed was changed", `{credentials: {nats: {rolloutKey: "2"}}}`, true},
		{"a route more", `{nats: {bridge: {routes: {b: {subject: restate.events.b, service: A, handler: h}}}}}`, true},
		{"another age", `{nats: {bridge: {maxEventAge: 1h}}}`, true},
		{"another image", `{images: {bento: "mirror.example/bento:1.20.0"}}`, true},
		{"a second public key during a rotation", `{nats: {bridge: {publicKeys: [` + userKey(t, "bridge") + `, ` + userKey(t, "next") + `]}}}`, false},
		{"another user of the account", `{nats: {account: {users: {a: {publicKeys: [` + userKey(t, "a") + `], publish: [], subscribe: []}}}}}`, false},
		{"the streams", `{nats: {jetstream: {maxAge: 12h, replicas: 1}}}`, false},
		{"more replicas", `{nats: {bridge: {replicas: 3}}}`, false},
	} {
		if rolls := cmp.Diff(before, template(`{spec: `+tt.patch+`}`)) != ""; rolls != tt.rolls {
			t.Errorf("%s: rolls the pods: %t, want %t", tt.reason, rolls, tt.rolls)
		}
	}
}

// TestBridgePod holds what no golden case would explain.
func TestBridgePod(t *testing.T) {
	d := object[*appsv1.Deployment](t, built(t, bridgeBase(t)), "prod-bridge")
	pod := d.Spec.Template.Spec
	c := pod.Containers[0]
	if c.LivenessProbe != nil {
		t.Error("a liveness probe of /ready would end the pods in every outage of NATS")
	}
	if got := c.ReadinessProbe.HTTPGet.Path; got != "/ready" {
		t.Errorf("readiness is %q, want /ready", got)
	}
	if got := *pod.TerminationGracePeriodSeconds; got <= 20 {
		t.Errorf("%d s of grace are not above shutdown_timeout, 20 s", got)
	}
	own := object[*appsv1.Deployment](t, built(t, bridgeBase(t), `{spec: {nats: {bridge: {podTemplate: {securityContext: {runAsNonRoot: true}}}}}}`), "prod-bridge").Spec.Template.Spec
	for _, v := range own.Volumes {
		if v.Secret != nil && *v.Secret.DefaultMode != 0o444 {
			t.Errorf("without fsGroup the user could not read %s: mode %o", v.Name, *v.Secret.DefaultMode)
		}
	}
}

// TestBridgeTimes holds the numbers that belong together.
func TestBridgeTimes(t *testing.T) {
	var config struct {
		Output struct {
			Switch struct {
				Cases []struct {
					Output struct {
						Fallback []struct {
							Client *struct {
								Retries int    `yaml:"retries"`
								Timeout string `yaml:"timeout"`
								Backoff string `yaml:"max_retry_backoff"`
							} `yaml:"http_client"`
						} `yaml:"fallback"`
					} `yaml:"output"`
				} `yaml:"cases"`
			} `yaml:"switch"`
		} `yaml:"output"`
	}
	if err := yaml.Unmarshal([]byte(bridgeConfig(model(t, bridgeBase(t)))), &config); err != nil {
		t.Fatal(err)
	}
	cases := config.Output.Switch.Cases
	client := cases[len(cases)-1].Output.Fallback[0].Client
	total := (client.Retries+1)*seconds(t, client.Timeout) + client.Retries*seconds(t, client.Backoff)
	if total >= int(ackWait.Seconds()) {
		t.Errorf("one delivery takes up to %d s, and the server delivers again after %v", total, ackWait)
	}
}

func seconds(t *testing.T, text string) int {
	t.Helper()
	var n int
	if _, err := fmt.Sscanf(text, "%ds", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestBridgeConfigHoldsAnyName: what Resolve lets pass stands in the configuration as it was written, and nothing of it can end a text
// of YAML or of the mapping. The stage of real Bento lints such configurations.
func TestBridgeConfigHoldsAnyName(t *testing.T) {
	const hostile = "aZ09._-*>$'\"\\`{}[]()%#:;,|&!?@~ \t\n\r\x00=é"
	random := func(most int) string {
		runes := []rune(hostile)
		var out []rune
		for range 1 + rand.IntN(most) {
			if rand.IntN(20) > 0 {
				out = append(out, runes[rand.IntN(7)]) // what a name may have, so that some pass
			} else {
				out = append(out, runes[rand.IntN(len(runes))])
			}
		}
		return string(out)
	}
	base := spec(t, bridgeBase(t))
	accepted := 0
	for range 5000 {
		in, n := *base, *base.Spec.NATS
		b, j := *n.Bridge, *n.JetStream
		n.Bridge, n.JetStream, in.Spec.NATS = &b, &j, &n
		route := v1alpha1.Route{Subject: "restate.events." + random(4), Service: random(4), Handler: random(3)}
		switch rand.IntN(3) {
		case 0:
			route.Key = &v1alpha1.RouteKey{Header: random(3)}
		case 1:
			route.Key = &v1alpha1.RouteKey{JSONField: random(5)}
		}
		b.Routes = map[string]v1alpha1.Route{"r": route}
		j.Stream, j.Subjects = random(3), nil
		m, ds := Resolve(&in, Input{})
		if diag.HasError(ds) {
			continue
		}
		accepted++
		values := []string{route.Subject, route.Service, route.Handler, j.Stream}
		if route.Key != nil {
			values = append(values, route.Key.Header, route.Key.JSONField)
		}
		config := bridgeConfig(m)
		for _, value := range values {
			if strings.ContainsAny(value, "$'\"\\`{}[]()%#:;,|&!?@~ \t\n\r\x00=é*>") {
				t.Errorf("%q was accepted", value)
			}
			if !strings.Contains(config, value) {
				t.Errorf("%q is not in the configuration as it was written", value)
			}
		}
		if err := yaml.Unmarshal([]byte(config), new(map[string]any)); err != nil {
			t.Errorf("%q: %v", values, err)
		}
	}
	if accepted < 100 {
		t.Errorf("%d of 5000 specs were accepted: the names are too wild to show anything", accepted)
	}
}

// TestBridgeLinks breaks one reference each.
func TestBridgeLinks(t *testing.T) {
	deployment := func(change func(*corev1.PodSpec)) func([]Built) []Built {
		return edit(t, "prod-bridge", func(d *appsv1.Deployment) { change(&d.Spec.Template.Spec) })
	}
	secret := func(spec *corev1.PodSpec, volume string) *corev1.SecretVolumeSource {
		return spec.Volumes[slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == volume })].Secret
	}
	for _, tt := range []struct {
		reason string
		change func([]Built) []Built
		want   string
	}{
		{"no configuration", without("ConfigMap"), `mounts ConfigMap "prod-bridge", which is not there`},
		{"another CA", deployment(func(s *corev1.PodSpec) { secret(s, "nats-ca").SecretName = "x" }), "mounts another Secret"},
		{"another key of the CA's Secret", deployment(func(s *corev1.PodSpec) { secret(s, "nats-ca").Items[0].Key = "x" }), "mounts another Secret"},
		{"another client certificate", deployment(func(s *corev1.PodSpec) { secret(s, "nats-client").SecretName = "x" }), "mounts another Secret"},
		{"the CA's Secret in place of the client's", deployment(func(s *corev1.PodSpec) { secret(s, "nats-client").Items[1].Key = "root.pem" }), "mounts another Secret"},
		{"a whole Secret", deployment(func(s *corev1.PodSpec) { secret(s, "nats").Items = nil }), "mounts another Secret"},
	} {
		m := model(t, bridgeBase(t), clientTLS)
		if before := CheckLinks(m, Build(m)); len(before) > 0 {
			t.Fatalf("dangling before: %q", before)
		}
		if got := CheckLinks(m, tt.change(Build(m))); len(got) == 0 || !strings.Contains(got[0], tt.want) {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}
