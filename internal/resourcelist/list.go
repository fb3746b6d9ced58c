// SPDX-License-Identifier: Apache-2.0

package resourcelist

import (
	"bytes"
	"fmt"
	"regexp"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// List is a parsed ResourceList. It is not safe for concurrent edits.
type List struct {
	doc      document
	source   document // the input; that is doc unless the full parser was taken
	items    itemList
	config   *Item
	appended [][]byte
	reason   string
}

// Parse reads a ResourceList: UTF-8 with or without a byte order mark, one document, any version of
// config.kubernetes.io, items and functionConfig maybe absent or null.
//
// Errors say what kind of problem there is and in which line, never what the line holds. Lists above MaxSize, deeper
// than MaxDepth, or whose aliases add more than MaxSize, give an error that matches ErrTooLarge.
func Parse(data []byte) (*List, error) {
	l, err := parseList(data)
	if err != nil {
		return nil, fmt.Errorf("parse the ResourceList: %w", err)
	}
	return l, nil
}

func parseList(data []byte) (*List, error) {
	if err := checkBytes(data); err != nil {
		return nil, err
	}
	root, err := parseDocument(data)
	if err != nil {
		return nil, err
	}
	if err := checkList(root); err != nil {
		return nil, err
	}
	data = bytes.Clone(data) // pieces stay slices of it
	l, reason := cut(data, root)
	if reason == "" {
		l.source = l.doc
		return l, nil
	}
	return rewrite(data, root, reason)
}

// cut divides data, whose parse is root, or says why it cannot.
func cut(data []byte, root *yaml.Node) (*List, string) {
	doc, reason := divide(data, root)
	if reason != "" {
		return nil, reason
	}
	l := &List{doc: doc, items: itemList{line: []byte("items:\n"), gaps: [][]byte{nil}}}
	for _, s := range doc.sections {
		switch s.key {
		case itemsKey:
			if l.items, reason = cutItems(s.text, s.value); reason != "" {
				return nil, reason
			}
		case functionConfigKey:
			l.config = configItem(s)
		}
	}
	return l, ""
}

// configPrefix matches what stands before the value of functionConfig.
var configPrefix = regexp.MustCompile(`^(?:functionConfig|"functionConfig"|'functionConfig')[ \t]*:`)

// configItem returns the functionConfig as an item, nil when it is null or empty.
func configItem(s section) *Item {
	if s.value.Kind != yaml.MappingNode || len(s.value.Content) == 0 {
		return nil
	}
	return &Item{node: s.value, text: s.text, prefix: len(configPrefix.Find(s.text))}
}

// Cut tells whether the list was cut at item boundaries. If not, the full parser was taken, and all items are written
// anew in block style with the same meaning.
func (l *List) Cut() bool { return l.reason == "" }

// Reason says in words why the full parser was taken, for an info message. It is empty when Cut is true.
func (l *List) Reason() string { return l.reason }

// Items returns all items as they were read, in order. Edits do not change it.
func (l *List) Items() []*Item { return l.items.items }

// FunctionConfig returns the functionConfig, nil when it is absent, null or {}.
func (l *List) FunctionConfig() *Item { return l.config }
