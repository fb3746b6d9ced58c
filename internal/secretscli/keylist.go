// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nats-io/nkeys"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// Errors about a list of public keys in the file of the spec.
var (
	errLayout = errors.New("must be a list of public keys in brackets, or of one on each line, without anchors, so that it can be changed and everything else stay as it is")
	errOthers = errors.New("must hold public user nkeys alone before another is added")
	errNoKey  = errors.New("must hold the key that is to stay")
)

// addKey returns the file of the spec with one more public key at the end of the list to which the path leads. All else stays, to the
// byte: the key goes into the text at the place that the parser names, and what comes out is read and compared.
func addKey(data []byte, path []string, key string) ([]byte, error) {
	t, err := readList(data, path)
	if err != nil || slices.Contains(t.keys, key) {
		return data, err
	}
	at, end, text, err := t.insertion(key)
	if err != nil {
		return nil, err
	}
	next := slices.Concat(data[:at], []byte(text), data[end:])
	return next, sameBut(data, next, path, append(slices.Clone(t.keys), key))
}

// keepKey returns the file of the spec with one public key in the list, which must be there. A key goes with its line where it has one
// of its own.
func keepKey(data []byte, path []string, key string) ([]byte, error) {
	next := data
	for {
		t, err := readList(next, path)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(t.keys, key) {
			return nil, errNoKey
		}
		if len(t.keys) == 1 {
			return next, sameBut(data, next, path, t.keys)
		}
		other := slices.IndexFunc(t.keys, func(k string) bool { return k != key })
		if other < 0 {
			other = len(t.keys) - 1 // the same key twice
		}
		start, end, err := t.removal(other)
		if err != nil {
			return nil, err
		}
		next = slices.Concat(next[:start], next[end:])
	}
}

// listText is a list of public keys in the text of the spec.
type listText struct {
	data []byte
	// lines has the offset of each line, and the length of the data at the end.
	lines []int
	// parent is the mapping that has the list, parentKey its key. listKey and list are nil where there is no such field.
	parent, parentKey, listKey, list *yaml.Node
	keys                             []string
}

// readList finds the list, and takes no other content than public keys: what else stands there is for a person to look at.
func readList(data []byte, path []string) (listText, error) {
	t := listText{data: data, lines: []int{0}}
	for i, b := range data {
		if b == '\n' {
			t.lines = append(t.lines, i+1)
		}
	}
	t.lines = append(t.lines, len(data))
	docs, err := documents(data)
	if err != nil {
		return t, err
	}
	i := slices.IndexFunc(docs, isSpec)
	if i < 0 {
		return t, errLayout
	}
	t.list = docs[i].Content[0]
	for depth, name := range path {
		t.parent, t.parentKey = t.list, t.listKey
		t.listKey, t.list = field(t.parent, name)
		if t.list == nil && depth < len(path)-1 || t.list != nil && (t.list.Anchor != "" || t.list.Alias != nil) {
			return t, errLayout
		}
	}
	if t.parent.Kind != yaml.MappingNode {
		return t, errLayout
	}
	if t.list == nil || t.list.Kind == yaml.ScalarNode && t.list.ShortTag() == yaml.NodeTagNull {
		return t, nil
	}
	if t.list.Kind != yaml.SequenceNode {
		return t, errLayout
	}
	for _, item := range t.list.Content {
		if item.Kind != yaml.ScalarNode || !nkeys.IsValidPublicUserKey(item.Value) {
			return t, errOthers
		}
		t.keys = append(t.keys, item.Value)
	}
	return t, nil
}

// documents are those of a file that specfile has read before, so that the parser survives it.
func documents(data []byte) ([]*yaml.Node, error) {
	var docs []*yaml.Node
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, errLayout // its words may quote the file
		}
		docs = append(docs, &doc)
	}
}

func isSpec(doc *yaml.Node) bool {
	if len(doc.Content) != 1 {
		return false
	}
	_, kind := field(doc.Content[0], "kind")
	return kind != nil && kind.Value == v1alpha1.Kind
}

// field is the key and the value of a field, nil when n is no mapping or has no such key.
func field(n *yaml.Node, name string) (key, value *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

// insertion says what text goes to which place; it replaces what stands between at and end.
func (t listText) insertion(key string) (at, end int, text string, err error) {
	switch {
	case t.list == nil && t.parent.Style&yaml.FlowStyle != 0:
		at, err = t.after(t.parent, '{')
		q := quote(t.parentKey)
		text = q + "publicKeys" + q + ": [" + q + key + q + "]"
		if len(t.parent.Content) > 0 {
			text += ", "
		}
		return at, at, text, err
	case t.list == nil:
		return t.newField(key)
	case t.list.Kind == yaml.ScalarNode && t.list.Value == "":
		_, at, err = t.span(t.listKey)
		if err == nil && !bytes.HasPrefix(t.data[at:], []byte(":")) {
			err = errLayout
		}
		return at + 1, at + 1, " [" + key + "]", err
	case t.list.Kind == yaml.ScalarNode: // null
		q := quote(t.listKey)
		at, end, err = t.span(t.list)
		return at, end, "[" + q + key + q + "]", err
	case len(t.keys) == 0:
		q := quote(t.listKey)
		at, err = t.after(t.list, '[')
		return at, at, q + key + q, err
	}
	return t.another(key)
}

// newField puts the list into a line of its own behind the one of the parent's key, so that comments stay with what they are about.
func (t listText) newField(key string) (at, end int, text string, err error) {
	if len(t.parent.Content) == 0 {
		return 0, 0, "", errLayout
	}
	first := t.parent.Content[0]
	start, _, err := t.span(first)
	if err != nil {
		return 0, 0, "", err
	}
	indent := t.before(first, start)
	if t.parentKey.Line >= first.Line || !blank(indent) || t.parent.Anchor != "" {
		return 0, 0, "", errLayout
	}
	at = t.lines[t.parentKey.Line]
	return at, at, indent + "publicKeys: [" + key + "]" + t.lineEnd(t.parentKey), nil
}

// another puts a key behind the last one, in the same manner.
func (t listText) another(key string) (at, end int, text string, err error) {
	last := t.list.Content[len(t.keys)-1]
	start, stop, err := t.span(last)
	if err != nil {
		return 0, 0, "", err
	}
	q, indent := quote(last), t.before(last, start)
	key = q + key + q
	switch {
	case t.list.Style&yaml.FlowStyle != 0 && blank(indent):
		return stop, stop, "," + t.lineEnd(last) + indent + key, nil
	case t.list.Style&yaml.FlowStyle != 0:
		return stop, stop, ", " + key, nil
	case !dash.MatchString(indent) || !t.restBlank(last, stop):
		return 0, 0, "", errLayout
	}
	at = t.lines[last.Line]
	if at == len(t.data) && !bytes.HasSuffix(t.data, []byte("\n")) {
		return at, at, t.lineEnd(last) + indent + key, nil
	}
	return at, at, indent + key + t.lineEnd(last), nil
}

var dash = regexp.MustCompile(`^ *- +$`)

// removal is the part of the text that goes with the key at i.
func (t listText) removal(i int) (start, end int, err error) {
	item := t.list.Content[i]
	start, end, err = t.span(item)
	if err != nil {
		return 0, 0, err
	}
	before := t.before(item, start)
	if t.list.Style&yaml.FlowStyle == 0 {
		if !dash.MatchString(before) || !t.restBlank(item, end) {
			return 0, 0, errLayout
		}
		return t.lines[item.Line-1], t.lines[item.Line], nil
	}
	rest := t.data[end:t.lines[item.Line]]
	comma := bytes.IndexFunc(rest, func(r rune) bool { return r != ' ' && r != '\t' })
	if comma < 0 || rest[comma] != ',' { // the last one: the comma before it goes, where nothing stands between
		if i > 0 {
			_, previous, err := t.span(t.list.Content[i-1])
			if err != nil {
				return 0, 0, err
			}
			if strings.TrimSpace(string(t.data[previous:start])) == "," {
				start = previous
			}
		}
		return start, end, nil
	}
	end += comma + 1
	if blank(before) && t.restBlank(item, end) {
		return t.lines[item.Line-1], t.lines[item.Line], nil
	}
	for end < len(t.data) && t.data[end] == ' ' {
		end++
	}
	return start, end, nil
}

// span is where a scalar of one line stands, with its quotes. Where the text is another than the parser read, the two do not agree on
// lines, and nothing may be changed.
func (t listText) span(n *yaml.Node) (start, end int, err error) {
	text := quote(n) + n.Value + quote(n)
	start, err = t.offset(n)
	if err != nil || !bytes.HasPrefix(t.data[start:], []byte(text)) {
		return 0, 0, errLayout
	}
	return start, start + len(text), nil
}

// after is the offset behind the bracket at which a node begins.
func (t listText) after(n *yaml.Node, bracket byte) (int, error) {
	at, err := t.offset(n)
	if err != nil || at >= len(t.data) || t.data[at] != bracket {
		return 0, errLayout
	}
	return at + 1, nil
}

// offset of a node in bytes; its column counts characters.
func (t listText) offset(n *yaml.Node) (int, error) {
	if n.Line < 1 || n.Line >= len(t.lines) {
		return 0, errLayout
	}
	at := t.lines[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(t.data[at:])
		at += size
	}
	return at, nil
}

// before is what stands in the line in front of a node.
func (t listText) before(n *yaml.Node, start int) string {
	return string(t.data[t.lines[n.Line-1]:start])
}

// restBlank reports whether nothing but a comment follows in the line of a node.
func (t listText) restBlank(n *yaml.Node, end int) bool {
	return comment.Match(t.data[end:t.lines[n.Line]])
}

var comment = regexp.MustCompile(`^[ \t]*(?:[ \t]#[^\n]*)?\r?\n?$`)

// lineEnd is that of the line of a node.
func (t listText) lineEnd(n *yaml.Node) string {
	if bytes.HasSuffix(t.data[:t.lines[n.Line]], []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

func blank(s string) bool { return strings.Trim(s, " ") == "" }

// quote is what a scalar stands in.
func quote(n *yaml.Node) string {
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return `"`
	case n.Style&yaml.SingleQuotedStyle != 0:
		return `'`
	}
	return ""
}

// sameBut holds what was written against what was there: the list is the wanted one, and nothing else means anything else.
func sameBut(before, after []byte, path, want []string) error {
	t, err := readList(after, path)
	if err != nil || !slices.Equal(t.keys, want) {
		return errLayout
	}
	was, errWas := documents(before)
	is, errIs := documents(after)
	if errWas != nil || errIs != nil || !slices.EqualFunc(was, is, func(a, b *yaml.Node) bool { return sameNode(without(a, path), without(b, path)) }) {
		return errLayout
	}
	return nil
}

// without takes the list out of the document, if that has it.
func without(doc *yaml.Node, path []string) *yaml.Node {
	if !isSpec(doc) {
		return doc
	}
	n := doc.Content[0]
	for _, name := range path[:len(path)-1] {
		if _, n = field(n, name); n == nil {
			return doc
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == path[len(path)-1] {
			n.Content = slices.Delete(n.Content, i, i+2)
			break
		}
	}
	return doc
}

// sameNode compares all but places and comments. An alias is compared by its name.
func sameNode(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Tag == b.Tag && a.Value == b.Value && a.Style == b.Style && a.Anchor == b.Anchor &&
		slices.EqualFunc(a.Content, b.Content, sameNode)
}
