// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/redact"
)

func seedOf(t *testing.T, prefix nkeys.PrefixByte) string {
	t.Helper()
	pair, err := nkeys.CreatePair(prefix)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return string(seed)
}

// TestSeeds: a user's seed and nothing else, and no message has a part of it.
func TestSeeds(t *testing.T) {
	seed := seedOf(t, nkeys.PrefixByteUser)
	other := byte('A')
	if seed[30] == other {
		other = 'B'
	}
	for _, tt := range []struct{ reason, value, problem string }{
		{"a user's", seed, ""},
		{"an account's", seedOf(t, nkeys.PrefixByteAccount), "must be the seed of a user, which begins with SU, and is that of an account"},
		{"an operator's", seedOf(t, nkeys.PrefixByteOperator), "that of an operator"},
		{"a server's", seedOf(t, nkeys.PrefixByteServer), "that of a server"},
		{"the public key", publicKey(seed), "is a public key"},
		{"nothing", "", "must not be empty"},
		{"cut", seed[:57], "has 57 characters"},
		{"with a line end", seed + "\n", "must not begin or end with"},
		{"twice", seed + seed, "has 116 characters"},
		{"a wrong character", seed[:30] + string(other) + seed[31:], "with a valid checksum"},
		{"small letters", strings.ToLower(seed), "with a valid checksum"},
		{"another thing of that length", strings.Repeat("ab", 29), "with a valid checksum"},
	} {
		_, err := checkSeed(tt.value, time.Time{})
		problem := ""
		if err != nil {
			problem = err.Error()
		}
		if !contains(problem, tt.problem) {
			t.Errorf("%s: got %q, want %q", tt.reason, problem, tt.problem)
		}
		if len(tt.value) > 8 && strings.Contains(problem, tt.value[2:8]) {
			t.Errorf("%s: the value is quoted", tt.reason)
		}
	}
}

func TestNewSeed(t *testing.T) {
	one, err := newSeed()
	if err != nil {
		t.Fatal(err)
	}
	two, _ := newSeed()
	if _, err := checkSeed(one, time.Time{}); err != nil || one == two {
		t.Errorf("%v; the same twice: %t", err, one == two)
	}
	if kind, found := redact.Find("x" + one); !found || kind != redact.NKeySeed {
		t.Error("a seed would be printed")
	}
	if publicKey(seedOf(t, nkeys.PrefixByteAccount)) != "" || publicKey("x") != "" {
		t.Error("what is no user's seed has a public key")
	}
}

func TestCreds(t *testing.T) {
	now := time.Date(2026, 11, 25, 10, 30, 0, 0, time.UTC)
	a, b := seedOf(t, nkeys.PrefixByteUser), seedOf(t, nkeys.PrefixByteUser)
	file := func(of, seed string, end time.Time) string {
		t.Helper()
		data, err := credsFile(of, seed, end)
		if err != nil {
			t.Fatal(err)
		}
		return trim(data)
	}
	good := file(a, a, now.Add(time.Second))
	half := strings.Index(good, "-----BEGIN USER NKEY SEED-----")
	for _, tt := range []struct{ reason, value, problem, warning string }{
		{"in order", good, "", ""},
		{"ends now", file(a, a, now), "must not be past its time: the JWT ended at 2026-11-25T10:30:00Z", ""},
		{"without an end", file(a, a, time.Time{}), "", "without an end"},
		{"the seed of another", file(a, b, now.Add(time.Hour)), "has the seed of another user", ""},
		{"no seed", good[:half], "has no such seed", ""},
		{"no JWT", good[half:], "has no such JWT", ""},
		{"a seed", a, "has no such JWT", ""},
		{"nothing", "", "must not be empty", ""},
		{"a JWT that was changed", strings.Replace(good, ".ey", ".eyJ", 1), "with a valid signature", ""},
	} {
		warning, err := checkCreds(tt.value, now)
		problem := ""
		if err != nil {
			problem = err.Error()
		}
		if !contains(problem, tt.problem) || !contains(warning, tt.warning) {
			t.Errorf("%s: got problem %q, warning %q", tt.reason, problem, warning)
		}
		if strings.Contains(problem+warning, a[2:10]) || strings.Contains(problem, "eyJ") {
			t.Errorf("%s: the value is quoted", tt.reason)
		}
	}
}

// natsProject has a bridge with these public keys and a file of the spec with that text.
func natsProject(t *testing.T, text string, keys ...string) *project {
	t.Helper()
	p := projectOf(t)
	p.credentials = []credential{{
		Role: generators.Role{Name: "nats", Credential: v1alpha1.Credential{Name: "restate-nats", Key: "nats.nk"}, Namespaces: []string{"restate"}},
		kind: kindNKey, public: &keyList{bridgeKeys, keys},
	}}
	p.needs = needs(p.credentials)
	if err := os.WriteFile(filepath.Join(p.dir, p.base), []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestEditSpecByHand: when the Secret is there and the spec cannot be written any more, the user learns what to add.
func TestEditSpecByHand(t *testing.T) {
	const text = specHead + "spec:\n  nats:\n    bridge: {}\n"
	seed := seedOf(t, nkeys.PrefixByteUser)
	for _, tt := range []struct {
		reason string
		spoil  func(file string) error
	}{
		{"it is gone", os.Remove},
		{"it was changed into what cannot be edited", func(file string) error { return os.WriteFile(file, []byte("x: &a 1\n"), 0o600) }},
	} {
		p := natsProject(t, text)
		edits, err := p.adds(map[string]string{"nats": seed})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.edited(edits); err != nil {
			t.Fatal(err)
		}
		if err := tt.spoil(filepath.Join(p.dir, p.base)); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		err = p.editSpec(IO{Err: &stderr}, edits)
		if err == nil || !strings.Contains(stderr.String(), "add to spec.nats.bridge.publicKeys: "+publicKey(seed)+"\n") || strings.Contains(stderr.String(), seed) {
			t.Errorf("%s: %v\n%s", tt.reason, err, &stderr)
		}
	}
}

// TestEditSpecTakesNewText: what was changed while the value was typed is not lost, and the mode stays.
func TestEditSpecTakesNewText(t *testing.T) {
	p := natsProject(t, specHead+"spec:\n  nats:\n    bridge: {}\n")
	file := filepath.Join(p.dir, p.base)
	seed := seedOf(t, nkeys.PrefixByteUser)
	edits, err := p.adds(map[string]string{"nats": seed})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(specHead+"# new\nspec:\n  nats:\n    bridge: {}\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := p.editSpec(IO{Err: &bytes.Buffer{}}, edits); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if want := specHead + "# new\nspec:\n  nats:\n    bridge: {publicKeys: [" + publicKey(seed) + "]}\n"; err != nil || string(data) != want {
		t.Errorf("%v\n%s", err, data)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
}

// TestAddsOfOthers: a seed whose public key stands with another user is refused, whether that came first or comes later.
func TestAddsOfOthers(t *testing.T) {
	seed := seedOf(t, nkeys.PrefixByteUser)
	for _, order := range [][]string{{"nats", "orders"}, {"orders", "nats"}} {
		p := natsProject(t, "")
		first := p.credentials[0]
		first.Name, first.public = order[0], &keyList{path: bridgeKeys, keys: []string{publicKey(seed)}}
		second := p.credentials[0]
		second.Name = order[1]
		for _, list := range [][]credential{{first, second}, {second, first}} {
			p.credentials = list
			if _, err := p.adds(map[string]string{order[1]: seed}); err == nil || strings.Contains(err.Error(), seed) {
				t.Errorf("%v: got %v", order, err)
			}
		}
		if _, err := p.adds(map[string]string{order[0]: seed}); err != nil {
			t.Errorf("its own: %v", err)
		}
	}
}
