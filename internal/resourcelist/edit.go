// SPDX-License-Identifier: Apache-2.0

package resourcelist

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

var errEntry = errors.New("must be one YAML mapping")

// Replace puts an object in the place of an item, the comments directly above the item included. doc is as for Append.
// A removed item that is replaced is back in the list.
func (l *List) Replace(i *Item, doc []byte) {
	i.replaced, i.removed = indent(doc, l.items.column), false
}

// Remove takes an item out, with the comments directly above it and the blank lines below it.
func (l *List) Remove(i *Item) { i.replaced, i.removed = nil, true }

// Append puts an object at the end of the items. doc is what our own encoder writes: one block mapping with a final newline,
// which keeps its meaning when it is moved to the right, so that it is not read again.
func (l *List) Append(doc []byte) { l.appended = append(l.appended, indent(doc, l.items.column)) }

// AppendText is Append for a document that somebody else wrote: YAML of exactly one mapping, maybe after `---` or a byte order
// mark, which are dropped. It is moved to the right and otherwise left as it is; when that would change its meaning (a
// last block scalar without newline, say) it is encoded anew. The error says that doc is no such document, or is not
// fit for a list, and quotes nothing of it; the list is then unchanged.
func (l *List) AppendText(doc []byte) error {
	text, err := l.entry(doc)
	if err != nil {
		return fmt.Errorf("append an item: %w", err)
	}
	l.appended = append(l.appended, text)
	return nil
}

// entry turns a document into the text of an item.
func (l *List) entry(doc []byte) ([]byte, error) {
	if err := checkBytes(doc); err != nil {
		return nil, err
	}
	node, err := parseDocument(doc)
	if err != nil {
		return nil, err
	}
	if node.Kind != yaml.MappingNode {
		return nil, errEntry
	}
	if err := checkExtent(node); err != nil {
		return nil, err
	}
	column := l.items.column
	text := indent(dropHead(doc), column)
	if isEntry(text, node) {
		return text, nil
	}
	plain := writeOut(node)
	if fresh, ok := encode(plain, func(fresh []byte) bool { return isEntry(indent(fresh, column), plain) }); ok {
		return indent(fresh, column), nil
	}
	return nil, errEntry
}

// isEntry tells whether text is an item that means node.
func isEntry(text []byte, node *yaml.Node) bool {
	got, reason := parseEntry(text)
	return reason == "" && equal(got, node)
}

// dropHead takes away a byte order mark and the line of a leading `---`, and gives the text a final newline.
func dropHead(doc []byte) []byte {
	doc = bytes.TrimPrefix(doc, []byte(utf8BOM))
	if !bytes.HasSuffix(doc, []byte("\n")) {
		doc = append(bytes.Clone(doc), '\n')
	}
	at := 0
	for line := range bytes.Lines(doc) {
		kind, _ := classify(line)
		if kind == dashLine || kind == otherLine {
			if !isPlainMarker(line) {
				break
			}
			comment := bytes.TrimLeft(line[3:], " \t\r\n")
			return bytes.Join([][]byte{doc[:at], comment, doc[at+len(line):]}, nil)
		}
		at += len(line)
	}
	return doc
}

// indent makes a document the text of an item whose dash stands in column. Only empty lines stay as they are: spaces in
// a line may be text.
func indent(doc []byte, column int) []byte {
	first := strings.Repeat(" ", column) + "- "
	rest := strings.Repeat(" ", column+2)
	out := make([]byte, 0, len(doc)+bytes.Count(doc, []byte("\n"))*len(rest))
	for line := range bytes.Lines(doc) {
		empty := len(trimEOL(line)) == 0
		switch {
		case len(out) == 0 && empty:
			out = append(out, first[:column+1]...)
		case len(out) == 0:
			out = append(out, first...)
		case !empty:
			out = append(out, rest...)
		}
		out = append(out, line...)
	}
	return out
}
