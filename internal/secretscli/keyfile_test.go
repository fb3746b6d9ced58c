// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Keys that look like those of a new file, and open nothing.
var (
	keyA = "rgw_" + strings.Repeat("0123456789abcdef", 4)
	keyB = "rgw_" + strings.Repeat("fedcba9876543210", 4)
	keyC = "rgw_" + strings.Repeat("02468ace13579bdf", 4)
)

var twoClients = keyFile{{"partner-a", keyA}, {"partner-a", keyB}, {"partner-b", keyC}}

// TestKeyFile: the text is what Envoy reads, to the byte, and comes back as it was. The stage with the real Envoy takes the same file.
func TestKeyFile(t *testing.T) {
	for name, f := range map[string]keyFile{"testdata/api-key-auth.xds.yaml": twoClients, "testdata/no-client.xds.yaml": {}} {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), f.text()); d != "" {
			t.Errorf("%s: -want, +got\n%s", name, d)
		}
		got, err := readKeyFile(f.text())
		if d := cmp.Diff(f, got, cmp.AllowUnexported(clientKey{})); err != nil || d != "" {
			t.Errorf("%s: %v; -want, +got\n%s", name, err, d)
		}
	}
}

// TestGuideShowsTheFile: the form in the guide is one that is taken.
func TestGuideShowsTheFile(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide/secrets.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(guide), "```yaml\nresources:\n")
	block, _, found := strings.Cut(block, "```\n")
	f, err := readKeyFile(strings.Replace("resources:\n"+block, "rgw_<64 hexadecimal digits>", keyA, 1))
	if !found || err != nil || !slices.Equal(f, keyFile{{"partner-a", keyA}}) {
		t.Errorf("found: %t; %v, %v", found, f.clients(), err)
	}
}

// TestNewAPIKey: 256 bits, in a form that the checks of others take.
func TestNewAPIKey(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		key := newAPIKey()
		if seen[key] || weak(key) || !regexp.MustCompile(`^rgw_[0-9a-f]{64}$`).MatchString(key) {
			t.Fatalf("%q; seen: %t", key, seen[key])
		}
		seen[key] = true
	}
}

// TestReadKeyFile: what Envoy would refuse, and what would weaken the gateway, is refused before; no key is quoted.
func TestReadKeyFile(t *testing.T) {
	good := twoClients.text()
	replaced := func(old, with string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in the file", old)
		}
		return strings.Replace(good, old, with, 1)
	}
	for _, tt := range []struct{ reason, value, problem string }{
		{"in order", good, ""},
		{"another layout", strings.NewReplacer("key: ", "\n      key: ", "{", "{ ").Replace(good), ""},
		{"as JSON", `{"resources": [{"@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig", "name": "api-key-auth", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth", "key_sources": [{"header": "x-api-key"}], "forwarding": {"header": "x-gateway-client", "hide_credentials": true}, "credentials": [{"key": "` + keyA + `", "client": "apikey:a"}]}}]}`, ""},
		{"one key alone", keyA, "must be one YAML document, the discovery file"},
		{"empty", "", "must be one YAML document"},
		{"bytes", "\xff", "must be one YAML document"},
		{"two documents", good + "---\n" + good, "must be one YAML document"},
		{"a field twice", replaced("    key_sources:", "    credentials: []\n    key_sources:"), "must be one YAML document"},
		{"an alias", replaced("- header: x-api-key", "- header: &h x-api-key"), "must not have anchors, aliases or tags"},
		{"a tag", replaced("- header: x-api-key", "- header: !!str x-api-key"), "must not have anchors, aliases or tags"},
		{"no entry", "resources: []", "resources must be a list of 1"},
		{"two entries", good + "- {}\n", "resources must be a list of 1"},
		{"a foreign field", good + "version_info: " + keyA + "\n", "the file must have these fields and no others: resources"},
		{"a foreign field inside", replaced("hide_credentials: true", "hide_credentials: true, x: "+keyA), "resources[0].typed_config.forwarding must have these fields and no others: header, hide_credentials"},
		{"another filter", replaced("name: api-key-auth", "name: other"), "resources[0].name must be api-key-auth"},
		{"another type", replaced("v3.ApiKeyAuth", "v3.ApiKeyAuthPerRoute"), `resources[0].typed_config.@type must be type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth`},
		{"another header", replaced("- header: x-api-key", "- header: authorization"), "resources[0].typed_config.key_sources[0].header must be x-api-key"},
		{"from the query", replaced("- header: x-api-key", "- query: x-api-key"), "resources[0].typed_config.key_sources[0] must have these fields and no others: header"},
		{"from two places", replaced("- header: x-api-key", "- header: x-api-key\n    - query: key"), "resources[0].typed_config.key_sources must be a list of 1"},
		{"the client is not told", replaced("forwarding: {header: x-gateway-client, hide_credentials: true}", "forwarding: {hide_credentials: true}"), "forwarding must have these fields"},
		{"the key goes on", replaced("hide_credentials: true", "hide_credentials: false"), "resources[0].typed_config.forwarding.hide_credentials must be true"},
		{"a word that is no bool to Envoy", replaced("hide_credentials: true", "hide_credentials: yes"), "resources[0].typed_config.forwarding.hide_credentials must be true"},
		{"no list of credentials", good[:strings.Index(good, "    credentials:")], "resources[0].typed_config must have these fields and no others: @type, credentials, forwarding, key_sources"},
		{"a null list", good[:strings.Index(good, "    credentials:")] + "    credentials:\n", "resources[0].typed_config.credentials must be a list of 0"},
		{"no prefix", replaced("apikey:partner-b", "partner-b"), "must have in credentials[2] a client of the form apikey:NAME"},
		{"no name", replaced("apikey:partner-b", "apikey:"), "credentials[2]"},
		{"a name with a blank", replaced("apikey:partner-b", "apikey:partner b"), "credentials[2]"},
		{"a name that breaks a header", replaced("apikey:partner-b", `apikey:b\r\nx-admin: 1`), "credentials[2]"},
		{"a key twice", replaced(keyC, keyA), `must not have one key twice, for "partner-a" and "partner-b"`},
		{"a key twice for one client", replaced(keyB, keyA), `must not have one key twice, for "partner-a" and "partner-a"`},
		{"three keys", good + `    - {key: "` + strings.Repeat("048c159d26ae37bf", 4) + `", client: "apikey:partner-a"}` + "\n", `must have at most 2 keys for a client, and has 3 for "partner-a"`},
		{"a short key", replaced(keyC, keyC[:67]), `must have keys of 256 random bits, such as 64 hexadecimal digits, and has another for client "partner-b"`},
		{"no key", replaced(keyC, ""), `has another for client "partner-b"`},
		{"a placeholder", replaced(keyC, "<64 random characters, which are to be filled in by somebody else>"), `has another for client "partner-b"`},
		{"a number", replaced(`"`+keyC+`"`, strings.Repeat("0123456789", 8)), "resources[0].typed_config.credentials[2].key must be text in quotes"},
	} {
		_, err := readKeyFile(tt.value)
		problem := ""
		if err != nil {
			problem = err.Error()
		}
		if !contains(problem, tt.problem) {
			t.Errorf("%s: got %q, want %q", tt.reason, problem, tt.problem)
		}
		for _, key := range []string{keyA, keyB, keyC} {
			if strings.Contains(problem, key[:12]) {
				t.Errorf("%s: a key is quoted", tt.reason)
			}
		}
	}
}

// TestWeak: the bits of a key are at most those that its characters allow.
func TestWeak(t *testing.T) {
	const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, tt := range []struct {
		reason, key string
		weak        bool
	}{
		{"one of ours", keyA, false},
		{"one of ours, cut", keyA[:67], true},
		{"64 hexadecimal digits", keyA[4:], false},
		{"63", keyA[4:67], true},
		{"in capitals", strings.ToUpper(keyA[4:]), false},
		{"the prefix alone", "rgw_", true},
		{"78 digits", strings.Repeat("0123456789", 8)[:78], false},
		{"77 digits", strings.Repeat("0123456789", 8)[:77], true},
		{"52 of base32", strings.Repeat("ABCDEFGHIJKLM234567", 3)[:52], false},
		{"51 of base32", strings.Repeat("ABCDEFGHIJKLM234567", 3)[:51], true},
		{"50 small letters and digits", strings.Repeat("abcxyz0189", 5), false},
		{"49", strings.Repeat("abcxyz0189", 5)[:49], true},
		{"43 letters and digits", base64[:43], false},
		{"42 letters and digits", base64[:42], true},
		{"43 of base64", base64[21:64], false},
		{"42 of base64, padded to 44", base64[22:64] + "==", true},
		{"one character", strings.Repeat("a", 64), true},
		{"seven characters", strings.Repeat("abcdef0", 10), true},
		{"eight characters", strings.Repeat("abcdef01", 8), false},
		{"a blank", keyA + " ", true},
		{"a line", keyA + "\n", true},
		{"not ASCII", keyA + "é", true},
		{"nothing", "", true},
	} {
		if weak(tt.key) != tt.weak {
			t.Errorf("%s: got %t", tt.reason, !tt.weak)
		}
	}
}

func TestClientNames(t *testing.T) {
	for _, name := range []string{"a", "a1", "partner-a", "a.b_c", strings.Repeat("a", 63)} {
		if err := checkClients("--client", []string{name}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "-a", "a-", "A", "a b", "a:b", "a=b", "a\n", "é", strings.Repeat("a", 64), keyA} {
		if err := checkClients("--client", []string{name}); err == nil || len(name) > 3 && strings.Contains(err.Error(), name[:3]) {
			t.Errorf("%q: got %v", name, err)
		}
	}
	if err := checkClients("--client", []string{"a", "b", "a"}); err == nil || !strings.Contains(err.Error(), `names "a" twice`) {
		t.Errorf("twice: got %v", err)
	}
}

// TestCheckKeyFile: a file without a client is what is left when all of them were removed, and unusual.
func TestCheckKeyFile(t *testing.T) {
	for value, want := range map[string]string{keyFile{}.text(): "has no client", twoClients.text(): ""} {
		if warning, err := checkKeyFile(value, time.Time{}); err != nil || !contains(warning, want) {
			t.Errorf("got %q, %v; want %q", warning, err, want)
		}
	}
}
