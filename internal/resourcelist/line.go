// SPDX-License-Identifier: Apache-2.0

package resourcelist

import "bytes"

// lineKind says what a line is when it is looked at alone.
type lineKind int

const (
	blankLine   lineKind = iota // spaces only
	commentLine                 // spaces, then #
	dashLine                    // spaces, then a dash that starts a sequence entry
	otherLine                   // anything else
)

// utf8BOM is the byte order mark that some editors put before UTF-8.
const utf8BOM = "\xef\xbb\xbf"

// oddBreaks are the characters besides the line feed at which YAML 1.1 ends a line. Lines are cut at line feeds alone,
// so a line that holds one of these may be more than it looks like.
const oddBreaks = "\r\u0085\u2028\u2029"

// classify returns what a line is and the column of its first character that is not a space.
func classify(line []byte) (lineKind, int) {
	text := trimEOL(line)
	col := len(text) - len(bytes.TrimLeft(text, " "))
	switch rest := text[col:]; {
	case len(rest) == 0:
		return blankLine, col
	case rest[0] == '#' && !bytes.ContainsAny(rest, oddBreaks):
		return commentLine, col
	case rest[0] == '-' && (len(rest) == 1 || rest[1] == ' ' || rest[1] == '\t'):
		return dashLine, col
	}
	return otherLine, col
}

// trimEOL cuts a line feed, or carriage return and line feed. A carriage return alone stays: it is no end of a line here.
func trimEOL(line []byte) []byte {
	text, ok := bytes.CutSuffix(line, []byte("\n"))
	if !ok {
		return line
	}
	return bytes.TrimSuffix(text, []byte("\r"))
}

// isMarker tells whether a line is a document marker, `---` or `...`, maybe with something after it.
func isMarker(line []byte) bool {
	text := trimEOL(line)
	if !bytes.HasPrefix(text, []byte("---")) && !bytes.HasPrefix(text, []byte("...")) {
		return false
	}
	rest := text[3:]
	return len(rest) == 0 || bytes.IndexAny(rest, " \t"+oddBreaks) == 0
}

// isPlainMarker tells whether a line is `---` with nothing but a comment after it.
func isPlainMarker(line []byte) bool {
	text := trimEOL(line)
	rest, ok := bytes.CutPrefix(text, []byte("---"))
	if !ok || bytes.ContainsAny(rest, oddBreaks) {
		return false
	}
	trimmed := bytes.TrimLeft(rest, " \t")
	return len(trimmed) == 0 || (trimmed[0] == '#' && len(trimmed) < len(rest))
}

// trailingGap returns where the comments that follow a section begin: the first comment, in the given column or before
// it, after which only such comments and blank lines come. It is len(text) when there is none.
func trailingGap(text []byte, col int) int {
	gap, at := -1, 0
	for line := range bytes.Lines(text) {
		switch kind, c := classify(line); {
		case kind == blankLine:
		case kind == commentLine && c <= col:
			if gap < 0 {
				gap = at
			}
		default:
			gap = -1
		}
		at += len(line)
	}
	if gap < 0 {
		return len(text)
	}
	return gap
}
