// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// gitops is the field manager of a tool that never forces: what it cannot apply is a conflict that somebody must solve by hand.
const gitops = "gitops"

// TestEnvironmentsApply applies the base of examples/environments, each overlay over it, and takes it away again. Every render is applied
// twice: there is no conflict, and the second time nothing changes. That real kustomize makes these specs is for test/hosts to say.
func TestEnvironmentsApply(t *testing.T) {
	folder := filepath.Join(root, "examples", "environments")
	base := readYAML(t, filepath.Join(folder, "base", "integration.yaml"))
	overlays, err := filepath.Glob(filepath.Join(folder, "overlays", "*", "kustomization.yaml"))
	if err != nil || len(overlays) < 3 {
		t.Fatalf("overlays %q: %v", overlays, err)
	}
	for _, file := range overlays {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			applied := server.step(t, nil, base)
			spec := overlaid(t, base, file)
			applied = server.step(t, applied, spec)
			if mode, _, _ := unstructured.NestedString(spec, "spec", "tunnel", "mode"); mode == "Standalone" {
				server.retained(t, applied, base) // the operator's tunnel of the base, which nothing yields any more
			}
			server.takeAway(t, applied, spec)
		})
	}
}

func readYAML(t *testing.T, file string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := yaml.Unmarshal(text, &out); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return out
}

// overlaid is the base with the overlay's patches, which are merges of a custom resource.
func overlaid(t *testing.T, base map[string]any, file string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var kustomization struct { // strictly, so that nothing that the overlay says is left out
		metav1.TypeMeta
		Resources, Transformers []string
		Patches                 []struct{ Patch string }
	}
	if err := yaml.UnmarshalStrict(text, &kustomization); err != nil || len(kustomization.Patches) == 0 {
		t.Fatalf("%s: %v, with %d patches", file, err, len(kustomization.Patches))
	}
	for _, p := range kustomization.Patches {
		var patch map[string]any
		if err := yaml.Unmarshal([]byte(p.Patch), &patch); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		base = mergeMaps(base, patch)
	}
	return base
}

// mergeMaps is a JSON merge patch (RFC 7386).
func mergeMaps(base, patch map[string]any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, base)
	for key, value := range patch {
		below, isMap := value.(map[string]any)
		had, _ := base[key].(map[string]any)
		switch {
		case value == nil:
			delete(out, key)
		case isMap:
			out[key] = mergeMaps(had, below)
		default:
			out[key] = value
		}
	}
	return out
}

// step renders a spec, applies it twice as a tool that never forces, and deletes what it does not have any more.
func (j *judge) step(t *testing.T, before []*unstructured.Unstructured, spec map[string]any) []*unstructured.Unstructured {
	t.Helper()
	objects := j.known(t, renderSpec(t, spec))
	j.namespaces(t, objects, "restricted")
	versions := map[string]string{}
	for range 2 {
		for _, o := range j.known(t, renderSpec(t, spec)) {
			got, err := j.applyAs(t.Context(), o, gitops, false)
			if err != nil {
				t.Errorf("%s: %v", describe(o), err)
				continue
			}
			if first, again := versions[describe(o)]; again && got.GetResourceVersion() != first {
				t.Errorf("%s: applying it again changes it", describe(o))
			}
			versions[describe(o)] = got.GetResourceVersion()
		}
	}
	for _, o := range before {
		if _, stays := versions[describe(o)]; !stays && !protected(o) {
			j.remove(t, o)
		}
	}
	return objects
}

func renderSpec(t *testing.T, spec map[string]any) []*unstructured.Unstructured {
	t.Helper()
	list, err := yaml.Marshal(map[string]any{"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": []any{}, "functionConfig": spec})
	if err != nil {
		t.Fatal(err)
	}
	return render(t, string(list))
}

// protection keeps each tool from deleting an object.
var protection = map[string]string{
	"argocd.argoproj.io/sync-options": "Prune=false", "kustomize.toolkit.fluxcd.io/prune": "disabled", "client.lifecycle.config.k8s.io/deletion": "detach",
}

func protected(o *unstructured.Unstructured) bool {
	return o.GetAnnotations()["argocd.argoproj.io/sync-options"] == protection["argocd.argoproj.io/sync-options"]
}

// retained: what a spec does not yield any more is still there, protected from every tool. It is deleted by hand.
func (j *judge) retained(t *testing.T, applied []*unstructured.Unstructured, before map[string]any) {
	t.Helper()
	for _, o := range j.known(t, renderSpec(t, before)) {
		if !protected(o) || slices.ContainsFunc(applied, func(a *unstructured.Unstructured) bool { return describe(a) == describe(o) }) {
			continue
		}
		live := j.live(t, o)
		if live == nil {
			t.Errorf("%s is gone", describe(o))
			continue
		}
		for key, value := range protection {
			if live.GetAnnotations()[key] != value {
				t.Errorf("%s: %s is %q", describe(o), key, live.GetAnnotations()[key])
			}
		}
		j.remove(t, o)
	}
}

// live is the object in the server, nil when there is none.
func (j *judge) live(t *testing.T, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	client, err := j.resource(o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.Get(t.Context(), o.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// takeAway follows docs/runbooks/removal.md: the services first, then the protection, then the rest.
func (j *judge) takeAway(t *testing.T, applied []*unstructured.Unstructured, spec map[string]any) {
	t.Helper()
	withoutServices := mergeMaps(spec, map[string]any{"spec": map[string]any{"services": nil}})
	// What only a Job reads must go with the Job.
	unread := map[string]any{"spec": map[string]any{"credentials": map[string]any{"admin": nil}}}
	left := j.step(t, applied, mergeMaps(withoutServices, unread))
	for _, o := range applied {
		if kind := o.GetKind(); (kind == "RestateDeployment" || kind == "Job") && j.live(t, o) != nil {
			t.Errorf("%s is still there", describe(o))
		}
	}
	left = j.step(t, left, mergeMaps(mergeMaps(withoutServices, unread), map[string]any{"spec": map[string]any{"deletionPolicy": "Delete"}}))
	for _, o := range left {
		for key := range protection {
			if value, found := j.live(t, o).GetAnnotations()[key]; found {
				t.Errorf("%s: %s: %s is still there under deletionPolicy Delete", describe(o), key, value)
			}
		}
	}
	for _, o := range slices.Backward(left) {
		j.remove(t, o)
	}
	for _, o := range applied {
		if o.GetKind() != "Namespace" && j.live(t, o) != nil {
			t.Errorf("%s is left over", describe(o))
		}
	}
}

// TestTwoManagersAgree applies every output as one field manager and, rendered again, as another that does not force: a cluster changes
// hands from kubectl to a GitOps tool, or from one tool to the next, without a conflict. A third that wants something else has one.
func TestTwoManagersAgree(t *testing.T) {
	conflicts := 0
	for _, out := range corpus(t) {
		t.Run(out.name, func(t *testing.T) {
			server.namespaces(t, out.objects, out.podSecurity)
			known := server.known(t, out.objects)
			for _, o := range known {
				t.Cleanup(func() { server.remove(t, o) })
				live, err := server.applyAs(t.Context(), o, "kubectl", true) // a Namespace stays from case to case
				if err != nil {
					t.Errorf("%s: %v", describe(o), err)
					continue
				}
				if _, err := server.applyAs(t.Context(), o, gitops, false); err != nil {
					t.Errorf("%s: a second field manager: %v (-rendered +live)\n%s", describe(o), err, cmp.Diff(floats(t, o), floats(t, live)))
				}
				other := o.DeepCopy()
				other.SetAnnotations(map[string]string{ownedBy: "somebody/else"})
				if _, err := server.applyAs(t.Context(), other, "third", false); err == nil || !strings.Contains(err.Error(), "conflict") {
					t.Errorf("%s: another owner must be a conflict, got %v", describe(o), err)
				} else {
					conflicts++
				}
			}
			server.Warnings.Take() // they are TestEveryOutputIsAccepted's to find
		})
	}
	if conflicts == 0 {
		t.Error("no conflict was seen")
	}
}

// floats is the spec of an object with every number in one type.
func floats(t *testing.T, o *unstructured.Unstructured) any {
	t.Helper()
	raw, err := json.Marshal(o.Object["spec"])
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
