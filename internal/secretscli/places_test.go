// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/generators"
)

// projectOf is a project of roles in an empty directory.
func projectOf(t *testing.T, roles ...generators.Role) *project {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	p := &project{root: root, dir: dir, base: "integration.yaml"}
	for _, role := range roles {
		p.credentials = append(p.credentials, credential{Role: role, kind: role.Name})
	}
	p.needs = needs(p.credentials)
	return p
}

// TestPlaces: one file for each namespace, and no guess which.
func TestPlaces(t *testing.T) {
	for _, tt := range []struct {
		reason     string
		files      []string
		namespaces []string
		want       []string
		err        string
	}{
		{"no entry", nil, []string{"shop"}, []string{"secrets/key.yaml"}, ""},
		{"no entry, several namespaces", nil, []string{"shop", "bill"}, []string{"secrets/key.shop.yaml", "secrets/key.bill.yaml"}, ""},
		{"one entry", []string{"./x//any.yaml"}, []string{"shop"}, []string{"x/any.yaml"}, ""},
		{"by a word of the name", []string{"s/key.bill.yaml", "s/key.shop.yaml"}, []string{"shop", "bill"}, []string{"s/key.shop.yaml", "s/key.bill.yaml"}, ""},
		{"by a directory", []string{"bill/key.yaml", "shop/key.yaml"}, []string{"shop", "bill"}, []string{"shop/key.yaml", "bill/key.yaml"}, ""},
		{"at the end of a word", []string{"s/key-bill.yaml", "s/key-shop.yaml"}, []string{"shop", "bill"}, []string{"s/key-shop.yaml", "s/key-bill.yaml"}, ""},
		{"a part of a word is no word", []string{"s/workshop.yaml", "s/bill.yaml"}, []string{"shop", "bill"}, nil, "one entry of files must have the namespace in its path, such as secrets/key.shop.yaml; 0 have"},
		{"two for one", []string{"a/shop.yaml", "b/shop.yaml"}, []string{"shop", "bill"}, nil, "; 2 have"},
		{"one for two", []string{"shop/bill.yaml"}, []string{"shop", "bill"}, nil, "shop/bill.yaml is that of another namespace"},
		{"out of the directory", []string{"../key.yaml"}, []string{"shop"}, nil, "must be below the directory of the spec"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			p := projectOf(t, generators.Role{Name: "tunnel", Credential: v1alpha1.Credential{Name: "key", Key: "token", Files: tt.files}, Namespaces: tt.namespaces})
			var stderr bytes.Buffer
			targets, err := sealer{project: p, streams: IO{Err: &stderr}}.targets()
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
				return
			}
			var got []string
			for _, target := range targets {
				got = append(got, target.file)
			}
			if d := cmp.Diff(tt.want, got); err != nil || d != "" {
				t.Errorf("%v\n-want, +got\n%s", err, d)
			}
		})
	}
}

// TestNeeds: what several roles read from one Secret is one Secret.
func TestNeeds(t *testing.T) {
	got := needs([]credential{
		{Role: generators.Role{Name: "tunnel", Credential: v1alpha1.Credential{Name: "keys", Key: "full"}, Namespaces: []string{"a"}}},
		{Role: generators.Role{Name: "ingress", Credential: v1alpha1.Credential{Name: "keys", Key: "ingress"}, Namespaces: []string{"a", "b"}}, maker: "External"},
	})
	want := []need{
		{namespace: "a", name: "keys", keys: []needKey{{"tunnel", "full"}, {"ingress", "ingress"}}},
		{namespace: "b", name: "keys", keys: []needKey{{"ingress", "ingress"}}, maker: "External"},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(need{}, needKey{})); d != "" {
		t.Errorf("-want, +got\n%s", d)
	}
}

func TestWrite(t *testing.T) {
	p := projectOf(t)
	mode := func(file string) os.FileMode {
		t.Helper()
		info, err := p.root.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if err := p.write("new/er/file.yaml", []byte("one")); err != nil || mode("new/er/file.yaml") != 0o644 {
		t.Errorf("a new file: %v", err)
	}
	if err := os.Chmod(filepath.Join(p.dir, "new/er/file.yaml"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := p.write("new/er/file.yaml", []byte("two")); err != nil || mode("new/er/file.yaml") != 0o640 {
		t.Errorf("the mode of the old file: %v", err)
	}
	// Where the file cannot be put in place, nothing is left of it.
	if err := os.MkdirAll(filepath.Join(p.dir, "taken.yaml/x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := p.write("taken.yaml", []byte("three")); err == nil || !strings.Contains(err.Error(), "cannot write taken.yaml") {
		t.Errorf("a directory: got %v", err)
	}
	for dir, want := range map[string]int{".": 2, "new/er": 1} {
		entries, err := os.ReadDir(filepath.Join(p.dir, dir))
		if err != nil || len(entries) != want {
			t.Errorf("%s: got %v, %v, want %d", dir, entries, err, want)
		}
	}
}
