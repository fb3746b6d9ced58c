// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// shares are an import and an export with a peer.
const shares = `{account: {
  peers: {WASMCLOUD: {managed: External}},
  imports: {orders: {account: WASMCLOUD, subject: "restate.events.*"}},
  exports: {outbox: {account: WASMCLOUD, subject: "workflow.outbox.*"}}}}`

func natsBuilt(t *testing.T, patches ...string) []Built {
	t.Helper()
	for i, p := range patches {
		patches[i] = `{spec: {nats: ` + p + `}}`
	}
	return built(t, natsBase(t), patches...)
}

// entries reads what is to be included: names before JSON objects.
func entries(t *testing.T, text string) map[string]any {
	t.Helper()
	out := map[string]any{}
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		if rest, found := strings.CutPrefix(text, "#"); found {
			_, text, _ = strings.Cut(rest, "\n")
			continue
		}
		name, rest, _ := strings.Cut(text, ": ")
		dec := json.NewDecoder(strings.NewReader(rest))
		var account map[string]any
		if err := dec.Decode(&account); err != nil {
			t.Fatalf("%v in:\n%s", err, text)
		}
		out[name], text = account, rest[dec.InputOffset():]
	}
	return out
}

// mergedAccounts reads the Helm values down to the accounts, and finds nothing beside them.
func mergedAccounts(t *testing.T, text string) map[string]any {
	t.Helper()
	var at any
	if err := yaml.Unmarshal([]byte(text), &at); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"config", "merge", "accounts"} {
		m, ok := at.(map[string]any)
		if !ok || len(m) != 1 || m[key] == nil {
			t.Fatalf("got %v, want %s alone", at, key)
		}
		at = m[key]
	}
	raw, err := json.Marshal(at) // numbers as in entries
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAccountForms: both forms say the same, and a peer stands where its owner looks for it.
func TestAccountForms(t *testing.T) {
	for _, tt := range []struct {
		reason, patch string
		want          []string // accounts
		files         []string // besides the two forms
	}{
		{"an account alone", `{}`, []string{"RESTATE"}, nil},
		{"somebody else writes the peer", shares, []string{"RESTATE"}, []string{"peer-WASMCLOUD.conf"}},
		{"the function writes the peer", strings.Replace(shares, "External", "Emit", 1), []string{"RESTATE", "WASMCLOUD"}, nil},
	} {
		data := object[*corev1.ConfigMap](t, natsBuilt(t, tt.patch), "prod-nats-account").Data
		included, values := entries(t, data["accounts.conf"]), mergedAccounts(t, data["values.yaml"])
		if d := cmp.Diff(included, values); d != "" {
			t.Errorf("%s: the forms differ (-included +values)\n%s", tt.reason, d)
		}
		if d := cmp.Diff(tt.want, sortedKeys(included)); d != "" {
			t.Errorf("%s: accounts (-want +got)\n%s", tt.reason, d)
		}
		want := append([]string{"accounts.conf"}, append(tt.files, "values.yaml")...)
		if d := cmp.Diff(want, sortedKeys(data)); d != "" {
			t.Errorf("%s: files (-want +got)\n%s", tt.reason, d)
		}
		if legend := "# " + userKey(t, "orders") + ": orders\n"; !strings.Contains(data["accounts.conf"], legend) || !strings.Contains(data["values.yaml"], legend) {
			t.Errorf("%s: nothing says whose key it is", tt.reason)
		}
	}
}

// TestPeerMirrorsShares: what one side imports the other exports, to nobody else.
func TestPeerMirrorsShares(t *testing.T) {
	data := object[*corev1.ConfigMap](t, natsBuilt(t, shares), "prod-nats-account").Data
	want := map[string]any{"WASMCLOUD": map[string]any{
		"exports": []any{map[string]any{"stream": "restate.events.*", "accounts": []any{"RESTATE"}}},
		"imports": []any{map[string]any{"stream": map[string]any{"account": "RESTATE", "subject": "workflow.outbox.*"}}},
	}}
	if d := cmp.Diff(want, entries(t, data["peer-WASMCLOUD.conf"])); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	ours := entries(t, data["accounts.conf"])["RESTATE"].(map[string]any)
	if d := cmp.Diff([]any{map[string]any{"stream": "workflow.outbox.*", "accounts": []any{"WASMCLOUD"}}}, ours["exports"]); d != "" {
		t.Errorf("exports (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]any{map[string]any{"stream": map[string]any{"account": "WASMCLOUD", "subject": "restate.events.*"}}}, ours["imports"]); d != "" {
		t.Errorf("imports (-want +got)\n%s", d)
	}
}

// TestNoAccount: nobody and nothing to let in or out.
func TestNoAccount(t *testing.T) {
	for reason, patch := range map[string]string{
		"a user and an import":    `{account: {users: {a: {publicKeys: [` + userKey(t, "a") + `], publish: [], subscribe: []}}, peers: {W: {}}, imports: {a: {account: W, subject: restate.events.x}}}}`,
		"an import and an export": `{account: {users: null, peers: {W: {}}, imports: {a: {account: W, subject: restate.events.x}}, exports: {a: {account: W, subject: workflow.outbox.x}}}}`,
	} {
		if all := natsBuilt(t, patch); !has(all, "ConfigMap nats/prod-nats-account") {
			t.Errorf("%s: no account in %q", reason, ids(all))
		}
	}
	all := natsBuilt(t, `{account: {users: null}}`)
	for _, b := range all {
		if b.ID().Name == "prod-nats-account" {
			t.Errorf("an account without users, imports and exports: %q", ids(all))
		}
	}
}

// TestUsers are the permissions of each sort of user.
func TestUsers(t *testing.T) {
	a, b := userKey(t, "a"), userKey(t, "b")
	answers := map[string]any{"max": 1.0, "expires": "5s"}
	list := func(s ...string) []any {
		var out []any
		for _, x := range s {
			out = append(out, x)
		}
		return out
	}
	for _, tt := range []struct {
		reason, user string
		want         []any
	}{
		{
			"a star in what it hears gets its deny, one in what it publishes needs none", `publicKeys: [` + a + `], publish: ["restate.events.*"], subscribe: ["restate.events.*", workflow.outbox.x]`,
			[]any{map[string]any{"nkey": a, "permissions": map[string]any{
				"publish":   map[string]any{"allow": list("restate.events.*")},
				"subscribe": map[string]any{"allow": list("restate.events.*", "workflow.outbox.x", "_INBOX_restate.>"), "deny": list("restate.events.*.>")}, "allow_responses": answers,
			}}},
		},
		{
			"an empty list of what it may publish would mean everything; who hears nothing has nothing to answer", `publicKeys: [` + a + `], publish: [], subscribe: []`,
			[]any{map[string]any{"nkey": a, "permissions": map[string]any{
				"publish": map[string]any{"deny": list(">")}, "subscribe": map[string]any{"allow": list("_INBOX_restate.>")},
			}}},
		},
		{
			"two keys are two users of the server", `publicKeys: [` + a + `, ` + b + `], publish: [restate.events.x], subscribe: []`,
			[]any{
				map[string]any{"nkey": a, "permissions": map[string]any{"publish": map[string]any{"allow": list("restate.events.x")}, "subscribe": map[string]any{"allow": list("_INBOX_restate.>")}}},
				map[string]any{"nkey": b, "permissions": map[string]any{"publish": map[string]any{"allow": list("restate.events.x")}, "subscribe": map[string]any{"allow": list("_INBOX_restate.>")}}},
			},
		},
	} {
		data := object[*corev1.ConfigMap](t, natsBuilt(t, `{account: {users: {orders: null, one: {`+tt.user+`}}}}`), "prod-nats-account").Data
		if d := cmp.Diff(tt.want, entries(t, data["accounts.conf"])["RESTATE"].(map[string]any)["users"]); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.reason, d)
		}
	}
}

// TestControllerSubjects: NACK's user and the streams are one and the same.
func TestControllerSubjects(t *testing.T) {
	for _, s := range controllerSubjects("A", "B") {
		tokens := strings.Split(s, ".")
		if len(tokens) < 5 || tokens[4] != "A" && tokens[4] != "B" {
			t.Errorf("%s is not about one of the two streams", s)
		}
	}
}

func TestDeeper(t *testing.T) {
	for _, tt := range []struct{ reason, subject, want string }{
		{"a star at the end", "restate.events.*", "restate.events.*.>"},
		{"two stars", "restate.*.*", "restate.*.*.>"},
		{"no star", "restate.events.x", ""},
		{"a star before the end", "restate.*.x", ""},
		{"all of it is allowed", "restate.>", ""},
		{"all of it below a star", "restate.*.>", ""},
	} {
		if got := strings.Join(deeper([]string{tt.subject}), " "); got != tt.want {
			t.Errorf("%s: %s gives %q, want %q", tt.reason, tt.subject, got, tt.want)
		}
	}
}

// TestDuration reads its own output.
func TestDuration(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{23 * time.Hour, "23h"},
		{2 * time.Minute, "2m"},
		{time.Minute + time.Second, "1m1s"},
		{time.Hour + time.Minute, "1h1m"},
		{100 * time.Millisecond, "100ms"},
		{10 * time.Second, "10s"},
		{10 * time.Minute, "10m"},
		{10 * time.Hour, "10h"},
		{30 * 24 * time.Hour, "720h"},
		{time.Hour + time.Second, "1h0m1s"},
	} {
		got := duration(tt.d)
		if back, err := time.ParseDuration(got); got != tt.want || back != tt.d || err != nil {
			t.Errorf("got %q, want %q, which is %v again: %v, %v", got, tt.want, tt.d, back, err)
		}
	}
}

// TestNACK: streams and a consumer, when somebody is there to make them.
func TestNACK(t *testing.T) {
	const path = `{account: {users: null}, jetstream: {subjects: [restate.events.x], %}}`
	with := func(s string) string { return strings.Replace(path, "%", s, 1) }
	nack := `nack: {account: orders, publicKeys: [` + userKey(t, "nack") + `]}`
	if all := natsBuilt(t, with("maxAge: 1h")); has(all, "Stream nats/prod-nats-events") {
		t.Errorf("nobody makes streams, and there are %q", ids(all))
	}
	all := natsBuilt(t, with(nack+`, stream: E, deadLetterStream: D, replicas: 1, maxAge: 1h, duplicateWindow: 90s`))
	want := nackStreamSpec{
		Name: "E", Subjects: []string{"restate.events.x"}, Retention: "workqueue", Storage: "file", Replicas: 1, MaxAge: "1h", DuplicateWindow: "1m30s", Account: "orders",
	}
	if d := cmp.Diff(want, object[*nackStream](t, all, "prod-nats-events").Spec); d != "" {
		t.Errorf("events (-want +got)\n%s", d)
	}
	want = nackStreamSpec{Name: "D", Subjects: []string{"restate.dlq.*"}, Retention: "limits", Storage: "file", Replicas: 1, MaxAge: "720h", Account: "orders"}
	if d := cmp.Diff(want, object[*nackStream](t, all, "prod-nats-dead-letters").Spec); d != "" {
		t.Errorf("dead letters (-want +got)\n%s", d)
	}
	if slices.ContainsFunc(all, func(b Built) bool { return b.ID().Kind == "Consumer" }) {
		t.Error("a consumer that nobody reads from would keep every event in the work queue")
	}
	long := strings.Repeat("l", 63)
	all = natsBuilt(t, `{account: {users: null}, jetstream: {`+nack+`}, bridge: {publicKeys: [`+userKey(t, "bridge")+`],
	  routes: {x: {subject: restate.events.x, service: S, handler: h}, `+long+`: {subject: restate.events.a, service: S, handler: h}}}}`)
	for name, want := range map[string]nackConsumerSpec{
		"prod-bridge-f3c850a7": {DurableName: "restate-bridge-f3c850a7", FilterSubject: "restate.events.x"},
		"prod-bridge-bc7078d3": {DurableName: "restate-bridge-bc7078d3", FilterSubject: "restate.events.a"},
	} {
		want.Description = want.FilterSubject
		want.StreamName, want.DeliverPolicy, want.AckPolicy, want.AckWait, want.MaxDeliver, want.Account = "RESTATE_EVENTS", "all", "explicit", "1m", -1, "orders"
		if d := cmp.Diff(want, object[*nackConsumer](t, all, name).Spec); d != "" {
			t.Errorf("consumer %s (-want +got)\n%s", name, d)
		}
	}
	if got := object[*nackStream](t, all, "prod-nats-events").Spec.MaxMsgSize; got != 65536-letterOverhead {
		t.Errorf("an event of %d bytes leaves no room for what makes a dead letter of it", got)
	}
}

// TestNauth: no key, and each user's permissions are those of the other mode.
func TestNauth(t *testing.T) {
	all := natsBuilt(t, `{account: {mode: Nauth, nauth: {clusterRef: {name: c, namespace: sys}}, limits: {connections: 2, subscriptions: 3, payload: 4, leafNodes: 5},
	  users: {orders: null, one: {publish: [], subscribe: ["restate.events.*"]}, silent: {publish: [restate.events.x], subscribe: []}},
	  peers: {other: {}}, imports: {in: {account: other, subject: "restate.events.*"}}, exports: {out: {account: other, subject: "workflow.outbox.*"}}}}`)
	want := nauthAccountSpec{
		DisplayName: "RESTATE", AccountLimits: nauthAccountLimits{Connections: 2, LeafNodes: 5, Imports: 1, Exports: 1, Wildcards: true}, NATSLimits: nauthLimits{Subscriptions: 3, Payload: 4},
		Exports: []nauthExport{{"out", "workflow.outbox.*", "stream"}}, Imports: []nauthImport{{"in", nauthAccountRef{"other", "nats"}, "restate.events.*", "stream"}},
	}
	want.NATSClusterRef.Name, want.NATSClusterRef.Namespace = "c", "sys"
	if d := cmp.Diff(want, object[*nauthAccount](t, all, "prod-nats").Spec); d != "" {
		t.Errorf("account (-want +got)\n%s", d)
	}
	users := map[string]nauthPermissions{
		"one": {
			Publish: serverSubjects{Deny: []string{">"}}, Subscribe: serverSubjects{Allow: []string{"restate.events.*", "_INBOX_restate.>"}, Deny: []string{"restate.events.*.>"}},
			Responses: &nauthResponses{Max: 1, TTL: 5 * time.Second},
		},
		"silent": {Publish: serverSubjects{Allow: []string{"restate.events.x"}}, Subscribe: serverSubjects{Allow: []string{"_INBOX_restate.>"}}},
	}
	for name, permissions := range users {
		want := nauthUserSpec{AccountName: "prod-nats", DisplayName: name, Permissions: permissions}
		if d := cmp.Diff(want, object[*nauthUser](t, all, "prod-nats-"+name).Spec, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("user %s (-want +got)\n%s", name, d)
		}
	}
	if has(all, "ConfigMap nats/prod-nats-account") {
		t.Error("an account in two places")
	}
}
