// SPDX-License-Identifier: Apache-2.0

package resourcelist

import (
	"bytes"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Item is an object of a ResourceList: one of its items or its functionConfig.
type Item struct {
	node   *yaml.Node
	text   []byte // as it stands in the list, with the comments directly above its dash
	first  int    // where the line begins in text that has the dash, or the functionConfig key
	prefix int    // the bytes of that line up to and with the dash, or the colon

	replaced []byte // the text to write in place of text, nil when it stays
	removed  bool
}

// Meta is what identifies an object, and its annotations.
type Meta struct {
	APIVersion, Kind, Namespace, Name string
	Annotations                       map[string]string
}

// parse parses an item by itself and compares it with its node in the whole.
func (i *Item) parse(whole *yaml.Node) string {
	node, reason := parseEntry(i.text)
	if reason != "" {
		return reason
	}
	if !equal(node, whole) {
		return reasonPiece
	}
	i.node = node
	return ""
}

// parseEntry parses text that is a block sequence of one mapping, and returns the mapping.
func parseEntry(text []byte) (*yaml.Node, string) {
	node, reason := parsePiece(text)
	if reason != "" {
		return nil, reason
	}
	if node.Kind != yaml.SequenceNode || node.Style&yaml.FlowStyle != 0 || node.Anchor != "" || len(node.Content) != 1 ||
		node.Content[0].Kind != yaml.MappingNode {
		return nil, reasonPiece
	}
	return node.Content[0], ""
}

// Node returns the object's mapping. It is a view: it must not be changed, and changing it changes no output. Aliases
// and merge keys stand as they were written; an alias never leads back to a node around it. Lines are those of Text.
func (i *Item) Node() *yaml.Node { return i.node }

// Size returns the number of bytes that the object takes in the list.
func (i *Item) Size() int { return len(i.text) }

// Text returns the object as a YAML document of its own: without the dash, and moved to the left as far as that keeps
// the meaning. Comments, key order, quoting and line ends are those of the list, and so is the number of lines.
func (i *Item) Text() []byte {
	doc := bytes.Clone(i.text)
	for n := range i.prefix {
		doc[i.first+n] = ' '
	}
	left := outdent(doc)
	for _, text := range [][]byte{left, doc} {
		if means(text, i.node) {
			return text
		}
	}
	// Only for layouts that nobody writes: ones that hang on the dash.
	if text, ok := encode(i.node, func(text []byte) bool { return means(text, i.node) }); ok {
		return text
	}
	return doc
}

// means tells whether a document means node.
func means(text []byte, node *yaml.Node) bool {
	got, err := parseDocument(text)
	return err == nil && equal(got, node)
}

// outdent moves text to the left by the column of its leftmost line that is not a comment.
func outdent(text []byte) []byte {
	by := -1
	for line := range bytes.Lines(text) {
		if kind, col := classify(line); (kind == dashLine || kind == otherLine) && (by < 0 || col < by) {
			by = col
		}
	}
	out := make([]byte, 0, len(text))
	for line := range bytes.Lines(text) {
		spaces := len(line) - len(bytes.TrimLeft(line, " "))
		out = append(out, line[min(spaces, max(by, 0)):]...)
	}
	return out
}

// Meta returns the object's identity and annotations, aliases and merge keys resolved. What is missing or no string is
// empty; Annotations is nil when there are none. Of a key that occurs twice the first counts, as in kyaml.
func (i *Item) Meta() Meta {
	metadata := lookup(i.node, "metadata")
	m := Meta{
		APIVersion: stringOf(lookup(i.node, "apiVersion")),
		Kind:       stringOf(lookup(i.node, "kind")),
		Namespace:  stringOf(lookup(metadata, "namespace")),
		Name:       stringOf(lookup(metadata, "name")),
	}
	annotations := map[string]string{}
	collect(lookup(metadata, "annotations"), annotations)
	if len(annotations) > 0 {
		m.Annotations = annotations
	}
	return m
}
