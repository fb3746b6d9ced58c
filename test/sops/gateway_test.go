// SPDX-License-Identifier: Apache-2.0

package sops_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The Secret with the API keys of a gateway's callers.
const (
	gatewayFile = "secrets/restate-gateway-keys.yaml"
	gatewayKey  = "api-key-auth.xds.yaml"
)

// gatewayIntegration is a gateway without anything else that needs a Secret of ours.
func gatewayIntegration(macOnly bool) string {
	head, _, _ := strings.Cut(integration(macOnly), "  credentials:\n")
	return head + fmt.Sprintf(`  tunnel: {mode: None}
  credentials: {ingress: {source: External}}
  secrets: {requireMacOnlyEncrypted: %t}
  gateway:
    tls: {issuerRef: {name: step}}
    auth: {apiKeys: {}}
    expose: {type: Ingress, host: api.example.com, clusterIssuer: letsencrypt-prod}
    services: [Invoice]
`, macOnly)
}

// newGateway is a workspace with a gateway, whose keys are still to be made.
func newGateway(t *testing.T, k keyring, macOnly bool) workspace {
	w := newWorkspace(t, k, macOnly)
	w.remove(secretFile)
	w.write("integration.yaml", gatewayIntegration(macOnly))
	return w
}

// keys runs the program that seals, and returns the keys that it shows, by client. Nowhere else may one of them stand.
func (w workspace) keys(args ...string) map[string]string {
	w.t.Helper()
	out, errs, err := w.try("", "restate-integration-secrets", args...)
	if err != nil {
		w.t.Fatalf("restate-integration-secrets %s: %v\n%s", strings.Join(args, " "), err, errs)
	}
	shown := map[string]string{}
	for line := range strings.Lines(out) {
		m := regexp.MustCompile(`^gateway-keys ([a-z-]+) (rgw_[0-9a-f]{64})\n$`).FindStringSubmatch(line)
		if m == nil {
			w.t.Fatalf("standard output has the line %q", line)
		}
		shown[m[1]] = m[2]
		if strings.Contains(errs, m[2]) || strings.Contains(w.read(gatewayFile), m[2]) {
			w.t.Errorf("the key of %s stands elsewhere", m[1])
		}
	}
	return shown
}

// gatewayText is the file as Envoy would read it, with these credentials.
func gatewayText(t *testing.T, credentials ...string) string {
	t.Helper()
	golden, err := os.ReadFile("../../internal/secretscli/testdata/api-key-auth.xds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, _, found := strings.Cut(string(golden), "    credentials:\n")
	if !found {
		t.Fatal("the golden file has no credentials")
	}
	text += "    credentials:\n"
	for i := 0; i+1 < len(credentials); i += 2 {
		text += `    - {key: "` + credentials[i+1] + `", client: "apikey:` + credentials[i] + `"}` + "\n"
	}
	return text
}

// TestGatewayKeys goes through the life of a file of API keys. After each step sops decrypts it, verifies its MAC, and finds the text that
// the gateway's Envoy reads.
func TestGatewayKeys(t *testing.T) {
	matrix(t, func(t *testing.T, k keyring, macOnly bool) {
		w := newGateway(t, k, macOnly)
		holds := func(step string, credentials ...string) {
			t.Helper()
			if got, want := w.values(gatewayFile)[gatewayKey], gatewayText(t, credentials...); got != want {
				t.Errorf("%s: sops decrypts\n%s\nwant\n%s", step, got, want)
			}
		}
		first := w.keys("seal", "--client", "partner-b", "--client", "partner-a")
		holds("seal", "partner-a", first["partner-a"], "partner-b", first["partner-b"])

		second := w.keys("rotate", "gateway-keys", "--client", "partner-a")
		holds("rotate", "partner-a", first["partner-a"], "partner-a", second["partner-a"], "partner-b", first["partner-b"])
		w.keys("rotate", "--finish", "gateway-keys")
		holds("finish", "partner-a", second["partner-a"], "partner-b", first["partner-b"])

		third := w.keys("rotate", "gateway-keys", "--add-client", "aaa")
		holds("add", "aaa", third["aaa"], "partner-a", second["partner-a"], "partner-b", first["partner-b"])
		w.keys("rotate", "gateway-keys", "--remove-client", "partner-a")
		holds("remove", "aaa", third["aaa"], "partner-b", first["partner-b"])
		w.ours("", "verify", "--decrypt")
		w.ours("", "status")
	})
}

// TestGatewayKeysOfOthers: what sops writes is rotated when it is the file that Envoy takes, and named by its place when it is not.
func TestGatewayKeysOfOthers(t *testing.T) {
	w := newGateway(t, x25519(t), true)
	key := strings.Repeat("0123456789abcdef", 4)
	set := func(text string) {
		t.Helper()
		value, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		w.sops("set", gatewayFile, `["stringData"]["`+gatewayKey+`"]`, string(value))
	}
	w.keys("seal", "--client", "partner-a")
	set(gatewayText(t, "theirs", key))
	w.ours("", "verify", "--decrypt")
	fresh := w.keys("rotate", "gateway-keys")
	if got, want := w.values(gatewayFile)[gatewayKey], gatewayText(t, "theirs", key, "theirs", fresh["theirs"]); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	set(gatewayText(t, "theirs", key, "ours", key))
	for _, args := range [][]string{{"verify", "--decrypt"}, {"rotate", "gateway-keys"}} {
		out, errs, err := w.try("", "restate-integration-secrets", args...)
		if err == nil || out != "" || strings.Contains(errs, key) || !strings.Contains(errs, `must not have one key twice, for "theirs" and "ours": Envoy refuses the whole file`) {
			t.Errorf("%s: %v\n%s%s", strings.Join(args, " "), err, out, errs)
		}
	}
}

// TestGatewayKeysInPlainText: a file of keys that nobody encrypted is found before it is committed, with and without the spec.
func TestGatewayKeysInPlainText(t *testing.T) {
	w := newGateway(t, x25519(t), true)
	key := strings.Repeat("0123456789abcdef", 4)
	w.write(gatewayFile, "apiVersion: v1\nkind: Secret\nmetadata:\n  name: restate-gateway-keys\n  namespace: restate\nstringData:\n  "+gatewayKey+": |\n    "+
		strings.ReplaceAll(strings.TrimSpace(gatewayText(t, "partner-a", key)), "\n", "\n    ")+"\n")
	for _, tt := range [][]string{
		{"restate-integration", "secrets", "check", "."},
		{"restate-integration", "secrets", "check", "-f", "integration.yaml", gatewayFile},
		{"restate-integration-secrets", "verify"},
		{"restate-integration-secrets", "verify", "--decrypt"},
	} {
		_, errs, err := w.try("", tt[0], tt[1:]...)
		if err == nil || !strings.Contains(errs, "[RI0402]") || strings.Contains(errs, key) {
			t.Errorf("%s: %v\n%s", strings.Join(tt, " "), err, errs)
		}
	}
	if out, _, err := w.try("", "restate-integration-secrets", "status"); err == nil || !strings.Contains(out, "NotEncrypted") {
		t.Errorf("status: %v\n%s", err, out)
	}
	w.sops("encrypt", "--in-place", gatewayFile)
	w.ours("", "verify", "--decrypt")
	if out := w.run("", "restate-integration", "secrets", "check", "."); out != "" {
		t.Errorf("secrets check prints %s", out)
	}
}
