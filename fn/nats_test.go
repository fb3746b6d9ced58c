// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

const natsSpec = `tunnel: {mode: None}
nats:
  servers: ["tls://nats.nats.svc"]
  account:
    users: {orders: {publicKeys: [UCVQAFUSVSJ24MYMF766UPKHPBDDCSRBRSVXLAUX7WYUH7753HNIQKRY], publish: [restate.events.order], subscribe: ["restate.events.*"]}}
`

// TestStarStaysShallow: beside each * that may be subscribed stands a deny of what is deeper, in both forms of the account.
func TestStarStaysShallow(t *testing.T) {
	data := wants(t, natsSpec, "RI0907").get(t, "ConfigMap nats/prod-nats-account").Data
	for _, name := range []string{"accounts.conf", "values.yaml"} {
		if !strings.Contains(data[name], "deny") || !strings.Contains(data[name], "restate.events.*.>") {
			t.Errorf("%s lets restate.events.> be subscribed:\n%s", name, data[name])
		}
	}
}

// TestSubjectsOutside of the prefixes, and > where nobody said that it is meant.
func TestSubjectsOutside(t *testing.T) {
	for subject, code := range map[string]string{
		"restate.events.order": "RI0902", "orders.*": "RI0902", ">": "RI0901", "restate.events.>": "RI0901", "restate.>.x": "RI0901", "workflow.outbox.x": "",
	} {
		codes := []string{"RI0907"}
		if code != "" {
			codes = append(codes, code)
		}
		spec := strings.ReplaceAll(natsSpec, `subscribe: ["restate.events.*"]`, `subscribe: ["`+subject+`"]`)
		spec = strings.Replace(spec, "account:\n", "account:\n    subjects: [\"workflow.outbox.*\"]\n", 1)
		wants(t, strings.Replace(spec, "restate.events.order]", "workflow.outbox.y]", 1), codes...)
	}
}

// TestFirstAccountsBlockWarns whenever an accounts block is written, and only then.
func TestFirstAccountsBlockWarns(t *testing.T) {
	out := wants(t, natsSpec, "RI0907")
	if out.code != 0 || !strings.Contains(out.stderr, "cuts off every client") {
		t.Errorf("exit code %d:\n%s", out.code, out.stderr)
	}
	wants(t, "tunnel: {mode: None}\nnats: {servers: [\"tls://nats.nats.svc\"]}\n")
}

// TestNoEventIsLost holds what the bridge's promise rests on, where a golden update would bless its loss: test/e2e/bridge runs it.
func TestNoEventIsLost(t *testing.T) {
	const bridge = natsSpec + `  jetstream: {nack: {publicKeys: [UAZMS4XNORFWCA4CRB76TH6UMQLSY32BX2LWKLF4T25CJ5PYD7RSGQPM]}}
  bridge:
    publicKeys: [UCJCWB42FP57KXNE2AJ7IZ6ZB5B6RYXOF7RPLAQWGI2W6LIKZE5MTFXB]
    routes: {created: {subject: restate.events.order, service: Order, handler: created, key: {header: Order-Id}}}
credentials: {ingress: {source: External}, nats: {source: External, rolloutKey: a}}
`
	out := wants(t, bridge, "RI0907")
	config := out.get(t, "ConfigMap restate/prod-bridge").Data["bridge.yaml"]
	for reason, part := range map[string]string{
		"the consumer says which route it is, and no header can": "meta route_name = \"created\"",
		"what is of no route goes nowhere":                       "_ => throw(\"no route\")",
		"an event is known again, however often it comes":        "Idempotency-Key: '${! @event_id }'",
		"a stream that was made anew has keys of its own":        "@nats_timestamp_unix_nano",
		"a refusal that may pass is given back":                  "reject:",
		"one that will not pass goes to the dead letters":        "dead_letter",
		"a body that is not JSON is found before Restate's 202":  "json().type().catch(\"invalid\")",
	} {
		if !strings.Contains(config, part) {
			t.Errorf("%s: no %q in\n%s", reason, part, config)
		}
	}
	for reason, part := range map[string]string{
		"after one delivery too many the event would stay for ever": "maxDeliver: -1",
		"longer than all tries of one delivery":                     "ackWait: 1m",
		"shorter than Restate knows the event":                      "maxAge: 23h",
		"acknowledged one by one":                                   "ackPolicy: explicit",
		"one consumer for each route":                               "filterSubject: restate.events.order",
	} {
		if !strings.Contains(out.stdout, part) {
			t.Errorf("%s: no %q", reason, part)
		}
	}
}

// TestUndeclaredPeer: nats-server refuses one side of an import or export without the other.
func TestUndeclaredPeer(t *testing.T) {
	for _, share := range []string{"imports", "exports"} {
		wants(t, natsSpec+"    "+share+": {a: {account: W, subject: workflow.outbox.x}}\n", "RI0906", "RI0907")
		wants(t, natsSpec+"    peers: {W: {}}\n    "+share+": {a: {account: W, subject: workflow.outbox.x}}\n", "RI0907")
	}
}

// jwtSpec is the one of the golden case nats-jwt, and its JWT.
func jwtSpec(t *testing.T) (spec, token string) {
	t.Helper()
	input, err := os.ReadFile(goldenDir + "/nats-jwt/input.yaml")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(goldenDir + "/nats-jwt/files/account.jwt")
	if err != nil {
		t.Fatal(err)
	}
	_, spec, _ = strings.Cut(string(input), "functionConfig:")
	_, spec, _ = strings.Cut(spec, "    tunnel:")
	return strings.ReplaceAll("    tunnel:"+spec, "\n    ", "\n")[4:], string(data)
}

// TestAccountJWTFile: where the file is read, and what is said where it cannot be.
func TestAccountJWTFile(t *testing.T) {
	spec, token := jwtSpec(t)
	for _, tt := range []struct {
		reason, name string
		files        fstest.MapFS
		want         string
	}{
		{"beside the kustomization", "account.jwt", fstest.MapFS{"account.jwt": {Data: []byte(token)}}, ""},
		{"in a folder", "nats/./account.jwt", fstest.MapFS{"nats/account.jwt": {Data: []byte(token)}}, ""},
		{"not there", "account.jwt", fstest.MapFS{}, "leads to no file below the kustomization"},
		{"above it", "../account.jwt", fstest.MapFS{}, "must not leave the directory of the package"},
		{"an absolute path", "/account.jwt", fstest.MapFS{}, "must not leave the directory of the package"},
		{"a folder", "nats", fstest.MapFS{"nats/account.jwt": {Data: []byte(token)}}, "cannot be read as a file"},
		{"empty", "account.jwt", fstest.MapFS{"account.jwt": {}}, "must hold an account JWT, and is empty"},
		{"too large", "account.jwt", fstest.MapFS{"account.jwt": {Data: []byte(token + strings.Repeat("\n", 1<<20))}}, "must be at most 1 MiB"},
	} {
		config := integration(strings.Replace(spec, "file: account.jwt", "file: "+tt.name, 1))
		out := runFiles(list(config), tt.files)
		if tt.want == "" {
			if out.code != 0 || !strings.Contains(out.get(t, "ConfigMap nats/prod-nats-account").Data["values.yaml"], strings.TrimSpace(token)) {
				t.Errorf("%s: exit code %d:\n%s", tt.reason, out.code, out.stderr)
			}
			continue
		}
		if out.code != 1 || !strings.Contains(out.stderr, "spec.nats.account.jwt.file: "+tt.want) || strings.Contains(out.stdout, "kind: ConfigMap") {
			t.Errorf("%s: exit code %d:\n%s", tt.reason, out.code, out.stderr)
		}
	}
	for reason, input := range map[string]string{
		"a transformer": list(integration(spec), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
		"kpt":           list("", strings.Replace(integration(spec), "  annotations:\n", "  annotations:\n    internal.config.kubernetes.io/path: r.yaml\n    config.kubernetes.io/path: r.yaml\n", 1)),
	} {
		out := runFiles(input, fstest.MapFS{"account.jwt": {Data: []byte(token)}})
		if out.code != 1 || !strings.Contains(out.stderr, "[RI0411]") || !strings.Contains(out.stderr, "use the generator form of kustomize") {
			t.Errorf("%s: exit code %d:\n%s", reason, out.code, out.stderr)
		}
	}
}

// TestAccountJWTIsReadInItsModeOnly: a file that the mode does not ask for is not touched.
func TestAccountJWTIsReadInItsModeOnly(t *testing.T) {
	spec, _ := jwtSpec(t)
	out := runFiles(list(integration(strings.Replace(spec, "mode: JWT", "mode: ServerConfig", 1))), noFiles{})
	if strings.Contains(out.stderr, "RI0410") || strings.Contains(out.stderr, "RI0411") {
		t.Errorf("it was read:\n%s", out.stderr)
	}
}
