// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nkeys"
)

// userKey is a public key that nobody has the seed of.
func userKey(t testing.TB) string {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

const (
	specHead = "apiVersion: restate-integration.dev/v1alpha1\nkind: RestateIntegration\n"
	// jsonHead is the same in a file that is JSON.
	jsonHead = `{"apiVersion": "restate-integration.dev/v1alpha1", "kind": "RestateIntegration", `
)

var bridgeKeys = []string{"spec", "nats", "bridge", "publicKeys"}

// TestKeyList adds a key, then leaves it alone, in every layout. OLD, MID and NEW stand for keys.
func TestKeyList(t *testing.T) {
	for _, tt := range []struct{ reason, before, added, kept string }{
		{
			"lines",
			specHead + "spec: # ours\n  nats:\n    bridge:\n      publicKeys:\n        # the bridge's\n        - OLD # since May\n      replicas:   2\n",
			specHead + "spec: # ours\n  nats:\n    bridge:\n      publicKeys:\n        # the bridge's\n        - OLD # since May\n        - NEW\n      replicas:   2\n",
			specHead + "spec: # ours\n  nats:\n    bridge:\n      publicKeys:\n        # the bridge's\n        - NEW\n      replicas:   2\n",
		},
		{
			"lines that are not indented, in quotes, two of them",
			specHead + "spec:\n nats:\n  bridge:\n   publicKeys:\n   -   \"OLD\"\n   -   \"MID\"\n\n   # next\n   routes: {}\n",
			specHead + "spec:\n nats:\n  bridge:\n   publicKeys:\n   -   \"OLD\"\n   -   \"MID\"\n   -   \"NEW\"\n\n   # next\n   routes: {}\n",
			specHead + "spec:\n nats:\n  bridge:\n   publicKeys:\n   -   \"NEW\"\n\n   # next\n   routes: {}\n",
		},
		{
			"lines at the end of a file without a last line end",
			specHead + "spec: \n  nats:\n    bridge:\n      publicKeys:\n      - OLD",
			specHead + "spec: \n  nats:\n    bridge:\n      publicKeys:\n      - OLD\n      - NEW",
			specHead + "spec: \n  nats:\n    bridge:\n      publicKeys:\n      - NEW",
		},
		{
			"the line ends of Windows",
			strings.ReplaceAll(specHead+"spec:\n  nats:\n    bridge:\n      publicKeys:\n      - OLD # c\n      routes: {}\n", "\n", "\r\n"),
			strings.ReplaceAll(specHead+"spec:\n  nats:\n    bridge:\n      publicKeys:\n      - OLD # c\n      - NEW\n      routes: {}\n", "\n", "\r\n"),
			strings.ReplaceAll(specHead+"spec:\n  nats:\n    bridge:\n      publicKeys:\n      - NEW\n      routes: {}\n", "\n", "\r\n"),
		},
		{
			"brackets, behind characters of several bytes",
			specHead + "spec: {nats: {bridge: {ä: 'größer',  publicKeys: [ OLD ], routes: {}}}} # kept\n",
			specHead + "spec: {nats: {bridge: {ä: 'größer',  publicKeys: [ OLD, NEW ], routes: {}}}} # kept\n",
			specHead + "spec: {nats: {bridge: {ä: 'größer',  publicKeys: [ NEW ], routes: {}}}} # kept\n",
		},
		{
			"three in brackets",
			specHead + "spec: {nats: {bridge: {publicKeys: ['OLD','MID',]}}}\n",
			specHead + "spec: {nats: {bridge: {publicKeys: ['OLD','MID', 'NEW',]}}}\n",
			specHead + "spec: {nats: {bridge: {publicKeys: ['NEW',]}}}\n",
		},
		{
			"brackets over several lines",
			specHead + "spec:\n  nats:\n    bridge:\n      publicKeys: [\n        OLD, # since May\n        MID\n      ]\n",
			specHead + "spec:\n  nats:\n    bridge:\n      publicKeys: [\n        OLD, # since May\n        MID,\n        NEW\n      ]\n",
			specHead + "spec:\n  nats:\n    bridge:\n      publicKeys: [\n        NEW\n      ]\n",
		},
		{
			"empty brackets",
			specHead + "spec:\n  nats:\n    bridge:\n      publicKeys: [] # none yet\n",
			specHead + "spec:\n  nats:\n    bridge:\n      publicKeys: [NEW] # none yet\n", "",
		},
		{
			"nothing behind the colon",
			specHead + "spec:\n  nats:\n    bridge:\n      publicKeys: # none yet\n      routes: {}\n",
			specHead + "spec:\n  nats:\n    bridge:\n      publicKeys: [NEW] # none yet\n      routes: {}\n", "",
		},
		{
			"null",
			specHead + "spec:\n  nats:\n    bridge:\n      publicKeys: ~ # none yet\n      routes: {}\n",
			specHead + "spec:\n  nats:\n    bridge:\n      publicKeys: [NEW] # none yet\n      routes: {}\n", "",
		},
		{
			"no such field",
			specHead + "spec:\n  nats:\n    bridge: # sends\n      # where to\n      routes:\n        a: {}\n    x: 1\n",
			specHead + "spec:\n  nats:\n    bridge: # sends\n      publicKeys: [NEW]\n      # where to\n      routes:\n        a: {}\n    x: 1\n", "",
		},
		{
			"no such field, in braces",
			specHead + "spec:\n  nats: {bridge: {routes: {a: {}}}}\n",
			specHead + "spec:\n  nats: {bridge: {publicKeys: [NEW], routes: {a: {}}}}\n", "",
		},
		{
			"empty braces",
			specHead + "spec:\n  nats: {bridge: {}}\n",
			specHead + "spec:\n  nats: {bridge: {publicKeys: [NEW]}}\n", "",
		},
		{
			"JSON",
			jsonHead + `"spec": {"nats": {"bridge": {"publicKeys": ["OLD"]}}}}`,
			jsonHead + `"spec": {"nats": {"bridge": {"publicKeys": ["OLD", "NEW"]}}}}`,
			jsonHead + `"spec": {"nats": {"bridge": {"publicKeys": ["NEW"]}}}}`,
		},
		{
			"JSON without the field",
			jsonHead + `"spec": {"nats": {"bridge": {"routes": {}}}}}`,
			jsonHead + `"spec": {"nats": {"bridge": {"publicKeys": ["NEW"], "routes": {}}}}}`, "",
		},
		{
			"JSON, null",
			jsonHead + `"spec": {"nats": {"bridge": {"publicKeys": null}}}}`,
			jsonHead + `"spec": {"nats": {"bridge": {"publicKeys": ["NEW"]}}}}`, "",
		},
		{
			"the second of three documents",
			"# first\nkind: Other\nspec: {nats: {bridge: {publicKeys: [x]}}}\n---\n" + specHead + "spec:\n  nats:\n    bridge: {publicKeys: [OLD]}\n---\n# last\n",
			"# first\nkind: Other\nspec: {nats: {bridge: {publicKeys: [x]}}}\n---\n" + specHead + "spec:\n  nats:\n    bridge: {publicKeys: [OLD, NEW]}\n---\n# last\n",
			"# first\nkind: Other\nspec: {nats: {bridge: {publicKeys: [x]}}}\n---\n" + specHead + "spec:\n  nats:\n    bridge: {publicKeys: [NEW]}\n---\n# last\n",
		},
		{
			"the same key twice",
			specHead + "spec:\n  nats:\n    bridge: {publicKeys: [OLD, NEW, NEW]}\n",
			specHead + "spec:\n  nats:\n    bridge: {publicKeys: [OLD, NEW, NEW]}\n",
			specHead + "spec:\n  nats:\n    bridge: {publicKeys: [NEW]}\n",
		},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			newKey := userKey(t)
			names := strings.NewReplacer("OLD", userKey(t), "MID", userKey(t), "NEW", newKey)
			before := names.Replace(tt.before)
			added, err := addKey([]byte(before), bridgeKeys, newKey)
			if d := cmp.Diff(names.Replace(tt.added), string(added)); err != nil || d != "" {
				t.Fatalf("added: %v (-want +got)\n%s", err, d)
			}
			if again, err := addKey(added, bridgeKeys, newKey); err != nil || !bytes.Equal(again, added) {
				t.Errorf("added again: %v\n%s", err, again)
			}
			want := names.Replace(tt.kept)
			if want == "" {
				want = string(added)
			}
			kept, err := keepKey(added, bridgeKeys, newKey)
			if d := cmp.Diff(want, string(kept)); err != nil || d != "" {
				t.Errorf("kept: %v (-want +got)\n%s", err, d)
			}
		})
	}
}

// TestKeyListKeepsAny: every key of a list can be the one that stays, and the rest of the file does.
func TestKeyListKeepsAny(t *testing.T) {
	keys := []string{userKey(t), userKey(t), userKey(t)}
	for _, layout := range []struct {
		reason, before, between, after string
	}{
		{"lines", "publicKeys:\n      - ", "\n      - ", "\n      routes: {}\n"},
		{"lines with comments", "publicKeys:\n      # a\n      - ", " # b\n      # c\n      - ", " # d\n      # e\n      routes: {}\n"},
		{"brackets", "publicKeys: [", ", ", "]\n      routes: {}\n"},
		{"tight brackets", "publicKeys: [", ",", "]\n      routes: {}\n"},
		{"brackets and lines", "publicKeys: [\n  ", ",\n  ", "\n      ]\n      routes: {}\n"},
		{"brackets, lines and comments", "publicKeys: [ # a,\n  ", ", # b,\n  # c\n  ", ", # d\n      ] # e\n      routes: {}\n"},
	} {
		data := specHead + "spec:\n  nats:\n    bridge:\n      " + layout.before + strings.Join(keys, layout.between) + layout.after
		for i, key := range keys {
			got, err := keepKey([]byte(data), bridgeKeys, key)
			if err != nil {
				t.Errorf("%s: %d: %v", layout.reason, i, err)
				continue
			}
			if rest, ok := subsequence(data, string(got)); !ok {
				t.Errorf("%s: %d: %q is not what was there\n%s", layout.reason, i, rest, got)
			}
			if !strings.HasPrefix(string(got), specHead+"spec:\n  nats:\n    bridge:\n      publicKeys:") || !strings.HasSuffix(string(got), "\n      routes: {}\n") {
				t.Errorf("%s: %d: more than the list has changed\n%s", layout.reason, i, got)
			}
		}
	}
}

// subsequence reports whether all of a text stands in another one, in its order, and else what does not.
func subsequence(of, text string) (string, bool) {
	for _, r := range of {
		if text != "" && strings.HasPrefix(text, string(r)) {
			text = text[len(string(r)):]
		}
	}
	return text, text == ""
}

// TestKeyListRefuses: what cannot be changed with certainty stays.
func TestKeyListRefuses(t *testing.T) {
	key, old := userKey(t), userKey(t)
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	other, err := account.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		reason, spec string
		want         error
	}{
		{"an anchor on the list", "spec:\n  nats:\n    bridge:\n      publicKeys: &keys [" + old + "]\n", errLayout},
		{"an alias for the list", "x: &keys [" + old + "]\nspec:\n  nats:\n    bridge:\n      publicKeys: *keys\n", errLayout},
		{"an anchor above", "spec:\n  nats:\n    bridge: &b\n      publicKeys: [" + old + "]\n", errLayout},
		{"a tag on a key", "spec:\n  nats:\n    bridge:\n      publicKeys: [!!str " + old + "]\n", errLayout},
		{"a text of several lines", "spec:\n  nats:\n    bridge:\n      publicKeys:\n      - >-\n        " + old + "\n", errLayout},
		{"an escape", "spec:\n  nats:\n    bridge:\n      publicKeys: [\"\\x55" + old[1:] + "\"]\n", errLayout},
		{"no list", "spec:\n  nats:\n    bridge:\n      publicKeys: {}\n", errLayout},
		{"one text", "spec:\n  nats:\n    bridge:\n      publicKeys: " + old + "\n", errLayout},
		{"the key of an account", "spec:\n  nats:\n    bridge:\n      publicKeys: [" + other + "]\n", errOthers},
		{"something else", "spec:\n  nats:\n    bridge:\n      publicKeys: [" + old + ", x]\n", errOthers},
		{"a field without a colon", "spec: {nats: {bridge: {publicKeys, x: 1}}}\n", errLayout},
		{"no bridge", "spec:\n  nats: {}\n", errLayout},
		{"a line end that only YAML knows", "x: 'a\u2028b'\nspec:\n  nats:\n    bridge:\n      publicKeys:\n      - " + old + "\n", errLayout},
		{"no spec", "", errLayout},
		{"an empty bridge", "spec:\n  nats:\n    bridge:\n", errLayout},
		{"an empty file of ours", "spec:\n", errLayout},
	} {
		data := specHead + tt.spec
		if got, err := addKey([]byte(data), bridgeKeys, key); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v\n%s", tt.reason, err, got)
		}
		if got, err := keepKey([]byte(data), bridgeKeys, key); err == nil {
			t.Errorf("%s: a key that is not there stays\n%s", tt.reason, got)
		}
	}
}

// TestKeyListWithCommasFirst: where a comma stands in the next line, the list stays as it is, or the right key goes.
func TestKeyListWithCommasFirst(t *testing.T) {
	keys := []string{userKey(t), userKey(t)}
	data := specHead + "spec:\n  nats:\n    bridge:\n      publicKeys: [\n  " + strings.Join(keys, " # b,\n  , ") + "\n      ]\n"
	for _, key := range keys {
		got, err := keepKey([]byte(data), bridgeKeys, key)
		if errors.Is(err, errLayout) {
			continue
		}
		if l, again := readList(got, bridgeKeys); err != nil || again != nil || len(l.keys) != 1 || l.keys[0] != key {
			t.Errorf("%v, %v\n%s", err, again, got)
		}
	}
}

// FuzzKeyList: whatever the file, the parser's places are no reason to panic, and what comes out has the key.
func FuzzKeyList(f *testing.F) {
	key, old := userKey(f), userKey(f)
	for _, list := range []string{"publicKeys: [" + old + "]", "publicKeys:\n   - " + old + " # c", "publicKeys:", "routes: {}", "{}", "? a\n   : b"} {
		f.Add([]byte(specHead + "spec:\n nats:\n  bridge:\n   " + list + "\n"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		defer func() {
			if r := recover(); r != nil && !parserPanics(data) {
				t.Fatal(r)
			}
		}()
		got, err := addKey(data, bridgeKeys, key)
		if err != nil {
			return
		}
		if l, err := readList(got, bridgeKeys); err != nil || l.keys[len(l.keys)-1] != key {
			t.Errorf("%v\n%s", err, got)
		}
		if _, err := keepKey(got, bridgeKeys, key); err != nil && !errors.Is(err, errLayout) {
			t.Error(err)
		}
	})
}

// parserPanics is for files that specfile refuses before.
func parserPanics(data []byte) (panics bool) {
	defer func() { panics = recover() != nil }()
	_, _ = documents(data)
	return false
}
