// SPDX-License-Identifier: Apache-2.0

package sealing_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"github.com/restate-integration/restate-integration/internal/sealing"
	"github.com/restate-integration/restate-integration/internal/sopsfile"
)

var now = time.Date(2026, 11, 25, 10, 30, 0, 0, time.UTC)

// newKey makes an identity that nobody else has.
func newKey(t *testing.T) *age.X25519Identity {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

// withKeys puts the identities, and no others, where sops looks for them.
func withKeys(t *testing.T, identities ...*age.X25519Identity) {
	t.Helper()
	var text []string
	for _, i := range identities {
		text = append(text, i.String())
	}
	t.Setenv("SOPS_AGE_KEY", strings.Join(text, "\n"))
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
}

func ruleFor(t *testing.T, identities ...*age.X25519Identity) sealing.Rule {
	t.Helper()
	var recipients []string
	for _, i := range identities {
		recipients = append(recipients, i.Recipient().String())
	}
	rule, err := sealing.RuleFor(recipients)
	if err != nil {
		t.Fatal(err)
	}
	return rule
}

var plain = sealing.Plain{Namespace: "restate-operator", Name: "restate-identity", Values: map[string]string{"token": "first value", "note": "another", "a": "3"}}

func seal(t *testing.T, file string, rule sealing.Rule) []byte {
	t.Helper()
	data, err := plain.Seal(file, rule, now)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSeal(t *testing.T) {
	key := newKey(t)
	withKeys(t, key)
	for _, file := range []string{"secret.yaml", "secret.json"} {
		data := seal(t, file, ruleFor(t, key))
		s := sopsfile.ReadFile(file, data)
		if len(s.Problems) != 0 || !s.MACOnly || s.Name != plain.Name || s.Namespace != plain.Namespace || s.LastModified != "2026-11-25T10:30:00Z" {
			t.Errorf("%s: got %+v", file, s)
		}
		for _, value := range plain.Values {
			if len(value) > 1 && bytes.Contains(data, []byte(value)) {
				t.Errorf("%s: a value stands in it", file)
			}
		}
		got, err := sealing.Decrypt(file, data)
		if d := cmp.Diff(plain.Values, got); err != nil || d != "" {
			t.Errorf("%s: Decrypt: %v\n-want, +got\n%s", file, err, d)
		}
	}
}

// TestSealLayout: what kustomize writes has sorted keys, and a MAC depends on their order.
func TestSealLayout(t *testing.T) {
	data := string(seal(t, "secret.yaml", ruleFor(t, newKey(t))))
	got := regexp.MustCompile(`(?m)^ *[a-zA-Z_]+:`).FindAllString(data, -1)
	want := []string{
		"apiVersion:", "kind:", "metadata:", "  name:", "  namespace:", "stringData:", "  a:", "  note:", "  token:", "type:",
		"sops:", "  age:", "      recipient:", "  encrypted_regex:", "  lastmodified:", "  mac:", "  mac_only_encrypted:", "  version:",
	}
	if d := cmp.Diff(want, slices.DeleteFunc(got, func(s string) bool { return s == "    - enc:" })); d != "" {
		t.Errorf("-want, +got\n%s", d)
	}
}

func TestSetValue(t *testing.T) {
	key := newKey(t)
	withKeys(t, key)
	for _, tt := range []struct{ reason, from, to, file string }{
		{"as it is written", "", "", "secret.yaml"},
		{"another indentation is kept", "  ", "    ", "secret.yaml"},
		{"JSON", "", "", "secret.json"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			before := seal(t, tt.file, ruleFor(t, key))
			if tt.from != "" {
				before = fourSpaces(t, before)
			}
			after, err := sealing.SetValue(tt.file, before, "token", "second value", now.Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]string{"token", "lastmodified", "mac"}, changed(t, before, after)); d != "" {
				t.Errorf("lines that differ, -want, +got\n%s", d)
			}
			got, err := sealing.Decrypt(tt.file, after)
			want := map[string]string{"token": "second value", "note": "another", "a": "3"}
			if d := cmp.Diff(want, got); err != nil || d != "" {
				t.Errorf("Decrypt: %v\n-want, +got\n%s", err, d)
			}
		})
	}
}

// fourSpaces lays the file out as sops does without a setting.
func fourSpaces(t *testing.T, data []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, sealing.ConfigName)
	recipient := regexp.MustCompile(`age1[a-z0-9]+`).Find(data)
	write(t, config, "stores: {yaml: {indent: 4}}\ncreation_rules:\n- {encrypted_regex: '^(data|stringData)$', mac_only_encrypted: true, age: "+string(recipient)+"}\n")
	rule, err := sealing.RuleFrom(config, filepath.Join(dir, "secret.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	out := seal(t, "secret.yaml", rule)
	if !bytes.Contains(out, []byte("\n    token:")) {
		t.Fatalf("indent of stores was not used:\n%s", out)
	}
	return out
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// changed names the keys of the lines that differ.
func changed(t *testing.T, before, after []byte) []string {
	t.Helper()
	a, b := strings.Split(string(before), "\n"), strings.Split(string(after), "\n")
	if len(a) != len(b) {
		t.Fatalf("%d lines became %d", len(a), len(b))
	}
	var keys []string
	for i := range a {
		if a[i] != b[i] {
			keys = append(keys, strings.Trim(strings.SplitN(a[i], ":", 2)[0], " \t\""))
		}
	}
	return keys
}

// TestSetValueInData: what stands in data is base64 before it is encrypted, and the caller need not know.
func TestSetValueInData(t *testing.T) {
	const fixtures = "../sopsfile/testdata/"
	before, err := os.ReadFile(fixtures + "data.yaml")
	if err != nil {
		t.Fatal(err)
	}
	withKeys(t)
	t.Setenv("SOPS_AGE_KEY_FILE", fixtures+"fixture-key/age.key")
	after, err := sealing.SetValue("data.yaml", before, "token", "second value", now)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"token", "lastmodified", "mac"}, changed(t, before, after)); d != "" {
		t.Errorf("lines that differ, -want, +got\n%s", d)
	}
	got, err := sealing.Decrypt("data.yaml", after)
	if err != nil || got["token"] != "second value" {
		t.Errorf("got %q, %v", got["token"], err)
	}
}

func TestSetValueRefuses(t *testing.T) {
	key := newKey(t)
	withKeys(t, key)
	data := seal(t, "secret.yaml", ruleFor(t, key))
	if _, err := sealing.SetValue("secret.yaml", data, "token", "first value", now); !errors.Is(err, sealing.ErrSameValue) {
		t.Errorf("the same value: got %v", err)
	}
	if _, err := sealing.SetValue("secret.yaml", data, "other", "x", now); err == nil || err.Error() != "has no such key" {
		t.Errorf("another key: got %v", err)
	}
}

func TestUpdateRecipients(t *testing.T) {
	first, second := newKey(t), newKey(t)
	withKeys(t, first)
	before := seal(t, "secret.yaml", ruleFor(t, first))
	after, change, err := sealing.UpdateRecipients("secret.yaml", before, ruleFor(t, first, second))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sealing.Change{Added: []string{second.Recipient().String()}}, change); d != "" {
		t.Errorf("change, -want, +got\n%s", d)
	}
	for _, line := range []string{"  token: ENC", "  note: ENC", "  mac: ENC", "  lastmodified: "} {
		if !bytes.Equal(lineOf(before, line), lineOf(after, line)) {
			t.Errorf("the line %q changed", line)
		}
	}
	withKeys(t, second)
	if _, err := sealing.Decrypt("secret.yaml", after); err != nil {
		t.Errorf("the new recipient: %v", err)
	}
	again, change, err := sealing.UpdateRecipients("secret.yaml", after, ruleFor(t, second, first))
	if err != nil || !bytes.Equal(again, after) || len(change.Added)+len(change.Removed) > 0 {
		t.Errorf("the same recipients in another order: %v, %+v", err, change)
	}
	removed, change, err := sealing.UpdateRecipients("secret.yaml", after, ruleFor(t, second))
	if d := cmp.Diff([]string{first.Recipient().String()}, change.Removed); err != nil || d != "" {
		t.Errorf("removed: %v\n-want, +got\n%s", err, d)
	}
	withKeys(t, first)
	if _, err := sealing.Decrypt("secret.yaml", removed); err == nil {
		t.Error("the removed recipient can decrypt it still")
	}
}

func lineOf(data []byte, start string) []byte {
	i := bytes.Index(data, []byte("\n"+start))
	line, _, _ := bytes.Cut(data[i+1:], []byte("\n"))
	return line
}

// TestShamir: one key of each of two groups.
func TestShamir(t *testing.T) {
	first, second := newKey(t), newKey(t)
	dir := t.TempDir()
	config := filepath.Join(dir, sealing.ConfigName)
	write(t, config, "creation_rules:\n- encrypted_regex: ^(data|stringData)$\n  mac_only_encrypted: true\n  shamir_threshold: 2\n  key_groups:\n  - age: ["+
		first.Recipient().String()+"]\n  - age: ["+second.Recipient().String()+"]\n")
	rule, err := sealing.RuleFrom(config, filepath.Join(dir, "secret.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	data := seal(t, "secret.yaml", rule)
	withKeys(t, first, second)
	if _, err := sealing.Decrypt("secret.yaml", data); err != nil {
		t.Error(err)
	}
	withKeys(t, first)
	if _, err := sealing.Decrypt("secret.yaml", data); err == nil || !strings.Contains(err.Error(), "it takes keys of 2 of its 2 groups") {
		t.Errorf("one key of two: got %v", err)
	}
}

// TestErrors: each says the place or the cause, and none quotes a value.
func TestErrors(t *testing.T) {
	const canary = "oops-a-value"
	key := newKey(t)
	sealed := string(seal(t, "secret.yaml", ruleFor(t, key)))
	otherMAC := string(lineOf(seal(t, "secret.yaml", ruleFor(t, key)), "  mac: "))
	for _, tt := range []struct{ reason, data, want string }{
		{"a plain value", strings.Replace(sealed, "stringData:\n", "stringData:\n  a0: "+canary+"\n", 1), "[RI0402]"},
		{"plain text behind the bracket", regexp.MustCompile(`(?m)^(  token: .*)$`).ReplaceAllString(sealed, "${1}"+canary), "[RI0412]"},
		{"no sops block", sealed[:strings.Index(sealed, "sops:")], "[RI0406]"},
		{"a renamed key", strings.Replace(sealed, "  token:", "  other:", 1), "stringData[other] must be the ciphertext that was written for this place"},
		{"a removed value", regexp.MustCompile(`(?m)^  note: .*\n`).ReplaceAllString(sealed, ""), "must match its MAC; an encrypted value was removed"},
		{"another MAC", strings.Replace(sealed, string(lineOf([]byte(sealed), "  mac: ")), otherMAC, 1), "must have the MAC that was written with it"},
		{"another time", strings.Replace(sealed, "2026-11-25T10:30:00Z", "2026-11-25T10:30:01Z", 1), "must have the MAC that was written with it"},
		{"no time", strings.Replace(sealed, "2026-11-25T10:30:00Z", canary, 1), "[RI0406]"},
		{"a sops block of another form", strings.Replace(sealed, "  version: ", "  shamir_threshold: ["+canary+"]\n  version: ", 1), "must have a sops block that sops can read"},
		{"the type bytes", strings.Replace(sealed, "type:str]\n  token", "type:bytes]\n  token", 1), "stringData[note] must be the ciphertext"},
		{"a comment in plain text", strings.Replace(sealed, "stringData:\n", "stringData:\n  # "+canary+"\n", 1), ""},
		{"metadata may change", strings.Replace(sealed, "  namespace:", "  labels: {a: b}\n  namespace:", 1), ""},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			withKeys(t, key)
			_, err := sealing.Decrypt("secret.yaml", []byte(tt.data))
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want none", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			case err != nil && strings.Contains(err.Error(), canary):
				t.Errorf("the error quotes the value: %v", err)
			}
		})
	}
}

func TestNoKey(t *testing.T) {
	key := newKey(t)
	data := seal(t, "secret.yaml", ruleFor(t, key))
	withKeys(t, newKey(t))
	t.Setenv("SOPS_AGE_KEY_FILE", filepath.Join(t.TempDir(), "absent"))
	_, err := sealing.Decrypt("secret.yaml", data)
	if err == nil {
		t.Fatal("another key decrypts it")
	}
	for _, part := range []string{
		"cannot be decrypted with the keys at hand", "age " + key.Recipient().String(),
		"SOPS_AGE_KEY (set)", "SOPS_AGE_KEY_FILE (set, and leads to no file)", "SOPS_AGE_KEY_CMD (not set)", "sops/age/keys.txt",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want %q in it", err, part)
		}
	}
	if strings.Contains(strings.ToUpper(err.Error()), "AGE-SECRET-KEY") {
		t.Error("the error quotes the identity")
	}
}
