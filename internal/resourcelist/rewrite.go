// SPDX-License-Identifier: Apache-2.0

package resourcelist

import (
	"bytes"
	"errors"
	"fmt"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// rewrite is the full parser: it writes the list anew in block style and without aliases, and cuts that.
func rewrite(data []byte, root *yaml.Node, reason string) (*List, error) {
	plain := writeOut(root)
	plainTop(plain)
	if blockSize(plain, 0) > MaxSize {
		return nil, fmt.Errorf("%w: more than %d MiB in block style", ErrTooLarge, MaxSize>>20)
	}
	var list *List
	_, ok := encode(plain, func(text []byte) bool {
		again, err := parseDocument(text)
		if err != nil || !equal(again, plain) {
			return false
		}
		var why string
		list, why = cut(text, again)
		return why == ""
	})
	if !ok {
		return nil, errors.New("the list cannot be written in block style")
	}
	list.reason, list.source = reason, list.doc
	if doc, ok := sourceOf(data, root); ok {
		list.source = doc
	}
	return list, nil
}

// sourceOf returns the sections of a list whose items cannot be cut, if the sections can.
func sourceOf(data []byte, root *yaml.Node) (document, bool) {
	doc, reason := divide(data, root)
	if reason != "" {
		return doc, false
	}
	for i, s := range doc.sections {
		if s.key == itemsKey {
			node, reason := parseSection(s.text)
			if reason != "" || !equal(node.Content[1], root.Content[2*i+1]) {
				return doc, false
			}
		}
	}
	return doc, true
}

// writeOut returns a copy of a tree in which aliases are written out, anchors are gone and collections are in block
// style. checkExtent bounds what it makes.
func writeOut(n *yaml.Node) *yaml.Node {
	n = resolve(n)
	c := *n
	c.Anchor, c.Content = "", nil
	for _, e := range n.Content {
		c.Content = append(c.Content, writeOut(e))
	}
	if len(c.Content) > 0 {
		c.Style &^= yaml.FlowStyle
	}
	if isMerge(&c) {
		c.Tag = "!!merge"
	}
	return &c
}

// plainTop writes the top level the way the cut wants it: bare keys, and items without a tag.
func plainTop(root *yaml.Node) {
	root.Style, root.Tag = 0, yaml.NodeTagMap
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		key.Style, key.Tag = 0, yaml.NodeTagString
		if key.Value != itemsKey {
			continue
		}
		value.Style, value.Tag = 0, yaml.NodeTagSeq
		if len(value.Content) == 0 {
			root.Content[i+1] = &yaml.Node{Kind: yaml.SequenceNode, Tag: yaml.NodeTagSeq, Style: yaml.FlowStyle}
		}
	}
}

// blockSize is about what a tree takes in block style.
func blockSize(n *yaml.Node, depth int) int {
	size := len(n.Value) + 2*depth + 2
	for _, c := range n.Content {
		size += blockSize(c, depth+1)
	}
	return size
}

// encode writes a node in block style such that accept takes the text: first with its comments and quoting, and when
// the encoder does not get that right without the comments, and then with all strings in double quotes.
func encode(n *yaml.Node, accept func([]byte) bool) ([]byte, bool) {
	for _, style := range []func(*yaml.Node){nil, bare, quoted} {
		c := n
		if style != nil {
			c = restyle(n, style)
		}
		if text, err := marshal(c); err == nil && accept(text) {
			return text, true
		}
	}
	return nil, false
}

// marshal encodes a node with two spaces a level and dashes in the column of their key.
func marshal(n *yaml.Node) (text []byte, err error) {
	defer func() {
		if recover() != nil {
			text, err = nil, errParser
		}
	}()
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	if err := e.Encode(n); err != nil {
		return nil, errParser
	}
	return out.Bytes(), nil
}

// restyle returns a copy of a tree with style applied to every node.
func restyle(n *yaml.Node, style func(*yaml.Node)) *yaml.Node {
	c := *n
	c.Content = nil
	for _, e := range n.Content {
		c.Content = append(c.Content, restyle(e, style))
	}
	style(&c)
	return &c
}

func bare(n *yaml.Node) { n.HeadComment, n.LineComment, n.FootComment = "", "", "" }

func quoted(n *yaml.Node) {
	bare(n)
	if n.Kind == yaml.ScalarNode && n.ShortTag() == yaml.NodeTagString {
		n.Style = n.Style&yaml.TaggedStyle | yaml.DoubleQuotedStyle
	}
}
