// SPDX-License-Identifier: Apache-2.0

package sopsfile

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// What stands in this file is seen in a file alone: an item has been written anew by its host, without comments and with its keys
// in order (kustomize), or it is a file of the package that nobody else decrypts (kpt).

// layout checks what kustomize does not keep of a file.
func (r *reader) layout(root *yaml.Node, data []byte) {
	r.order(root)
	r.comments(root, data)
}

// order wants the keys as kustomize writes them, because the MAC covers the values in their order. A MAC that covers metadata too
// does not survive kustomize in any order.
func (r *reader) order(root *yaml.Node) {
	if !r.secret.MACOnly {
		return
	}
	var found []string
	for key, value := range pairs(root) {
		if !slices.Contains(sections, key.Value) || !present(value) {
			continue
		}
		found = append(found, key.Value)
		var keys []string
		for k := range pairs(value) {
			keys = append(keys, k.Value)
		}
		if !slices.IsSortedFunc(keys, compareKeys) {
			r.report(diag.KeyOrder, "the keys of "+key.Value+" must be sorted, because kustomize sorts them and breaks the MAC", "sort them in the plain file, and encrypt it again")
		}
	}
	if !slices.IsSorted(found) {
		r.report(diag.KeyOrder, "data must stand before stringData, because kustomize puts it there and breaks the MAC", "move it in the plain file, and encrypt it again")
	}
}

// compareKeys is the order in which kustomize writes keys: letters behind all else, digits by the number that they make
// (go.yaml.in/yaml/v2, sorter.go, by way of sigs.k8s.io/yaml).
func compareKeys(a, b string) int {
	x, y := []rune(a), []rune(b)
	i := 0
	for i < len(x) && i < len(y) && x[i] == y[i] {
		i++
	}
	if i == len(x) || i == len(y) {
		return cmp.Compare(len(x), len(y))
	}
	switch xLetter, yLetter := unicode.IsLetter(x[i]), unicode.IsLetter(y[i]); {
	case xLetter && !yLetter:
		return 1
	case yLetter && !xLetter:
		return -1
	case xLetter:
		return cmp.Compare(x[i], y[i])
	}
	// A zero behind another digit is a place of the number, and one in front of all is not.
	start := 0
	if (x[i] == '0' || y[i] == '0') && slices.ContainsFunc(digitsBefore(x[:i]), func(r rune) bool { return r != '0' }) {
		start = 1
	}
	xNumber, xLen := number(x[i:], start)
	yNumber, yLen := number(y[i:], start)
	return cmp.Or(cmp.Compare(xNumber, yNumber), cmp.Compare(xLen, yLen), cmp.Compare(x[i], y[i]))
}

// digitsBefore are the digits at the end of r.
func digitsBefore(r []rune) []rune {
	i := len(r)
	for i > 0 && unicode.IsDigit(r[i-1]) {
		i--
	}
	return r[i:]
}

// number reads the digits at the beginning of r behind those of start, and counts them.
func number(r []rune, start int) (value, digits int) {
	value = start
	for digits < len(r) && unicode.IsDigit(r[digits]) {
		value = value*10 + int(r[digits]-'0')
		digits++
	}
	return value, digits
}

// comments reports those among the values, once for each section: sops encrypts what it finds there, so that a plain one came
// later.
func (r *reader) comments(root *yaml.Node, data []byte) {
	for key, value := range pairs(root) {
		if !slices.Contains(sections, key.Value) {
			continue
		}
		found := append(commentsBelow(value), key.LineComment)
		if indented(data, key.FootComment) { // one that is not stands behind the section
			found = append(found, key.FootComment)
		}
		plain, sealed := split(found)
		if plain {
			r.report(diag.PlainComment, key.Value+" must not have comments in plain text", "remove them, and rotate what one of them may hold; write comments above the document")
		}
		if sealed {
			r.report(diag.SealedComment, key.Value+" has encrypted comments, which kustomize drops", "remove them with sops edit; write comments above the document")
		}
	}
}

// indented reports whether a comment stands behind blanks in the file. The parser does not tell.
func indented(data []byte, comment string) bool {
	first, _, _ := strings.Cut(comment, "\n")
	return bytes.Contains(data, []byte(" "+first))
}

// split says which kinds of lines the comments have.
func split(comments []string) (plain, sealed bool) {
	for _, comment := range comments {
		for line := range strings.Lines(comment) {
			switch line = strings.Trim(line, "# \t\r\n"); {
			case strings.HasPrefix(line, encPrefix):
				sealed = true
			case line != "":
				plain = true
			}
		}
	}
	return plain, sealed
}

// commentsBelow are all comments at and below n.
func commentsBelow(n *yaml.Node) []string {
	var out []string
	var walk func(*yaml.Node)
	walk = func(n *yaml.Node) {
		for _, c := range []string{n.HeadComment, n.LineComment, n.FootComment} {
			if c != "" {
				out = append(out, c)
			}
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(n)
	return out
}
