// SPDX-License-Identifier: Apache-2.0

package generators

import (
	gojson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// Patch applies spec.patches in their order. Every finding has the patch's place. Without an error the objects fit together, as checkPatched
// says; one that a patch has changed is a *unstructured.Unstructured from then on, with every field that the patch gave it.
func Patch(m Model, built []Built, patches []v1alpha1.Patch) ([]Built, []diag.Diagnostic) {
	var ds []diag.Diagnostic
	var problems []string
	original, built := built, slices.Clone(built)
	since := map[string]int{} // the patch after which a problem was there
	for i, p := range patches {
		ds = append(ds, patchAll(built, p, specPath.Child("patches").Index(i))...)
		before := since
		since, problems = map[string]int{}, checkPatched(m, original, built)
		for _, problem := range problems {
			since[problem] = i
			if first, was := before[problem]; was {
				since[problem] = first
			}
		}
	}
	if diag.HasError(ds) {
		return built, ds // the patch that is missing may be the other half
	}
	for _, problem := range problems { // what a later patch has mended is none
		ds = append(ds, finding(diag.BrokenByPatch, specPath.Child("patches").Index(since[problem]), "leave it to the spec, or patch what it refers to as well",
			"must leave the objects fitting together: %s", redact.Path(problem)))
	}
	return built, ds
}

func finding(code diag.Code, path *field.Path, hint, format string, args ...any) diag.Diagnostic {
	return diag.Diagnostic{Code: code, Path: path.String(), Hint: hint, Message: fmt.Sprintf(format, args...)}
}

// patchAll applies one patch to every object that it selects.
func patchAll(built []Built, p v1alpha1.Patch, path *field.Path) []diag.Diagnostic {
	if p.Target == (v1alpha1.PatchTarget{}) {
		return []diag.Diagnostic{finding(diag.Required, path.Child("target"), "set kind, name or component", "must select something, or the patch would change every object")}
	}
	c, err := readChange(p.Patch)
	if err != nil {
		return []diag.Diagnostic{finding(diag.BadPatch, path.Child("patch"), "write a mapping to merge, or a list of JSON 6902 operations", "cannot be read: %s", reason(err))}
	}
	if c.secret != "" {
		return []diag.Diagnostic{finding(diag.SecretInSpec, path.Child("patch"), "move it into an encrypted Secret, and rotate it if it was committed", "must not hold %s, behind escapes or not", c.secret)}
	}
	var ds []diag.Diagnostic
	matched := false
	for i, b := range built {
		if !selects(p.Target, b) {
			continue
		}
		matched = true
		out, err := c.apply(b)
		if err != nil {
			ds = append(ds, finding(diag.BadPatch, path.Child("patch"), "", "cannot be applied to %s %s: %s", b.ID().Kind, b.ID().Name, reason(err)))
			continue
		}
		if restartsTunnel(b, out) {
			ds = append(ds, finding(diag.RestartsTunnel, path.Child("patch"), "leave it out, or select other objects by kind", "changes labels or annotations of %s %s, which the operator copies to the tunnel's pods, so that they are made anew", b.ID().Kind, b.ID().Name))
		}
		for _, weakness := range newWeaknesses(b, out) {
			ds = append(ds, finding(diag.WeakerPods, path.Child("patch"), "check that the namespace admits it, and that it is meant", "makes %s %s weaker: %s", b.ID().Kind, b.ID().Name, redact.Path(weakness)))
		}
		built[i] = out
	}
	if !matched {
		ds = append(ds, finding(diag.NoTarget, path.Child("target"), "targets are "+targets(p.Target, built), "must match an object, and matches none"))
	}
	return ds
}

func selects(t v1alpha1.PatchTarget, b Built) bool {
	id := b.ID()
	return (t.Kind == "" || t.Kind == id.Kind) && (t.Name == "" || t.Name == id.Name) && (t.Component == "" || t.Component == b.Component)
}

// targets lists what there is to patch: the names of a kind that there is, else components and kinds.
func targets(t v1alpha1.PatchTarget, built []Built) string {
	var names, named []string
	for _, b := range built {
		names = append(names, b.Component+"/"+b.ID().Kind)
		if b.ID().Kind == t.Kind {
			named = append(named, b.Component+"/"+b.ID().Kind+" "+b.ID().Name)
		}
	}
	if len(named) > 0 {
		names = named
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// change is one of the two forms of a patch.
type change struct {
	merge      []byte
	operations jsonpatch.Patch
	// secret is what was recognised in it. The scan of the spec sees its text, in which an escape may hide a key.
	secret redact.Kind
}

func readChange(text string) (change, error) {
	raw, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return change{}, err
	}
	kind, found := redact.Find(string(raw))
	switch {
	case found:
		return change{secret: kind}, nil
	case severalDocuments(text):
		return change{}, refusal("it must be one document, and the patch of one list entry")
	case slices.Contains([]string{"null", "{}", "[]"}, string(raw)):
		return change{}, refusal("it is empty")
	case strings.HasPrefix(string(raw), "{"):
		return change{merge: raw}, nil
	case !strings.HasPrefix(string(raw), "["):
		return change{}, refusal("it is neither a mapping nor a list")
	}
	operations, err := jsonpatch.DecodePatch(raw)
	if err != nil {
		return change{}, refusal("an operation is no mapping with op, path and value")
	}
	return change{operations: operations}, nil
}

// documentMarker parts the documents of a stream.
var documentMarker = newPattern(`(?m)^(?:---|\.\.\.)(?:\s|$)`)

// severalDocuments: the converter reads the first, and would drop the others without a word.
func severalDocuments(text string) bool {
	n := 0
	for _, part := range documentMarker().Split(text, -1) {
		for line := range strings.Lines(part) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				n++
				break
			}
		}
	}
	return n > 1
}

// apply returns the object with the change.
func (c change) apply(b Built) (Built, error) {
	var after []byte
	var err error
	switch before := toJSON(b.Object); {
	case c.merge == nil:
		after, err = c.operations.Apply(before)
	case builtIn(b):
		after, err = strategicpatch.StrategicMergePatch(before, c.merge, b.typedObject())
	default:
		after, err = jsonpatch.MergePatch(before, c.merge)
	}
	if err != nil {
		return b, err
	}
	return b.patched(after)
}

// builtIn kinds are merged by the keys of their lists, as kubectl does; of others nobody knows the keys.
func builtIn(b Built) bool {
	group := b.ID().Group
	return !strings.Contains(group, ".") || group == "networking.k8s.io"
}

// patched reads the object back. The struct holds what the function knows of a kind, so that links can be checked; the object itself keeps
// fields that the struct has not.
func (b Built) patched(raw []byte) (Built, error) {
	out := b
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(raw); err != nil {
		return b, errAnotherObject // it has no kind
	}
	typed := reflect.New(reflect.TypeOf(b.typedObject()).Elem()).Interface().(Object)
	unknown, err := json.UnmarshalStrict(raw, typed)
	if err == nil && b.wholeStruct() {
		err = errors.Join(unknown...)
	}
	if err != nil {
		return b, err
	}
	out.Object, out.typed = object, typed
	if err := sameObject(b, out); err != nil {
		return b, err
	}
	renamed(b, out)
	return out, nil
}

// wholeStruct reports whether the struct has every field of its kind: those of k8s.io/api do, ours do not.
func (b Built) wholeStruct() bool {
	return strings.HasPrefix(reflect.TypeOf(b.typedObject()).Elem().PkgPath(), "k8s.io/api/")
}

// typedObject is the object as a struct, whether it was patched or not.
func (b Built) typedObject() Object {
	if b.typed != nil {
		return b.typed
	}
	return b.Object
}

const errAnotherObject = refusal("it must not change apiVersion, kind, namespace or name")

// sameObject: what an object is, and whose, is not for a patch to say. Configuration is made from the spec, and pods know it by its digest.
func sameObject(before, after Built) error {
	if before.ID() != after.ID() || before.Object.GetObjectKind().GroupVersionKind() != after.Object.GetObjectKind().GroupVersionKind() {
		return errAnotherObject
	}
	if before.ID().Kind == "ConfigMap" && slices.Contains([]string{gatewayComponent.Name, bridgeComponent.Name}, before.Component) && !equalFields(before, after, "data", "binaryData") {
		return refusal("it must not change data: the configuration is made from the spec")
	}
	return leftToSpec(before, after)
}

// fieldsOf is the object as JSON has it, whatever struct it is in.
func fieldsOf(b Built) map[string]any {
	var tree map[string]any
	_ = json.UnmarshalCaseSensitivePreserveInts(toJSON(b.Object), &tree) // it was written a moment ago
	return tree
}

func toJSON(v any) []byte {
	raw, err := gojson.Marshal(v)
	if err != nil {
		panic(err) // what was built, or read from JSON, always marshals
	}
	return raw
}

func equalFields(before, after Built, names ...string) bool {
	was, is := fieldsOf(before), fieldsOf(after)
	return !slices.ContainsFunc(names, func(name string) bool { return !reflect.DeepEqual(was[name], is[name]) })
}

// hashSuffix ends the name of a Job.
var hashSuffix = newPattern(`[0-9a-f]{8}$`)

// renamed gives a Job with another spec another name, because the spec of a Job cannot be changed. The name follows from the spec alone, and
// a patch of labels runs nothing again.
func renamed(before, after Built) {
	if before.ID().Kind != "Job" || equalFields(before, after, "spec") {
		return
	}
	name := hashSuffix().ReplaceAllString(before.ID().Name, hash8(toJSON(fieldsOf(after)["spec"])))
	after.Object.SetName(name)
	after.typed.SetName(name)
}
