// SPDX-License-Identifier: Apache-2.0

package sopsfile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/sopsfile"
)

// canary is planted wherever a secret may stand by mistake.
const canary = "key_CANARY0123456789abcdef"

func fixture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// ciphertext is the encrypted value of a key of a fixture, found without the code under test.
func ciphertext(t testing.TB, file, key string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^ *` + key + `: "?(ENC\[[^"\n]*\])"?$`).FindStringSubmatch(file)
	if m == nil {
		t.Fatalf("the fixture has no encrypted %s", key)
	}
	return m[1]
}

func digest(entry string) string {
	sum := sha256.Sum256([]byte(entry))
	return hex.EncodeToString(sum[:])
}

// facts reads of a fixture what the code under test must find, by other means.
func facts(t *testing.T, file, section string, keys ...string) generators.Secret {
	t.Helper()
	data := fixture(t, file)
	mac := sha256.Sum256([]byte(ciphertext(t, data, "mac")))
	want := generators.Secret{
		Namespace: "restate-operator", Name: "restate-identity", MACOnly: strings.Contains(data, "mac_only_encrypted: true"),
		MAC: hex.EncodeToString(mac[:]), LastModified: regexp.MustCompile(`lastmodified: "(.*)"`).FindStringSubmatch(data)[1],
		Threshold: 1, Keys: map[string]generators.SecretKey{},
	}
	for _, key := range keys {
		value := ciphertext(t, data, key)
		plain, err := base64.StdEncoding.DecodeString(regexp.MustCompile(`data:([^,]*)`).FindStringSubmatch(value)[1])
		if err != nil {
			t.Fatal(err)
		}
		want.Keys[key] = generators.SecretKey{Digest: digest(section + "/" + key + "=" + value), Size: len(plain)}
	}
	for i, m := range regexp.MustCompile(`recipient: (\S+)`).FindAllStringSubmatch(data, -1) {
		r := generators.Recipient{Kind: generators.RecipientAge, ID: m[1]}
		if strings.Contains(data, "key_groups") {
			r.Group, want.Threshold = i, 2
		}
		want.Recipients = append(want.Recipients, r)
	}
	if len(want.Recipients) == 0 {
		t.Fatal("the fixture has no recipient")
	}
	return want
}

func TestFixtures(t *testing.T) {
	tests := []struct {
		file, section string
		keys          []string
	}{
		{"sealed.yaml", "stringData", []string{"token"}},
		{"default-mac.yaml", "stringData", []string{"token"}},
		{"two-recipients.yaml", "stringData", []string{"token"}},
		{"key-groups.yaml", "stringData", []string{"token"}},
		{"updatekeys.yaml", "stringData", []string{"token"}},
		{"relabelled.yaml", "stringData", []string{"token"}},
		{"reindented.yaml", "stringData", []string{"token"}},
		{"edited.yaml", "stringData", []string{"token"}},
		{"short.yaml", "stringData", []string{"token"}},
		{"unencrypted-regex.yaml", "stringData", []string{"token"}},
		{"two-keys.yaml", "stringData", []string{"note", "token"}},
		{"two-keys-edited.yaml", "stringData", []string{"note", "token"}},
		{"../../../examples/quickstart/secrets/restate-identity.yaml", "stringData", []string{"token"}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			want := facts(t, tt.file, tt.section, tt.keys...)
			if d := cmp.Diff(want, sopsfile.ReadItem(document(t, fixture(t, tt.file)))); d != "" {
				t.Errorf("ReadItem: -want, +got\n%s", d)
			}
			want.File = "secrets/a.yaml"
			if d := cmp.Diff(want, sopsfile.ReadFile("secrets/a.yaml", []byte(fixture(t, tt.file)))); d != "" {
				t.Errorf("ReadFile: -want, +got\n%s", d)
			}
		})
	}
}

// TestSizeOfData holds that base64 counts as what it encodes: the fixture has 11 bytes in 16 characters.
func TestSizeOfData(t *testing.T) {
	want := facts(t, "data.yaml", "data", "token")
	want.Keys["token"] = generators.SecretKey{Digest: want.Keys["token"].Digest, Size: 12}
	if d := cmp.Diff(want, sopsfile.ReadFile("", []byte(fixture(t, "data.yaml")))); d != "" {
		t.Errorf("-want, +got\n%s", d)
	}
	if got := sopsfile.ReadFile("", []byte(fixture(t, "short.yaml"))).Keys["token"].Size; got != len("changeme") {
		t.Errorf("got %d, want the length of what was encrypted", got)
	}
}

// TestForms holds that the same Secret in another encoding is the same Secret.
func TestForms(t *testing.T) {
	sealed := fixture(t, "sealed.yaml")
	want := sopsfile.ReadFile("", []byte(sealed))
	forms := map[string]string{
		"byte order mark":       "\ufeff" + sealed,
		"CRLF":                  strings.ReplaceAll(sealed, "\n", "\r\n"),
		"start and end marks":   "---\n" + sealed + "...\n",
		"empty second document": sealed + "---\n",
		"comment at the end":    sealed + "---\n# nothing\n",
		"empty first document":  "---\n# nothing\n---\n" + sealed,
		"folded value":          strings.Replace(sealed, "token: ", "token: >-\n    ", 1),
		"single quotes":         regexp.MustCompile(`(ENC\[.*\])`).ReplaceAllString(sealed, "'$1'"),
		"sections that are null": strings.Replace(sealed, "type: Opaque",
			"type: Opaque\ndata:", 1),
		"empty lists": strings.Replace(sealed, "metadata:", "metadata:\n  finalizers: []\n  ownerReferences: null\n  annotations: {}", 1),
	}
	for name, data := range forms {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(want, sopsfile.ReadFile("", []byte(data))); d != "" {
				t.Errorf("-want, +got\n%s", d)
			}
		})
	}
	t.Run("JSON", func(t *testing.T) {
		got := sopsfile.ReadFile("", []byte(fixture(t, "sealed.json")))
		if len(got.Problems) != 0 || got.Keys["token"].Digest == "" || !got.MACOnly {
			t.Errorf("got %+v", got)
		}
	})
}

// TestDigest is rule 2: pods restart when their value changes, and for no other reason.
func TestDigest(t *testing.T) {
	tests := []struct {
		before, after string
		key           string
		same          bool
	}{
		{"sealed.yaml", "updatekeys.yaml", "token", true},
		{"sealed.yaml", "relabelled.yaml", "token", true},
		{"sealed.yaml", "reindented.yaml", "token", true},
		{"two-keys.yaml", "two-keys-edited.yaml", "token", true},
		{"two-keys.yaml", "two-keys-edited.yaml", "note", false},
		{"sealed.yaml", "edited.yaml", "token", false},
		{"sealed.yaml", "default-mac.yaml", "token", false},
	}
	for _, tt := range tests {
		t.Run(tt.before+" "+tt.after+" "+tt.key, func(t *testing.T) {
			before := sopsfile.ReadFile("", []byte(fixture(t, tt.before))).Keys[tt.key].Digest
			after := sopsfile.ReadFile("", []byte(fixture(t, tt.after))).Keys[tt.key].Digest
			if before == "" || after == "" || (before == after) != tt.same {
				t.Errorf("before %q, after %q, want the same: %v", before, after, tt.same)
			}
		})
	}
}

// TestDigestPlace holds that the same ciphertext in another place is another value: sops would not decrypt it there.
func TestDigestPlace(t *testing.T) {
	sealed := fixture(t, "sealed.yaml")
	digests := map[string]bool{}
	for _, data := range []string{
		sealed,
		strings.Replace(sealed, "  token:", "  other:", 1),
		strings.Replace(sealed, "stringData:", "data:", 1),
	} {
		for _, key := range sopsfile.ReadFile("", []byte(data)).Keys {
			digests[key.Digest] = true
		}
	}
	if len(digests) != 3 {
		t.Errorf("got %d digests, want 3", len(digests))
	}
}

func TestProblems(t *testing.T) {
	sealed := fixture(t, "sealed.yaml")
	enc := ciphertext(t, sealed, "token")
	mac := ciphertext(t, sealed, "mac")
	replace := func(old, with string) string {
		t.Helper()
		if !strings.Contains(sealed, old) {
			t.Fatalf("the fixture has no %q", old)
		}
		return strings.Replace(sealed, old, with, 1)
	}
	value := func(v string) string { return replace(enc, v) }
	meta := func(v string) string { return replace("metadata:\n", "metadata:\n  "+v+"\n") }
	block := sealed[strings.Index(sealed, "sops:"):]
	at := regexp.MustCompile(`(?m)^  lastmodified: .*\n`).FindString(sealed)
	age := block[strings.Index(block, "  age:"):strings.Index(block, "  encrypted_regex")]

	tests := []struct {
		name, data string
		want       diag.Code
		// says is what the message must name, so that the user finds the place.
		says string
	}{
		{"empty file", "", diag.NotOneSecret, "holds 0"},
		{"comments alone", "# " + canary + "\n", diag.NotOneSecret, "holds 0"},
		{"two Secrets", sealed + "---\n" + sealed, diag.NotOneSecret, "holds 2"},
		{"null as second document", sealed + "---\nnull\n", diag.NotOneSecret, "holds 2"},
		{"unparsable", "a: " + canary + "\n b: c\n", diag.NotOneSecret, "parsed as YAML near line 2"},
		{"unparsable second document", sealed + "---\n*" + canary + "\n", diag.NotOneSecret, "YAML"},
		{"invalid UTF-8", sealed + "# \xff\n", diag.NotOneSecret, "UTF-8"},
		{"UTF-16", "\xff\xfea\x00", diag.NotOneSecret, "UTF-8"},
		{"as large as may be", strings.Repeat("#", 5<<20), diag.NotOneSecret, "holds 0"},
		{"too large", "# " + strings.Repeat("x", 5<<20), diag.TooLarge, "5 MiB"},
		{"list", "- " + canary, diag.NotOneSecret, "mapping"},
		{"text", canary, diag.NotOneSecret, "mapping"},
		{"other kind", replace("kind: Secret", "kind: "+canary), diag.NotOneSecret, "kind Secret"},
		{"other version", replace("apiVersion: v1", "apiVersion: v2"), diag.NotOneSecret, "apiVersion v1"},
		{"List", "apiVersion: v1\nkind: List\nitems:\n- token: " + canary, diag.NotOneSecret, "is a list"},
		{"SecretList", "apiVersion: v1\nkind: SecretList\nitems: []", diag.NotOneSecret, "is a list"},
		{"duplicate key", replace("  token:", "  token: "+canary+"\n  token:"), diag.NotOneSecret, `"token"`},
		{"duplicate key in another spelling", replace("metadata:\n", "metadata:\n  \"name\": x\n"), diag.NotOneSecret, `"name"`},
		{"duplicate section", sealed + "stringData: {token: " + canary + "}\n", diag.NotOneSecret, `"stringData"`},
		{"duplicate key in the sops block", sealed + "  mac: x\n", diag.NotOneSecret, `"mac"`},
		{"alias", replace("  token: "+enc, "  a: &a "+enc+"\n  token: *a"), diag.NotOneSecret, "aliases"},
		{"alias as key", replace("  token: "+enc, "  token: &a "+enc+"\n  *a : x"), diag.NotOneSecret, "aliases"},
		{"merge key", replace("  token: "+enc, "  <<: {token: "+canary+"}"), diag.NotOneSecret, "merge keys"},
		{"list as key", replace("  token:", "  ? [a]\n  : b\n  token:"), diag.NotOneSecret, "a list"},
		{"mapping as key elsewhere", meta("labels: {? {a: b} : c}"), diag.NotOneSecret, "a mapping"},
		{"number as key", replace("  token:", "  123:"), diag.NotOneSecret, "stringData[123]"},
		{"both sections", replace("stringData:", "data: {token: '"+enc+"'}\nstringData:"), diag.NotOneSecret, `"token"`},
		{"no name", replace("  name: restate-identity\n", ""), diag.NotOneSecret, "metadata.name"},
		{"name is a number", replace("name: restate-identity", "name: 12"), diag.NotOneSecret, "metadata.name"},
		{"namespace is a list", replace("namespace: restate-operator", "namespace: [a]"), diag.NotOneSecret, "metadata.namespace"},
		{"annotations are a list", meta("annotations: [a]"), diag.NotOneSecret, "metadata.annotations"},

		{"plaintext", value(canary), diag.PlaintextSecret, "stringData[token]"},
		{"plaintext under data", replace("stringData:", "data: {other: "+canary+"}\nstringData:"), diag.PlaintextSecret, "data[other]"},
		{"secret as key", replace("  token:", "  "+canary+": x\n  token:"), diag.PlaintextSecret, "stringData[[redacted]]"},
		{"ciphertext as key", replace("  token:", "  \""+enc+"\": x\n  token:"), diag.PlaintextSecret, "stringData[[redacted]]"},
		{"blank before ciphertext", value(`" ` + enc + `"`), diag.PlaintextSecret, "stringData[token]"},
		{"text before ciphertext", value(canary + enc), diag.PlaintextSecret, "stringData[token]"},
		{"number", value("12"), diag.PlaintextSecret, "a number"},
		{"boolean", value("true"), diag.PlaintextSecret, "a boolean"},
		{"null", value(""), diag.PlaintextSecret, "null"},
		{"mapping", value("{a: " + canary + "}"), diag.PlaintextSecret, "a mapping"},
		{"ciphertext in a list", value("\n    - " + enc), diag.PlaintextSecret, "a list"},
		{"binary", value("!!binary " + enc), diag.PlaintextSecret, "of another type"},
		{"section is text", replace("stringData:\n  token: "+enc, "stringData: "+canary), diag.PlaintextSecret, "stringData must be"},
		{"section is a list", replace("stringData:\n  token: "+enc, "stringData: ["+canary+"]"), diag.PlaintextSecret, "stringData must be"},
		{"key in a label", meta("labels: {a: " + canary + "}"), diag.PlaintextSecret, `"metadata"`},
		{"key in an annotation", meta("annotations: {" + canary + ": a}"), diag.PlaintextSecret, `"metadata"`},
		{"key in the sops block", sealed + "  note: " + canary + "\n", diag.PlaintextSecret, `"sops"`},
		{"key in a comment", "# " + canary + "\n" + sealed, diag.PlaintextSecret, "comment"},
		{"key in a comment at the end", sealed + "# " + canary + "\n", diag.PlaintextSecret, "comment"},
		{"key in a comment of metadata", meta("# " + canary), diag.PlaintextSecret, "comment"},
		{"key in a comment of the sops block", sealed + "  # " + canary + "\n", diag.PlaintextSecret, "comment"},
		{"key in a comment of an empty document", "# " + canary + "\n---\n" + sealed, diag.PlaintextSecret, "comment"},
		{"key in a comment behind the end", sealed + "---\n# " + canary + "\n", diag.PlaintextSecret, "comment"},
		{"key as a field", sealed + canary + ": a\n", diag.PlaintextSecret, "[redacted]"},

		{"text after ciphertext", value(enc + canary), diag.MalformedENC, "behind the ciphertext"},
		{"newline after ciphertext", value("|\n    " + enc), diag.MalformedENC, "behind the ciphertext"},
		{"two pieces", value(enc + enc), diag.MalformedENC, "behind the ciphertext"},
		{"encrypted number", value(strings.Replace(enc, "type:str", "type:int", 1)), diag.MalformedENC, "was not text"},
		{"encrypted comment", value(strings.Replace(enc, "type:str", "type:comment", 1)), diag.MalformedENC, "was not text"},
		{"cut", value("'" + enc[:len(enc)-1] + "'"), diag.MalformedENC, "stringData[token]"},
		{"other cipher", value(strings.Replace(enc, "AES256_GCM", "AES128_GCM", 1)), diag.MalformedENC, "well-formed"},
		{"plaintext in brackets", value("ENC[" + canary + "]"), diag.MalformedENC, "well-formed"},
		{"no data", value(regexp.MustCompile(`data:[^,]*`).ReplaceAllString(enc, "data:")), diag.MalformedENC, "well-formed"},
		{"data is not base64", value(regexp.MustCompile(`data:[^,]*`).ReplaceAllString(enc, "data:abc")), diag.MalformedENC, "well-formed"},
		{"short iv", value(regexp.MustCompile(`iv:[^,]*`).ReplaceAllString(enc, "iv:AAAA")), diag.MalformedENC, "well-formed"},
		{"iv of 31 bytes", value(regexp.MustCompile(`iv:[^,]*`).ReplaceAllString(enc, "iv:"+strings.Repeat("A", 42)+"==")), diag.MalformedENC, "well-formed"},
		{"iv of 33 bytes", value(regexp.MustCompile(`iv:[^,]*`).ReplaceAllString(enc, "iv:"+strings.Repeat("A", 44))), diag.MalformedENC, "well-formed"},
		{"tag of 15 bytes", value(regexp.MustCompile(`tag:[^,]*`).ReplaceAllString(enc, "tag:"+strings.Repeat("A", 20)+"====")), diag.MalformedENC, "well-formed"},
		{"tag of 17 bytes", value(regexp.MustCompile(`tag:[^,]*`).ReplaceAllString(enc, "tag:"+strings.Repeat("A", 23)+"=")), diag.MalformedENC, "well-formed"},

		{"no sops block", strings.TrimSuffix(sealed, block), diag.NotSealed, "no sops block"},
		{"sops is text", replace(block, "sops: a\n"), diag.NotSealed, "no sops block"},
		{"no mac", replace("  mac: "+mac+"\n", ""), diag.NotSealed, "no mac"},
		{"mac is null", replace(mac, ""), diag.NotSealed, "no mac"},
		{"mac is not encrypted", replace(mac, "abc"), diag.NotSealed, "sops.mac"},
		{"mac has a tail", replace(mac, mac+"x"), diag.NotSealed, "sops.mac"},
		{"mac is a list", replace(mac, "[a]"), diag.NotSealed, "sops.mac"},
		{"no recipient", replace(age, ""), diag.NotSealed, "no recipient"},
		{"empty recipients", replace(age, "  age: []\n  pgp: []\n"), diag.NotSealed, "no recipient"},
		{"recipient without its data key", replace(age, "  age: [{recipient: age1}]\n"), diag.NotSealed, "no recipient"},
		{"no time", replace(at, ""), diag.NotSealed, "sops.lastmodified"},
		{"a date is no time", replace(at, "  lastmodified: \"2026-11-23\"\n"), diag.NotSealed, "sops.lastmodified"},
		{"a list of times", replace(at, "  lastmodified: [\"2026-11-23T19:05:42Z\"]\n"), diag.NotSealed, "sops.lastmodified"},
		{"two rules", replace("  encrypted_regex:", "  encrypted_suffix: _x\n  encrypted_regex:"), diag.NotSealed, "encrypted_suffix and encrypted_regex"},
		{"empty key groups", replace(age, "  key_groups: [{age: []}, {}]\n"), diag.NotSealed, "no recipient"},

		{"owner", meta("ownerReferences: [{uid: " + canary[4:] + "}]"), diag.SecretMetadata, "metadata.ownerReferences"},
		{"finalizer", meta("finalizers: [a/b]"), diag.SecretMetadata, "metadata.finalizers"},
		{"finalizers are text", meta("finalizers: a/b"), diag.SecretMetadata, "metadata.finalizers"},
		{"kubectl", meta("annotations: {kubectl.kubernetes.io/last-applied-configuration: x}"), diag.SecretMetadata, "last-applied-configuration"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := sopsfile.ReadFile("a.yaml", []byte(tt.data))
			if len(got.Problems) != 1 || got.Problems[0].Code != tt.want {
				t.Fatalf("got %v, want one problem with code %s", got.Problems, tt.want)
			}
			p := got.Problems[0]
			if !strings.Contains(p.Message, tt.says) {
				t.Errorf("got %q, want it to name %q", p.Message, tt.says)
			}
			if p.Path != "" || p.Value != "" || strings.HasSuffix(p.Message, ".") || strings.Contains(p.Text(), "\n") {
				t.Errorf("got %#v, want message and hint alone, on one line", p)
			}
			assertSilent(t, got.Problems)
		})
	}
}

// assertSilent fails when a message holds the canary or ciphertext.
func assertSilent(t *testing.T, problems []diag.Diagnostic) {
	t.Helper()
	for _, p := range problems {
		for _, s := range []string{canary, "CANARY", "ENC["} {
			if strings.Contains(p.Line(), s) {
				t.Errorf("%s holds %s", p.Code, s)
			}
		}
	}
}

func TestRecipients(t *testing.T) {
	sealed := fixture(t, "sealed.yaml")
	from, to := strings.Index(sealed, "  age:"), strings.Index(sealed, "  encrypted_regex")
	one := func(kind generators.RecipientKind, id string) []generators.Recipient {
		return []generators.Recipient{{Kind: kind, ID: id}}
	}
	for _, tt := range []struct {
		reason, block string
		threshold     int
		want          []generators.Recipient
	}{
		{"X25519", `age: [{recipient: age1x, enc: x}]`, 1, one("age", "age1x")},
		{"post-quantum", `age: [{recipient: age1pq1x, enc: x}]`, 1, one("age-pq", "age1pq1x")},
		{"an SSH key", `age: [{recipient: ssh-ed25519 AAAA me@home, enc: x}]`, 1, one("age-ssh", "ssh-ed25519 AAAA me@home")},
		{"a plugin", `age: [{recipient: age1yubikey1x, enc: x}]`, 1, one("age-plugin", "age1yubikey1x")},
		{"PGP", `pgp: [{fp: 85D77543B3D624B63CEA9E6DBC17301B491B3F21, enc: x}]`, 1, one("pgp", "85D77543B3D624B63CEA9E6DBC17301B491B3F21")},
		{"AWS", `kms: [{arn: "arn:aws:kms:us-east-1:1:key/a", role: "arn:aws:iam::1:role/b", enc: x}]`, 1, one("kms", "arn:aws:kms:us-east-1:1:key/a")},
		{"Google", `gcp_kms: [{resource_id: projects/p/locations/global/keyRings/r/cryptoKeys/k, enc: x}]`, 1, one("gcp_kms", "projects/p/locations/global/keyRings/r/cryptoKeys/k")},
		{"Azure", `azure_kv: [{vault_url: "https://v.vault.azure.net", name: n, version: "0123", enc: x}]`, 1, one("azure_kv", "https://v.vault.azure.net/keys/n/0123")},
		{"Vault", `hc_vault: [{vault_address: "https://v:8200", engine_path: transit, key_name: k, enc: x}]`, 1, one("hc_vault", "https://v:8200/v1/transit/keys/k")},
		{"Huawei", `hckms: [{key_id: "tr-west-1:0123", enc: x}]`, 1, one("hckms", "tr-west-1:0123")},
		{"one without a name still decrypts", `azure_kv: [{enc: x}]`, 1, one("azure_kv", "")},
		{"one without the data key does not", `age: [{recipient: age1a}, {recipient: age1b, enc: x}]`, 1, one("age", "age1b")},
		{"the same twice", `age: [{recipient: age1a, enc: x}, {recipient: age1a, enc: y}]`, 1, one("age", "age1a")},
		{"an empty list before another", `age: []; pgp: [{fp: A, enc: x}]`, 1, one("pgp", "A")},
		{"groups, all of which are needed", `key_groups: [{age: [{recipient: age1a, enc: x}]}, {pgp: [{fp: A, enc: x}]}]`, 2, []generators.Recipient{{Kind: "age", ID: "age1a"}, {Kind: "pgp", ID: "A", Group: 1}}},
		{"groups, one of which is enough", `shamir_threshold: 1; key_groups: [{age: [{recipient: age1a, enc: x}]}, {pgp: [{fp: A, enc: x}]}]`, 1, []generators.Recipient{{Kind: "age", ID: "age1a"}, {Kind: "pgp", ID: "A", Group: 1}}},
		{"more than there are", `shamir_threshold: 5; key_groups: [{age: [{recipient: age1a, enc: x}]}, {}]`, 1, one("age", "age1a")},
		{"no threshold", `shamir_threshold: 0; key_groups: [{age: [{recipient: age1a, enc: x}]}, {pgp: [{fp: A, enc: x}]}]`, 2, []generators.Recipient{{Kind: "age", ID: "age1a"}, {Kind: "pgp", ID: "A", Group: 1}}},
		{"no number", `shamir_threshold: all; key_groups: [{age: [{recipient: age1a, enc: x}]}, {age: [{recipient: age1a, enc: x}]}]`, 2, []generators.Recipient{{Kind: "age", ID: "age1a"}, {Kind: "age", ID: "age1a", Group: 1}}},
		{"recipients besides groups are all that counts", `age: [{recipient: age1a, enc: x}]; key_groups: [{pgp: [{fp: A, enc: x}]}, {pgp: [{fp: B, enc: x}]}]`, 1, one("age", "age1a")},
	} {
		block := strings.ReplaceAll(tt.block, "; ", "\n  ")
		got := sopsfile.ReadFile("", []byte(sealed[:from]+"  "+block+"\n"+sealed[to:]))
		if d := cmp.Diff(tt.want, got.Recipients); d != "" || got.Threshold != tt.threshold || len(got.Problems) > 0 {
			t.Errorf("%s: threshold %d, problems %v, -want, +got\n%s", tt.reason, got.Threshold, got.Problems, d)
		}
	}
}

// TestRule holds the rule of a sops block against what is encrypted and what must be readable.
func TestRule(t *testing.T) {
	sealed := fixture(t, "sealed.yaml")
	const rule = "  encrypted_regex: ^(data|stringData)$\n"
	if !strings.Contains(sealed, rule) {
		t.Fatal("the fixture has another rule")
	}
	for _, tt := range []struct {
		reason, rule string
		want         []diag.Code
		says         string
	}{
		{"as it should be", rule, nil, ""},
		{"in another order, with more", "  encrypted_regex: ^(stringData|data|spec)$\n", nil, ""},
		{"all but what must be readable", "  unencrypted_regex: ^(apiVersion|kind|metadata|type|immutable)$\n", nil, ""},
		{"data is a part of metadata", "  encrypted_regex: data\n", []diag.Code{diag.RuleTooWide, diag.RuleMisses}, "metadata"},
		{"no anchors", "  encrypted_regex: (data|stringData)\n", []diag.Code{diag.RuleTooWide}, "selects metadata"},
		{"everything", "  encrypted_regex: .*\n", []diag.Code{diag.RuleTooWide}, "selects apiVersion, kind, metadata, type"},
		{"the type too", "  encrypted_regex: ^(data|stringData|type)$\n", []diag.Code{diag.RuleTooWide}, "selects type"},
		{"a key of metadata", "  encrypted_regex: ^(data|stringData|namespace)$\n", []diag.Code{diag.RuleTooWide}, "selects metadata"},
		{"a label", "  encrypted_regex: ^(data|stringData|team)$\n", []diag.Code{diag.RuleTooWide}, "selects metadata"},
		{"an empty rule is none", "  encrypted_regex: \"\"\n", []diag.Code{diag.RuleTooWide}, "the default rule of sops"},
		{"no rule", "", []diag.Code{diag.RuleTooWide}, "the default rule of sops"},
		{"a suffix that nothing has", "  unencrypted_suffix: _plain\n", []diag.Code{diag.RuleTooWide}, "sops.unencrypted_suffix"},
		{"all but the data", "  unencrypted_regex: ^(apiVersion|kind|metadata|type|data)$\n", []diag.Code{diag.RuleTooNarrow}, "all of data,"},
		{"the readable ones alone", "  unencrypted_regex: Data$\n", []diag.Code{diag.RuleTooWide, diag.RuleMisses}, "apiVersion, kind, metadata, type"},
		{"one section", "  encrypted_regex: ^stringData$\n", []diag.Code{diag.RuleTooNarrow}, "all of data,"},
		{"the other section", "  encrypted_regex: ^data$\n", []diag.Code{diag.RuleMisses}, "stringData[token]"},
		{"one key", "  encrypted_regex: ^token$\n", []diag.Code{diag.RuleTooNarrow}, "all of data and stringData"},
		{"the end of a key", "  encrypted_suffix: ken\n", []diag.Code{diag.RuleTooNarrow}, "sops.encrypted_suffix"},
		{"the end of another key", "  encrypted_suffix: _secret\n", []diag.Code{diag.RuleMisses}, "sops.encrypted_suffix"},
		{"no expression", "  encrypted_regex: \"(\"\n", []diag.Code{diag.RuleMisses}, "stringData[token]"},
		{"comments", "  encrypted_comment_regex: secret\n", []diag.Code{diag.RuleMisses}, "sops.encrypted_comment_regex"},
		{"other comments", "  unencrypted_comment_regex: plain\n", []diag.Code{diag.RuleMisses}, "sops.unencrypted_comment_regex"},
	} {
		data := strings.Replace(sealed, rule, tt.rule, 1)
		data = strings.Replace(data, "metadata:\n", "metadata:\n  labels: {team: payments}\n", 1)
		got := sopsfile.ReadItem(document(t, data))
		if d := cmp.Diff(tt.want, codes(got.Problems)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		} else if len(tt.want) > 0 && !strings.Contains(got.Problems[0].Message, tt.says) {
			t.Errorf("%s: got %q, want it to name %q", tt.reason, got.Problems[0].Message, tt.says)
		}
		assertSilent(t, got.Problems)
	}
}

func codes(problems []diag.Diagnostic) []diag.Code {
	var out []diag.Code
	for _, p := range problems {
		out = append(out, p.Code)
	}
	return out
}

// TestWrittenBySops has what the CLI makes of rules and of files that are not as they should be.
func TestWrittenBySops(t *testing.T) {
	for _, tt := range []struct {
		file string
		want []diag.Code
		says string
	}{
		{"unanchored.yaml", []diag.Code{diag.RuleTooWide}, "metadata.name"},
		{"default-rule.yaml", []diag.Code{diag.RuleTooWide}, "apiVersion"},
		{"narrow.yaml", []diag.Code{diag.RuleTooNarrow}, "data and stringData"},
		{"unencrypted-regex.yaml", nil, ""},
		{"commented.yaml", []diag.Code{diag.SealedComment}, "stringData"},
		{"unsorted.yaml", []diag.Code{diag.KeyOrder, diag.KeyOrder}, "stringData must be sorted"},
		{"two-documents.yaml", []diag.Code{diag.NotOneSecret}, "holds 2"},
	} {
		got := sopsfile.ReadFile("", []byte(fixture(t, tt.file)))
		if d := cmp.Diff(tt.want, codes(got.Problems)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.file, d)
		} else if len(tt.want) > 0 && !strings.Contains(got.Problems[0].Message, tt.says) {
			t.Errorf("%s: got %q, want it to name %q", tt.file, got.Problems[0].Message, tt.says)
		}
		if unreadable := slices.Contains(tt.want, diag.RuleTooWide); unreadable && (got.Name != "" || got.Keys != nil) {
			t.Errorf("%s: got %+v, want nothing of a Secret without a name", tt.file, got)
		}
		assertSilent(t, got.Problems)
	}
}

// TestKeyOrder has the order that kustomize 5.8.2 wrote these keys in.
func TestKeyOrder(t *testing.T) {
	sealed := fixture(t, "sealed.yaml")
	enc := ciphertext(t, sealed, "token")
	order := strings.Fields("-x _x 9 10 12 100 102 1a B Z a a-1 a-b a.1 a.b a_1 a1 a1-b a2 a10 a12 a20 a100 a105 a109 a150 a1000 ab b b0 b00 b1 " +
		"c-9 c-10 c1 c2 c10 c20 ca ca-key ca.crt caKey d11 d101 d110 v1.9 v1.10")
	secret := func(keys ...string) []byte {
		entries := ""
		for _, k := range keys {
			entries += "  \"" + k + "\": " + enc + "\n"
		}
		return []byte(strings.Replace(sealed, "  token: "+enc+"\n", entries, 1))
	}
	if got := sopsfile.ReadFile("", secret(order...)).Problems; len(got) > 0 {
		t.Errorf("got %v for the order of kustomize", got)
	}
	for i := range len(order) - 1 {
		if got := codes(sopsfile.ReadFile("", secret(order[i+1], order[i])).Problems); !slices.Equal(got, []diag.Code{diag.KeyOrder}) {
			t.Errorf("%s before %s: got %v", order[i+1], order[i], got)
		}
	}
	reversed := string(secret("b", "a"))
	if got := sopsfile.ReadFile("", []byte(strings.Replace(reversed, "mac_only_encrypted: true", "mac_only_encrypted: false", 1))).Problems; len(got) > 0 {
		t.Errorf("got %v for a MAC that kustomize breaks in any order", got)
	}
	if got := sopsfile.ReadItem(document(t, reversed)).Problems; len(got) > 0 {
		t.Errorf("got %v for an item, which its host has written", got)
	}
	for _, empty := range []string{"data:\n", "data: {}\n"} {
		if got := sopsfile.ReadFile("", []byte(sealed+empty)).Problems; len(got) > 0 {
			t.Errorf("got %v for %q behind stringData, where nothing is in it", got, empty)
		}
	}
}

func TestComments(t *testing.T) {
	sealed := fixture(t, "sealed.yaml")
	enc := ciphertext(t, sealed, "token")
	const section = "stringData:\n"
	entry := "  token: " + enc + "\n"
	hidden := "#" + strings.Replace(enc, "type:str", "type:comment", 1)
	for _, tt := range []struct {
		reason, old, with string
		want              []diag.Code
	}{
		{"above the section", section, "# last year\n" + section, nil},
		{"behind the section", entry, entry + "# last year\n", nil},
		{"behind the section, after a blank line", entry, entry + "\n# last year\n\n", nil},
		{"in metadata", "metadata:\n", "metadata:\n  # last year\n", nil},
		{"in the sops block", "sops:\n", "sops:\n  # last year\n", nil},
		{"behind the name of the section", section, "stringData: # last year\n", []diag.Code{diag.PlainComment}},
		{"before a value", section, section + "  # last year\n", []diag.Code{diag.PlainComment}},
		{"at the left margin", section, section + "# last year\n", []diag.Code{diag.PlainComment}},
		{"behind a value", entry, "  token: " + enc + " # last year\n", []diag.Code{diag.PlainComment}},
		{"after a value", entry, entry + "  # last year\n", []diag.Code{diag.PlainComment}},
		{"after a value and a blank line", entry, entry + "\n  # last year\n\n", []diag.Code{diag.PlainComment}},
		{"after two of them", entry, entry + "  # one\n\n  # last year\n\n", []diag.Code{diag.PlainComment}},
		{"between values", entry, "  # last year\n  other: " + enc + "\n" + entry, []diag.Code{diag.PlainComment}},
		{"in a flow mapping", section + entry, "stringData: {token: '" + enc + "' # last year\n  }\n", []diag.Code{diag.PlainComment}},
		{"in a block scalar", entry, "  token: >- # last year\n    " + enc + "\n", []diag.Code{diag.PlainComment}},
		{"encrypted", section, section + "  " + hidden + "\n", []diag.Code{diag.SealedComment}},
		{"encrypted, behind a value", entry, "  token: " + enc + " " + hidden + "\n", []diag.Code{diag.SealedComment}},
		{"both", section, section + "  " + hidden + "\n  # last year\n", []diag.Code{diag.PlainComment, diag.SealedComment}},
		{"nothing but the mark", section, section + "  #\n", nil},
	} {
		data := strings.Replace(sealed, tt.old, tt.with, 1)
		got := sopsfile.ReadFile("", []byte(data)).Problems
		if d := cmp.Diff(tt.want, codes(got)); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, d)
		}
		if item := sopsfile.ReadItem(document(t, data)).Problems; len(item) > 0 {
			t.Errorf("%s: got %v for an item, which nobody else decrypts as it is", tt.reason, item)
		}
		for _, p := range got {
			if strings.Contains(p.Line(), "last year") {
				t.Errorf("%s: the comment is printed: %s", tt.reason, p.Line())
			}
		}
		assertSilent(t, got)
	}
}

func TestEmptyValue(t *testing.T) {
	sealed := fixture(t, "sealed.yaml")
	got := sopsfile.ReadFile("", []byte(strings.Replace(sealed, ciphertext(t, sealed, "token"), `""`, 1)))
	if d := cmp.Diff(map[string]generators.SecretKey{"token": {Empty: true}}, got.Keys); d != "" || len(got.Problems) != 0 {
		t.Errorf("problems %v, -want, +got\n%s", got.Problems, d)
	}
}

// TestUnsealedKeyIsKnown holds that a key in plain text is still there, so that it is not reported as missing as well.
func TestUnsealedKeyIsKnown(t *testing.T) {
	sealed := fixture(t, "sealed.yaml")
	got := sopsfile.ReadFile("", []byte(strings.Replace(sealed, ciphertext(t, sealed, "token"), canary, 1)))
	if d := cmp.Diff(map[string]generators.SecretKey{"token": {}}, got.Keys); d != "" {
		t.Errorf("-want, +got\n%s", d)
	}
}

func TestMACOnly(t *testing.T) {
	sealed := fixture(t, "sealed.yaml")
	for value, want := range map[string]bool{"true": true, "True": true, "false": false, `"true"`: false, "1": false, "[true]": false} {
		got := sopsfile.ReadFile("", []byte(strings.Replace(sealed, "mac_only_encrypted: true", "mac_only_encrypted: "+value, 1)))
		if got.MACOnly != want {
			t.Errorf("mac_only_encrypted %s: got %v, want %v", value, got.MACOnly, want)
		}
	}
}

func TestAnnotations(t *testing.T) {
	sealed := fixture(t, "sealed.yaml")
	set := []string{
		"zeta", "alpha", "argocd.argoproj.io/sync-wave",
		"config.kubernetes.io/local-config", "config.kubernetes.io/function", "config.kubernetes.io/depends-on",
		"kustomize.config.k8s.io/needs-hash", "kustomize.config.k8s.io/behavior",
		"internal.config.kubernetes.io/path", "internal.config.kubernetes.io/previousNames", "internal.kpt.dev/upstream-identifier",
		"config.kubernetes.io/path", "config.kubernetes.io/index", "config.kubernetes.io/origin", "config.kubernetes.io/merge-source",
		"config.k8s.io/id", "kustomize.config.k8s.io/id", "alpha.config.kubernetes.io/transformations",
		"kubectl.kubernetes.io/last-applied-configuration",
	}
	data := strings.Replace(sealed, "metadata:\n", "metadata:\n  annotations:\n    "+strings.Join(set, ": x\n    ")+": x\n", 1)
	want := slices.Sorted(slices.Values(set[:8]))
	if d := cmp.Diff(want, sopsfile.ReadFile("", []byte(data)).Annotations); d != "" {
		t.Errorf("-want, +got\n%s", d)
	}
}

// TestAllProblems holds that one run tells everything, in the order of the document.
func TestAllProblems(t *testing.T) {
	const data = `
apiVersion: v1
kind: Secret
metadata: {name: a, finalizers: [x]}
data: {b: plain, a: "ENC[x]"}
stringData: {c: 1}
`
	var got []diag.Code
	for _, p := range sopsfile.ReadFile("", []byte(data)).Problems {
		got = append(got, p.Code)
	}
	want := []diag.Code{diag.SecretMetadata, diag.PlaintextSecret, diag.MalformedENC, diag.PlaintextSecret, diag.NotSealed}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want, +got\n%s", d)
	}
}

func TestReadItemOfNothing(t *testing.T) {
	for _, n := range []*yaml.Node{nil, {}, {Kind: yaml.DocumentNode}, {Kind: yaml.MappingNode}, {Kind: yaml.ScalarNode}} {
		if got := sopsfile.ReadItem(n).Problems; len(got) != 1 || got[0].Code != diag.NotOneSecret {
			t.Errorf("got %v", got)
		}
	}
}

// TestFixtureKey keeps the published key from being taken for a real one, and the plaintext out of the encrypted files.
func TestFixtureKey(t *testing.T) {
	plain := fixture(t, "fixture-key/plaintext.yaml")
	token := regexp.MustCompile(`key_\S+`).FindString(plain)
	if token == "" || !strings.Contains(fixture(t, "fixture-key/README.md"), "protect nothing") {
		t.Fatal("the fixture key has lost its token or its warning")
	}
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../../examples/quickstart/secrets/restate-identity.yaml") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(token)) {
			t.Errorf("%s holds the plaintext", file)
		}
	}
	recipient := strings.TrimSpace(fixture(t, "fixture-key/age.pub"))
	for _, file := range []string{"sealed.yaml", "../../../examples/quickstart/.sops.yaml", "../../../examples/quickstart/secrets/restate-identity.yaml"} {
		if !strings.Contains(fixture(t, file), recipient) {
			t.Errorf("%s is not for the fixture key", file)
		}
	}
}

func FuzzReadFile(f *testing.F) {
	sealed := fixture(f, "sealed.yaml")
	enc := ciphertext(f, sealed, "token")
	for _, name := range []string{
		"sealed.yaml", "sealed.json", "key-groups.yaml", "unanchored.yaml", "default-rule.yaml", "narrow.yaml", "unencrypted-regex.yaml",
		"commented.yaml", "unsorted.yaml", "short.yaml", "two-documents.yaml", "two-recipients.yaml",
	} {
		f.Add([]byte(fixture(f, name)))
		f.Add([]byte(strings.Replace(fixture(f, name), "recipient: age1", "recipient: "+canary, 1)))
	}
	// The canary in the place of each word, one at a time.
	for _, word := range []string{
		"v1", "Secret", "metadata", "name", "restate-identity", "restate-operator", "stringData", "token", enc, "Opaque", "type",
		"sops", "age", "enc", "recipient", "encrypted_regex", "lastmodified", "mac", "true", "3.13.3",
	} {
		f.Add([]byte(strings.Replace(sealed, word, canary, 1)))
	}
	for _, s := range []string{
		canary, "[" + canary, "*" + canary, "&" + canary + " a", "!" + canary + " a", "%" + canary, "a: {" + canary, "? " + canary, "'" + canary, "\"\\" + canary,
		"# " + canary, "a: b: " + canary, "\t" + canary, "- " + canary + "\nb", "---\n" + canary + "\n---\n" + canary,
		strings.Replace(sealed, enc, enc+canary, 1), strings.Replace(sealed, enc, "["+canary+"]", 1), strings.Replace(sealed, enc, "!!int "+canary, 1),
		strings.Replace(sealed, "token", canary+": "+canary+"\n  x"+canary, 1), strings.Replace(sealed, "  token", "  <<: {"+canary+": 1}\n  token", 1),
		strings.Replace(sealed, "metadata:", "metadata:\n  finalizers: ["+canary+"]\n  annotations: {a: "+canary+", "+canary+": b}", 1),
		"{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"data\":{\"a\":\"" + canary + "\"}}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := sopsfile.ReadFile("secrets/a.yaml", data)
		for _, p := range generators.CheckSecret(got, generators.SecretPolicy{Recipients: []string{"age1"}}) {
			if strings.Contains(p.Line(), canary) {
				t.Errorf("%s: %q", p.Code, p.Line())
			}
		}
		if len(got.Problems) == 0 && (got.Name == "" || bytes.Contains(data, []byte("stringData: "+canary))) {
			t.Errorf("no problem found in %q", data)
		}
		for key, k := range got.Keys {
			if len(got.Problems) == 0 && !k.Empty && k.Digest == "" {
				t.Errorf("key %q is not sealed, and nothing says so", key)
			}
		}
	})
}

// document parses a fixture as the host of the function does.
func document(t *testing.T, data string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(data), &doc); err != nil {
		t.Fatal(err)
	}
	return &doc
}
