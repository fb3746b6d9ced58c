// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestClientChanges: what stays keeps its place among the keys of its client, and what is shown is what was added.
func TestClientChanges(t *testing.T) {
	both := twoClients
	one := keyFile{{"partner-a", keyA}, {"partner-b", keyC}}
	for _, tt := range []struct {
		reason string
		was    keyFile
		change func(f keyFile) (clientChange, error)
		kept   keyFile
		fresh  []string
		err    string
	}{
		{"rotate all", one, func(f keyFile) (clientChange, error) { return f.rotateKeys(nil) }, one, []string{"partner-a", "partner-b"}, ""},
		{"rotate one", both, func(f keyFile) (clientChange, error) { return f.rotateKeys([]string{"partner-b"}) }, both, []string{"partner-b"}, ""},
		{"rotate one that has two", both, func(f keyFile) (clientChange, error) { return f.rotateKeys([]string{"partner-b", "partner-a"}) }, nil, nil, `has 2; end its rotation first`},
		{"rotate all, of which one has two", both, func(f keyFile) (clientChange, error) { return f.rotateKeys(nil) }, nil, nil, `client "partner-a" before there is another`},
		{"rotate an unknown one", both, func(f keyFile) (clientChange, error) { return f.rotateKeys([]string{"partner-c"}) }, nil, nil, `has no client "partner-c"; it has partner-a, partner-b`},
		{"rotate nobody", keyFile{}, func(f keyFile) (clientChange, error) { return f.rotateKeys(nil) }, nil, nil, "has no client; add one"},
		{"finish all", both, func(f keyFile) (clientChange, error) { return f.finishKeys(nil) }, keyFile{{"partner-a", keyB}, {"partner-b", keyC}}, nil, ""},
		{"finish one", both, func(f keyFile) (clientChange, error) { return f.finishKeys([]string{"partner-a"}) }, keyFile{{"partner-a", keyB}, {"partner-b", keyC}}, nil, ""},
		{
			"finish one of two", append(slices.Clone(both), clientKey{"partner-b", keyD}), func(f keyFile) (clientChange, error) { return f.finishKeys([]string{"partner-b"}) },
			keyFile{{"partner-a", keyA}, {"partner-a", keyB}, {"partner-b", keyD}},
			nil, "",
		},
		{
			"in a file that is not in order",
			keyFile{{"partner-a", keyA}, {"partner-b", keyC}, {"partner-a", keyB}},
			func(f keyFile) (clientChange, error) { return f.finishKeys(nil) },
			keyFile{{"partner-a", keyB}, {"partner-b", keyC}},
			nil, "",
		},
		{"finish what has ended", one, func(f keyFile) (clientChange, error) { return f.finishKeys(nil) }, nil, nil, "each client has 1 key in all"},
		{"finish one that has ended", both, func(f keyFile) (clientChange, error) { return f.finishKeys([]string{"partner-a", "partner-b"}) }, nil, nil, `client "partner-b" has 1 key in all`},
		{"add", both, func(f keyFile) (clientChange, error) { return f.addClients([]string{"z", "a"}) }, both, []string{"a", "z"}, ""},
		{"add to none", keyFile{}, func(f keyFile) (clientChange, error) { return f.addClients([]string{"a"}) }, keyFile{}, []string{"a"}, ""},
		{"add a known one", both, func(f keyFile) (clientChange, error) { return f.addClients([]string{"a", "partner-b"}) }, nil, nil, `must not have client "partner-b" yet`},
		{"remove", both, func(f keyFile) (clientChange, error) { return f.removeClients([]string{"partner-a"}) }, keyFile{{"partner-b", keyC}}, nil, ""},
		{"remove all", both, func(f keyFile) (clientChange, error) { return f.removeClients([]string{"partner-a", "partner-b"}) }, keyFile{}, nil, ""},
		{"remove an unknown one", both, func(f keyFile) (clientChange, error) { return f.removeClients([]string{"partner-a", "c"}) }, nil, nil, `has no client "c"`},
	} {
		before := slices.Clone(tt.was)
		got, err := tt.change(tt.was)
		if !slices.Equal(before, tt.was) {
			t.Errorf("%s: the file that was is changed", tt.reason)
		}
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: got %v, want %q", tt.reason, err, tt.err)
			}
			continue
		}
		if d := cmp.Diff(tt.fresh, got.fresh.clients()); err != nil || d != "" {
			t.Errorf("%s: %v; the new keys (-want, +got):\n%s", tt.reason, err, d)
		}
		want := append(slices.Clone(tt.kept), got.fresh...).sorted()
		if d := cmp.Diff(want, got.next, cmp.AllowUnexported(clientKey{})); d != "" {
			t.Errorf("%s: -want, +got\n%s", tt.reason, d)
		}
		if again, err := readKeyFile(got.next.text()); err != nil || !slices.Equal(again, got.next) {
			t.Errorf("%s: the next file is not what it says: %v", tt.reason, err)
		}
	}
}

var keyD = "rgw_" + strings.Repeat("13579bdf02468ace", 4)

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// TestShowKeys: a key that nobody has seen is no use, so that the user learns what to do.
func TestShowKeys(t *testing.T) {
	var out, errs bytes.Buffer
	if err := showKeys(IO{Out: &out, Err: &errs}, "gateway-keys", "secrets/a.yaml", keyFile{{"a", keyA}, {"b", keyB}}); err != nil {
		t.Fatal(err)
	}
	if want := "gateway-keys a " + keyA + "\ngateway-keys b " + keyB + "\n"; out.String() != want || strings.Contains(errs.String(), keyA) {
		t.Errorf("got %q and %q", &out, &errs)
	}
	err := showKeys(IO{Out: brokenPipe{}, Err: &errs}, "gateway-keys", "secrets/a.yaml", keyFile{{"a", keyA}})
	var unable unableError
	if !errors.As(err, &unable) || !strings.Contains(err.Error(), "secrets/a.yaml is written, and its new keys cannot be shown: broken pipe; take the file back") || strings.Contains(err.Error(), keyA) {
		t.Errorf("got %v", err)
	}
}
