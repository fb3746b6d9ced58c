// SPDX-License-Identifier: Apache-2.0

package source

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// walker holds a plain tree against the type that it will be decoded into.
type walker struct {
	doc Document
	ds  []diag.Diagnostic
}

func (w *walker) problem(code diag.Code, path *field.Path, value, hint, format string, args ...any) {
	w.ds = append(w.ds, diag.Diagnostic{Code: code, Path: path.String(), Value: value, Hint: hint, Message: fmt.Sprintf(format, args...)})
}

// unfit reports a value that cannot be read and leaves it out of what is decoded.
func (w *walker) unfit(code diag.Code, path *field.Path, n *yaml.Node, value, hint, format string, args ...any) {
	w.problem(code, path, value, hint, format, args...)
	w.doc.unread[path.String()] = true
	*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line, Column: n.Column}
}

// enum is a string type that knows its values.
type enum interface{ Values() []string }

func (w *walker) walk(path *field.Path, n *yaml.Node, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if path != nil {
		w.doc.order[path.String()] = len(w.doc.order)
	}
	if n.ShortTag() == "!!null" {
		return // null means not set, for every type
	}
	if check, found := special[t]; found {
		w.special(path, n, check)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		w.structure(path, n, t)
	case reflect.Map:
		w.mapping(path, n, t)
	case reflect.Slice:
		w.list(path, n, t)
	default:
		w.scalar(path, n, t)
	}
}

// kind reports whether the node has the kind, and says so when it has not.
func (w *walker) kind(path *field.Path, n *yaml.Node, kind yaml.Kind, want string) bool {
	if n.Kind == kind {
		return true
	}
	if w.secrets(path, n); !isNull(n) { // a secret was taken out
		w.unfit(diag.WrongType, path, n, "", "", "must be %s, not %s", want, kindName(n))
	}
	return false
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	}
	return "text"
}

func (w *walker) structure(path *field.Path, n *yaml.Node, t reflect.Type) {
	if !w.kind(path, n, yaml.MappingNode, "a map") {
		return
	}
	fields := map[string]reflect.Type{}
	collect(t, fields)
	w.pairs(path, n, fieldOf, func(child *field.Path, key, val *yaml.Node) {
		if ft, known := fields[key.Value]; known {
			w.walk(child, val, ft)
			return
		}
		names := make([]string, 0, len(fields))
		for name := range fields {
			names = append(names, name)
		}
		w.doc.order[child.String()] = len(w.doc.order)
		w.problem(diag.UnknownField, child, "", suggest(key.Value, names, "allowed are "), "is not a field")
		w.secrets(child, val)
	})
	w.required(path, n, t)
}

// required reports fields of Kubernetes' own types that must be there: those whose tag does not let them be left out, as the
// generator of CRDs has it. Fields of our types are the business of generators.Resolve, which says what belongs into them.
func (w *walker) required(path *field.Path, n *yaml.Node, t reflect.Type) {
	if !strings.HasPrefix(t.PkgPath(), "k8s.io/") {
		return
	}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" || strings.Contains(options, "omit") {
			continue
		}
		if child := path.Child(name); !present(n, name) && !w.doc.unread[child.String()] {
			w.problem(diag.Required, child, "", "", "must be set")
		}
	}
}

func present(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return !isNull(n.Content[i+1])
		}
	}
	return false
}

// collect gathers the JSON names of a struct, those of embedded structs included.
func collect(t reflect.Type, into map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported() || name == "-":
		case name == "" && (f.Anonymous || strings.Contains(options, "inline")):
			collect(f.Type, into)
		case name != "":
			into[name] = f.Type
		}
	}
}

// fieldOf and entryOf are the paths of a struct's field and of a map's entry.
func fieldOf(path *field.Path, name string) *field.Path { return path.Child(name) }

func entryOf(path *field.Path, key string) *field.Path { return path.Key(key) }

// pairs calls do for each key that stands once and is text, with the path that of makes.
func (w *walker) pairs(path *field.Path, n *yaml.Node, of func(*field.Path, string) *field.Path, do func(child *field.Path, key, value *yaml.Node)) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			w.problem(diag.WrongType, path, "", "", "must have keys that are text")
			continue
		}
		if kind, found := redact.Find(key.Value); found {
			w.problem(diag.SecretInSpec, of(path, redact.Mask), "", secretHint, "must not hold %s", string(kind))
			w.secrets(of(path, redact.Mask), n.Content[i+1])
			n.Content = slices.Delete(n.Content, i, i+2)
			i -= 2
			continue
		}
		child := of(path, redact.Text(key.Value))
		if seen[key.Value] {
			w.problem(diag.DuplicateKey, child, "", "remove one of the two", "must stand once")
			w.secrets(child, n.Content[i+1])
			n.Content = slices.Delete(n.Content, i, i+2) // the first counts for the findings behind
			i -= 2
			continue
		}
		seen[key.Value] = true
		do(child, key, n.Content[i+1])
	}
}

func (w *walker) mapping(path *field.Path, n *yaml.Node, t reflect.Type) {
	if !w.kind(path, n, yaml.MappingNode, "a map") {
		return
	}
	w.pairs(path, n, entryOf, func(child *field.Path, _, val *yaml.Node) {
		w.walk(child, val, t.Elem())
	})
}

func (w *walker) list(path *field.Path, n *yaml.Node, t reflect.Type) {
	if !w.kind(path, n, yaml.SequenceNode, "a list") {
		return
	}
	for i, c := range n.Content {
		w.walk(path.Index(i), c, t.Elem())
	}
}

func (w *walker) scalar(path *field.Path, n *yaml.Node, t reflect.Type) {
	if n.Kind != yaml.ScalarNode {
		w.secrets(path, n)
		w.unfit(diag.WrongType, path, n, "", "", "must be %s, not %s", scalarName(t), kindName(n))
		return
	}
	if w.secret(path, n) {
		return
	}
	tag := n.ShortTag()
	switch t.Kind() {
	case reflect.String:
		w.text(path, n, t)
	case reflect.Bool:
		if tag != "!!bool" {
			w.unfit(diag.WrongType, path, n, n.Value, "write true or false", "must be true or false")
		}
	case reflect.Int32, reflect.Int64, reflect.Int:
		w.integer(path, n, t)
	default:
		w.unfit(diag.WrongType, path, n, "", "", "has a type that cannot be read")
	}
}

func scalarName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	}
	return "a number"
}

func (w *walker) text(path *field.Path, n *yaml.Node, t reflect.Type) {
	if tag := n.ShortTag(); tag != "!!str" && tag != "!!timestamp" {
		w.unfit(diag.WrongType, path, n, "", "put it into quotes", "must be text, not %s", kindName(n))
		return
	}
	e, ok := reflect.Zero(t).Interface().(enum)
	if !ok || n.Value == "" || slices.Contains(e.Values(), n.Value) {
		return
	}
	w.unfit(diag.UnknownValue, path, n, n.Value, suggest(n.Value, e.Values(), ""), "must be one of %s", strings.Join(e.Values(), ", "))
}

func (w *walker) integer(path *field.Path, n *yaml.Node, t reflect.Type) {
	var i int64
	if n.ShortTag() != "!!int" || n.Decode(&i) != nil {
		w.unfit(diag.WrongType, path, n, n.Value, "", "must be a whole number")
		return
	}
	if reflect.Zero(t).OverflowInt(i) {
		w.unfit(diag.OutOfRange, path, n, strconv.FormatInt(i, 10), "", "must fit into 32 bits")
	}
}

// special handles the types that read themselves from JSON.
func (w *walker) special(path *field.Path, n *yaml.Node, check specialType) {
	if w.secrets(path, n); isNull(n) {
		return
	}
	if n.Kind != yaml.ScalarNode {
		if !check.mapping {
			w.unfit(diag.WrongType, path, n, "", "", "must be %s, not %s", check.want, kindName(n))
		}
		return
	}
	raw, err := json.Marshal(scalar(n))
	if check.quoted && n.ShortTag() == "!!float" {
		w.unfit(check.code, path, n, "", "put it into quotes", "must be %s", check.want)
		return
	}
	if err != nil || check.parse == nil || check.parse(raw) != nil {
		w.unfit(check.code, path, n, "", "", "must be %s", check.want) // the error itself would quote the value
	}
}

// secret reports secret material in a value, by place and kind, and takes it out of the tree: nothing behind gets to see it.
func (w *walker) secret(path *field.Path, n *yaml.Node) bool {
	kind, found := redact.Find(n.Value)
	if found {
		w.unfit(diag.SecretInSpec, path, n, "", secretHint, "must not hold %s", string(kind))
	}
	return found
}

const secretHint = "remove it, rotate it, and refer to an encrypted Secret by name"

// secrets scans what is not walked further: behind an unknown field, of a wrong type, or of a type that reads itself.
func (w *walker) secrets(path *field.Path, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		w.secret(path, n)
		return
	}
	for _, c := range n.Content {
		w.secrets(path, c)
	}
}
