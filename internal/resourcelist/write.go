// SPDX-License-Identifier: Apache-2.0

package resourcelist

import "bytes"

// Bytes returns the list after the edits. results is the text of a block sequence, `- message: ...`, or empty; it takes
// the place of the results that were read, which go when it is empty. Every byte that no edit touches is as it was
// read, but that `items: []` is written for a list without items: kustomize takes a list without the key for an object.
func (l *List) Bytes(results []byte) []byte { return l.doc.write(results, l.writeItems) }

// Original returns the list as it was read, with results as for Bytes; edits do not count. When the input is in flow
// style (JSON), or its sections share anchors, it is the input written anew in block style.
func (l *List) Original(results []byte) []byte { return l.source.write(results, nil) }

// writer puts pieces one after the other. A piece without a final newline is the last of the input; it gets one as
// soon as something follows.
type writer struct {
	bytes.Buffer
	open bool // the last piece has no final newline
}

func (w *writer) put(text []byte) {
	if len(text) == 0 {
		return
	}
	if w.open {
		w.WriteByte('\n')
	}
	w.Write(text)
	w.open = text[len(text)-1] != '\n'
}

func (w *writer) results(text []byte) {
	if len(text) > 0 {
		w.put([]byte("results:\n"))
		w.put(text)
	}
}

// write puts the sections together. items writes the items section; nil leaves it as it was read.
func (d document) write(results []byte, items func(*writer)) []byte {
	var w writer
	w.Write(d.head) // as it is: a byte order mark has no newline
	seen := map[string]bool{}
	for _, s := range d.sections {
		seen[s.key] = true
		switch {
		case s.key == resultsKey:
			w.results(results)
			w.put(s.text[trailingGap(s.text, 0):])
		case s.key == itemsKey && items != nil:
			items(&w)
		default:
			w.put(s.text)
		}
	}
	if items != nil && !seen[itemsKey] {
		items(&w)
	}
	if !seen[resultsKey] {
		w.results(results)
	}
	return w.Bytes()
}

// writeItems writes the items section after the edits. What is appended comes before the comments that end the section.
func (l *List) writeItems(w *writer) {
	filled := len(l.appended) > 0
	for _, it := range l.items.items {
		filled = filled || !it.removed
	}
	w.put(l.items.header(filled))
	n := len(l.items.items)
	for i, it := range l.items.items {
		w.put(l.items.gaps[i])
		w.put(it.output())
	}
	// Blank lines and comments right of the dashes, which a gap begins with in a list without items only, must not
	// come after an object: they might become text of its last block scalar.
	gap := l.items.gaps[n]
	tail := trailingGap(gap, l.items.column)
	w.put(gap[:tail])
	for _, text := range l.appended {
		w.put(text)
	}
	w.put(gap[tail:])
}

// output returns what stands in the list for an item.
func (i *Item) output() []byte {
	switch {
	case i.removed:
		return nil
	case i.replaced != nil:
		return i.replaced
	}
	return i.text
}

// header returns the line of the items key for a list with or without items. It changes no more than the empty value.
func (l itemList) header(filled bool) []byte {
	m := itemsLine.FindSubmatchIndex(trimEOL(l.line))
	key, value, rest := l.line[:m[3]], []byte(nil), l.line[m[3]:]
	if m[4] >= 0 {
		value, rest = l.line[m[4]:m[5]], l.line[m[5]:]
	}
	switch {
	case filled:
		value = nil
	case !bytes.ContainsRune(value, '['):
		value = []byte(" []")
	}
	return bytes.Join([][]byte{key, value, rest}, nil)
}
