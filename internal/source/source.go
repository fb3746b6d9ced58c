// SPDX-License-Identifier: Apache-2.0

// Package source reads a YAML document into a Go struct and reports everything that does not fit, all at once and with field
// paths: unknown fields, duplicate keys, wrong types, values that are not allowed, and secrets.
//
// The decoders that the field uses stop at the first wrong type, or quote the value that they could not read. So the document
// is first walked next to the type that it will be decoded into; only a document without a finding is decoded.
package source

import (
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// Limits of a document. They keep a hostile one from costing more than it is worth.
const (
	maxDepth = 100
	maxNodes = 100_000
)

// Document is what is known of a document besides the struct that it was read into.
type Document struct {
	// order is the position of each field path.
	order map[string]int
	// unread holds the paths whose values did not fit and were left out.
	unread map[string]bool
}

// Read decodes the mapping node into the struct that into points to. What does not fit is reported and left out, so that the
// rest can be checked as well: the user wants to see everything at once.
func Read(node *yaml.Node, into any) (Document, []diag.Diagnostic) {
	doc := Document{order: map[string]int{}, unread: map[string]bool{}}
	tree, problem := plain(node)
	if problem != nil {
		return doc, []diag.Diagnostic{*problem}
	}
	w := &walker{doc: doc}
	w.walk(nil, tree, reflect.TypeOf(into).Elem())
	if err := decode(tree, into); err != nil {
		// The walk knows every type of the API; a type that it lets through by mistake ends here, without its value.
		w.problem(diag.WrongType, field.NewPath("spec"), "", "", "must have the types that the reference gives")
	}
	return doc, w.ds
}

// decode goes through the converter that Kubernetes clients use, not through encoding/json: that one prepares itself for every
// type that a pod could hold, which costs more than all the rest of a short process.
func decode(tree *yaml.Node, into any) error {
	fields, ok := value(tree).(map[string]any)
	if !ok {
		return nil // the walk has said so
	}
	return runtime.DefaultUnstructuredConverter.FromUnstructured(fields, into)
}

// Sort puts findings into the order of the document; those without a path come first, and equal ones keep their order.
func (d Document) Sort(ds []diag.Diagnostic) {
	slices.SortStableFunc(ds, func(a, b diag.Diagnostic) int { return d.position(a.Path) - d.position(b.Path) })
}

// position is that of the path, or of the nearest parent that the document has.
func (d Document) position(path string) int {
	for path != "" {
		if p, found := d.order[path]; found {
			return p
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return -1
}

// UnreadBelow reports whether a value inside of the one at the path was left out.
func (d Document) UnreadBelow(path string) bool {
	for unread := range d.unread {
		if strings.HasPrefix(unread, path+".") || strings.HasPrefix(unread, path+"[") {
			return true
		}
	}
	return false
}

// Unread reports whether the value at the path was left out, or one that it lies in.
func (d Document) Unread(path string) bool {
	for path != "" {
		if d.unread[path] {
			return true
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return false
}
