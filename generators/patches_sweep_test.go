// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// pointers are the JSON pointers to every field and entry below a value.
func pointers(at any, prefix string) []string {
	var out []string
	add := func(step string, below any) {
		p := prefix + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(step)
		out = append(append(out, p), pointers(below, p)...)
	}
	switch at := at.(type) {
	case map[string]any:
		for _, key := range sortedKeys(at) {
			add(key, at[key])
		}
	case []any:
		for i, below := range at {
			add(strconv.Itoa(i), below)
		}
	}
	return out
}

// TestPatchSweep takes away, and empties, every field of an object of every kind: what is gone is found missing, and nothing panics.
func TestPatchSweep(t *testing.T) {
	swept, patches, broken := map[string]bool{}, 0, 0
	for _, base := range []string{
		gatewayBase(t), string(merge(t, gatewayBase(t), byIngress)), string(merge(t, gatewayBase(t), sharedGateway)),
		basedOn(t, operatorBase, `{namespace: {create: true}}`), standaloneBase, jobBase(t), bridgeBase(t), refusalBase(t),
	} {
		m, ds := Resolve(spec(t, base), Input{})
		if diag.HasError(ds) {
			t.Fatalf("%q", findings(ds))
		}
		before := Build(m)
		for _, b := range before {
			key := b.Component + "/" + b.ID().Kind
			if swept[key] {
				continue
			}
			swept[key] = true
			target := v1alpha1.PatchTarget{Kind: b.ID().Kind, Name: b.ID().Name, Component: b.Component}
			for _, p := range pointers(fieldsOf(b), "") {
				for _, operation := range []string{"{op: remove, path: %q}", "{op: replace, path: %q, value: []}", "{op: replace, path: %q, value: {}}"} {
					patches++
					if sweep(t, m, before, v1alpha1.Patch{Target: target, Patch: "[" + fmt.Sprintf(operation, p) + "]"}) {
						broken++
					}
				}
			}
		}
	}
	t.Logf("%d kinds, %d of %d patches refused", len(swept), broken, patches)
	if len(swept) < 25 || broken < 1000 {
		t.Errorf("only %d kinds were swept, and %d of %d patches refused", len(swept), broken, patches)
	}
}

// sweep applies one patch and reports whether it was refused.
func sweep(t *testing.T, m Model, before []Built, p v1alpha1.Patch) bool {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s %s: %s: panic: %v", p.Target.Kind, p.Target.Name, p.Patch, r)
		}
	}()
	_, ds := Patch(m, before, []v1alpha1.Patch{p})
	for _, d := range ds {
		wellFormed(t, d)
	}
	return diag.HasError(ds)
}
