// SPDX-License-Identifier: Apache-2.0

package resourcelist

import (
	"bytes"
	"errors"
	"regexp"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Reasons for the full parser, in words that a message can use.
const (
	reasonFlow     = "the list is in flow style (JSON)"
	reasonItems    = "items are not a plain block sequence"
	reasonAnchor   = "anchors cross items or sections"
	reasonHead     = "the text before the first key is unusual"
	reasonKey      = "a top-level key is written in an unusual way"
	reasonPiece    = "an item or section does not end at its last line"
	reasonEOF      = "the last value changes its meaning with a final newline"
	reasonIndented = "items are indented deeper than 100 columns"
)

// maxDashColumn bounds what an own object grows by when it is moved to the column of the list.
const maxDashColumn = 100

// section is one top-level key with its value, as text and as nodes.
type section struct {
	key   string
	text  []byte // from the key's line to the next section
	value *yaml.Node
}

// document is a ResourceList divided into sections. head and texts, one after the other, are the document.
type document struct {
	head     []byte // byte order mark, %YAML, comments, `---`
	sections []section
}

// divide cuts data into sections and compares them with root, the parse of the whole, or says why it cannot.
func divide(data []byte, root *yaml.Node) (document, string) {
	if root.Style&yaml.FlowStyle != 0 {
		return document{}, reasonFlow
	}
	d, reason := divideLines(data)
	if reason == "" {
		reason = d.check(root)
	}
	return d, reason
}

// divideLines finds the sections by lines alone.
func divideLines(data []byte) (document, string) {
	var starts []int
	at := 0
	if bytes.HasPrefix(data, []byte(utf8BOM)) {
		at = len(utf8BOM)
	}
	for line := range bytes.Lines(data[at:]) {
		kind, col := classify(line)
		switch {
		case kind == otherLine && col == 0 && len(starts) == 0 && (isPlainMarker(line) || yamlDirective.Match(trimEOL(line))):
		case kind == otherLine && col == 0:
			if isMarker(line) || bytes.IndexAny(line, ":?%\ufeff") == 0 {
				return document{}, reasonKey
			}
			starts = append(starts, at)
		case len(starts) == 0 && (kind == dashLine || kind == otherLine):
			return document{}, reasonHead
		}
		at += len(line)
	}
	if len(starts) == 0 {
		return document{}, reasonHead
	}
	d := document{head: data[:starts[0]]}
	for i, start := range starts {
		end := len(data)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		d.sections = append(d.sections, section{text: data[start:end]})
	}
	return d, ""
}

// yamlDirective is the one directive that a cut list may have. %TAG would give tags in the pieces another meaning.
var yamlDirective = regexp.MustCompile(`^%YAML[ \t]+1\.[12][ \t]*$`)

// check parses each section by itself and compares it with the whole. The items section is left to cutItems.
func (d document) check(root *yaml.Node) string {
	if len(d.sections)*2 != len(root.Content) {
		return reasonKey
	}
	for i := range d.sections {
		s := &d.sections[i]
		s.key, s.value = root.Content[2*i].Value, root.Content[2*i+1]
		if s.key == itemsKey {
			continue
		}
		node, reason := parseSection(s.text)
		if reason != "" {
			return reason
		}
		if !equal(node.Content[0], root.Content[2*i]) || !equal(node.Content[1], s.value) {
			return reasonPiece
		}
		s.value = node.Content[1]
	}
	return checkEnd(d.sections[len(d.sections)-1].text)
}

// checkEnd tells whether the last section keeps its meaning when a newline is put after it.
func checkEnd(text []byte) string {
	if bytes.HasSuffix(text, []byte("\n")) {
		return ""
	}
	before, reason := parseSection(text)
	if reason != "" {
		return reason
	}
	after, reason := parseSection(append(bytes.Clone(text), '\n'))
	if reason != "" || !equal(before, after) {
		return reasonEOF
	}
	return ""
}

// parseSection parses a section by itself.
func parseSection(text []byte) (*yaml.Node, string) {
	node, reason := parsePiece(text)
	if reason != "" {
		return nil, reason
	}
	if node.Kind != yaml.MappingNode || node.Style&yaml.FlowStyle != 0 || node.Anchor != "" || len(node.Content) != 2 {
		return nil, reasonKey
	}
	return node, ""
}

// parsePiece parses a piece and turns its error into a reason.
func parsePiece(text []byte) (*yaml.Node, string) {
	node, err := parseDocument(text)
	switch {
	case errors.Is(err, errAnchor):
		return nil, reasonAnchor
	case err != nil:
		return nil, reasonPiece
	}
	return node, ""
}

// itemList is the items section, divided: line, gaps[0], items[0], gaps[1], items[1], ... are its text.
type itemList struct {
	column int    // of the dashes
	line   []byte // `items:`, maybe with an empty value and a comment
	items  []*Item
	gaps   [][]byte // len(items)+1
}

// itemsLine matches the line of the items key: what stands before the value, an empty value, what comes after it.
var itemsLine = regexp.MustCompile(`^((?:items|"items"|'items')[ \t]*:)([ \t]+(?:\[[ \t]*\]|null|~))?([ \t]*|[ \t]+#.*)$`)

// cutItems divides the items section and compares the items with value, their parse in the whole.
func cutItems(text []byte, value *yaml.Node) (itemList, string) {
	line := text
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		line = text[:i+1]
	}
	m := itemsLine.FindSubmatch(trimEOL(line))
	if m == nil || bytes.ContainsAny(m[3], oddBreaks) {
		return itemList{}, reasonItems
	}
	l, reason := cutItemLines(line, text)
	if reason != "" {
		return l, reason
	}
	if len(l.items) > 0 && len(m[2]) > 0 {
		return l, reasonItems
	}
	if len(l.items) != len(value.Content) {
		return l, reasonPiece
	}
	for i, it := range l.items {
		if reason := it.parse(value.Content[i]); reason != "" {
			return l, reason
		}
	}
	return l, ""
}

// cutItemLines finds the items by lines alone.
func cutItemLines(line, text []byte) (itemList, string) {
	c := itemCutter{text: text, list: itemList{column: -1, line: line}, gap: len(line), lead: -1}
	at := len(line)
	for l := range bytes.Lines(text[at:]) {
		if reason := c.line(l, at); reason != "" {
			return c.list, reason
		}
		at += len(l)
	}
	c.end(at)
	if c.list.column < 0 {
		c.list.column = 0
	}
	return c.list, ""
}

// itemCutter is the state of cutItemLines: where the open item began, and the comments after it that may not be its own.
type itemCutter struct {
	text     []byte
	list     itemList
	start    int // of the open item, its comments above the dash included
	dash     int // of the open item's first line
	gap      int // of the comments since the open item, -1 for none
	lead     int // of the comments without a blank line until here, -1 for none
	leadDeep int // the deepest of their columns
}

func (c *itemCutter) line(line []byte, at int) string {
	kind, col := classify(line)
	open := c.list.column >= 0
	switch {
	case kind == blankLine:
		c.lead = -1
	case kind == commentLine && (!open || col <= c.list.column):
		c.comment(col, at)
	case kind == dashLine && (!open || col == c.list.column):
		if col > maxDashColumn {
			return reasonIndented
		}
		c.list.column = col
		c.open(at)
	case !open:
		return reasonItems
	default:
		c.gap, c.lead = -1, -1
	}
	return ""
}

func (c *itemCutter) comment(col, at int) {
	if c.gap < 0 {
		c.gap = at
	}
	if c.lead < 0 {
		c.lead, c.leadDeep = at, 0
	}
	c.leadDeep = max(c.leadDeep, col)
}

// open ends the item before a dash and begins the next.
func (c *itemCutter) open(dash int) {
	start := dash
	if c.lead >= 0 && c.leadDeep <= c.list.column {
		start = c.lead
	}
	c.end(start)
	c.list.items = append(c.list.items, &Item{})
	c.start, c.dash, c.gap, c.lead = start, dash, -1, -1
}

// end gives the open item its text, up to the gap or else to next, and puts the gap behind it.
func (c *itemCutter) end(next int) {
	gap := next
	if c.gap >= 0 {
		gap = c.gap
	}
	if n := len(c.list.items); n > 0 {
		it := c.list.items[n-1]
		it.text, it.first, it.prefix = c.text[c.start:gap], c.dash-c.start, c.list.column+1
	}
	c.list.gaps = append(c.list.gaps, c.text[gap:next])
}
