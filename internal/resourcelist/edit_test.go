// SPDX-License-Identifier: Apache-2.0

package resourcelist

import (
	"strings"
	"testing"
)

func TestEditsByHand(t *testing.T) {
	own := func(l *List, i int) *Item { return l.Items()[i] }
	tests := []struct {
		name, reason, input, want string
		edit                      func(*testing.T, *List)
	}{
		{
			"remove keeps a neighbour's comment", "comments above the dash belong to the item below",
			"items:\n- kind: Own\n# of B\n- kind: B\n# of Own\n- kind: Own\n\n# loose\n\n# of C\n- kind: C\n",
			"items:\n# of B\n- kind: B\n# loose\n\n# of C\n- kind: C\n",
			func(_ *testing.T, l *List) { l.Remove(own(l, 0)); l.Remove(own(l, 2)) },
		},
		{
			"remove leaves a comment right of the dash", "it belongs to what is above", "items:\n    # of the list\n- kind: Own\n",
			"items: []\n    # of the list\n", func(_ *testing.T, l *List) { l.Remove(own(l, 0)) },
		},
		{
			"replace keeps a neighbour's comment", "the own comment goes, it is generated too",
			"items:\n# of Own\n- kind: Own\n  x: 1\n\n# of B\n- kind: B\n",
			"items:\n- kind: New\n# of B\n- kind: B\n",
			func(t *testing.T, l *List) { l.Replace(own(l, 0), []byte("kind: New\n")) },
		},
		{
			"last item goes", "kustomize needs the key", "items: # c\n# loose\n\n- kind: Own\n# end\nfunctionConfig: {}\n",
			"items: [] # c\n# loose\n\n# end\nfunctionConfig: {}\n",
			func(_ *testing.T, l *List) { l.Remove(own(l, 0)) },
		},
		{
			"append to an empty list", "the empty value goes, the comment stays", "items: [] # c\n# end\nfunctionConfig: {}\n",
			"items: # c\n- kind: New\n# end\nfunctionConfig: {}\n",
			func(t *testing.T, l *List) { must(t, l.AppendText([]byte("kind: New\n"))) },
		},
		{
			"append to an empty list with blank lines", "they would be text of the object", "items: []\n\n \n      # deep\n\n# end\n",
			"items:\n\n \n      # deep\n\n- a: |+\n    x\n# end\n",
			func(t *testing.T, l *List) { must(t, l.AppendText([]byte("a: |+\n  x\n"))) },
		},
		{
			"append to null", "null is an empty list", "items: null", "items:\n- kind: New\n",
			func(t *testing.T, l *List) { must(t, l.AppendText([]byte("kind: New\n"))) },
		},
		{"null without edits", "the key is written as a list", "items: ~ # c\n", "items: [] # c\n", func(*testing.T, *List) {}},
		{"nothing without edits", "as above", "items:\n# c\n", "items: []\n# c\n", func(*testing.T, *List) {}},
		{"no items without edits", "the key is added", "x: 1", "x: 1\nitems: []\n", func(*testing.T, *List) {}},
		{
			"append without items", "the key is added", "x: 1\n", "x: 1\nitems:\n- kind: New\n",
			func(t *testing.T, l *List) { must(t, l.AppendText([]byte("kind: New\n"))) },
		},
		{
			"append at the list's column", "own items stand as their neighbours do",
			"items:\n    -   kind: A\n# end", "items:\n    -   kind: A\n    - kind: New\n      a:\n      - b\n# end",
			func(t *testing.T, l *List) { must(t, l.AppendText([]byte("kind: New\na:\n- b\n"))) },
		},
		{
			"append after a missing newline", "the newline is added", "items:\n- kind: A", "items:\n- kind: A\n- kind: New\n",
			func(t *testing.T, l *List) { must(t, l.AppendText([]byte("kind: New\n"))) },
		},
		{
			"remove, then replace", "the last edit counts", "items:\n- kind: A\n", "items:\n- kind: New\n",
			func(t *testing.T, l *List) { l.Remove(own(l, 0)); l.Replace(own(l, 0), []byte("kind: New\n")) },
		},
		{
			"replace, then remove", "the last edit counts", "items:\n- kind: A\n", "items: []\n",
			func(t *testing.T, l *List) { l.Replace(own(l, 0), []byte("kind: New\n")); l.Remove(own(l, 0)) },
		},
		{
			"old results go", "comments after them do not", "results: # c\n- message: old\n  # in\n\n# end\nitems:\n- kind: A\n",
			"# end\nitems:\n- kind: A\n", func(*testing.T, *List) {},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := mustParse(t, head+tt.input)
			if !l.Cut() {
				t.Fatalf("not cut: %s", l.Reason())
			}
			tt.edit(t, l)
			diff(t, tt.reason, head+tt.want, string(l.Bytes(nil)))
			if !strings.Contains(tt.input, "results") {
				diff(t, "original", head+tt.input, string(l.Original(nil)))
			}
		})
	}
}

func TestResultsKeepTheirPlace(t *testing.T) {
	l := mustParse(t, head+"results: {items: []} # c\n\n# of items\nitems:\n- kind: A\n")
	want := head + "results:\n" + anyResult + "# of items\nitems:\n- kind: A\n"
	diff(t, "Bytes", want, string(l.Bytes([]byte(strings.TrimSuffix(anyResult, "\n")))))
	diff(t, "Original", want, string(l.Original([]byte(anyResult))))
}

func TestAppendKeepsTheDocument(t *testing.T) {
	tests := []struct{ name, doc, want string }{
		{
			"encrypted file", "# top\n---\nkind: Secret # c\n\n# between\nenc: |\n  -----BEGIN\n\n  x\nmac: ENC[x]\n# end\n",
			"  - # top\n    kind: Secret # c\n\n    # between\n    enc: |\n      -----BEGIN\n\n      x\n    mac: ENC[x]\n    # end\n",
		},
		{"marker with comment", "--- # c\nkind: A\n", "  - # c\n    kind: A\n"},
		{"byte order mark", "\ufeffkind: A\n", "  - kind: A\n"},
		{"explicit indentation", "a: |2\n    x\n  y\nb:\n- |1\n   z\n", "  - a: |2\n        x\n      y\n    b:\n    - |1\n       z\n"},
		{"crlf", "a: |\r\n  x\r\n\r\n  y\r\nb: c\r\n", "  - a: |\r\n      x\r\n\r\n      y\r\n    b: c\r\n"},
		{"spaces are text", "a: |+\n  x\n    \n \n", "  - a: |+\n      x\n        \n     \n"},
		{"blank first line", "\n# c\na: b\n", "  -\n    # c\n    a: b\n"},
		{"indented document", "  a: b\n  c: d\n", "  -   a: b\n      c: d\n"},
		{"flow", "{a: b,\nc: d\n}\n", "  - {a: b,\n    c: d\n    }\n"},
		{"no newline", "a: b", "  - a: b\n"},
		{"lines of quoted text", "a: \"x\n  y\\\n  \\ z\"\nb: p\n  q\n", "  - a: \"x\n      y\\\n      \\ z\"\n    b: p\n      q\n"},
		{"anchors", "a: &x b\nc: *x\n", "  - a: &x b\n    c: *x\n"},
		{"encoded: newline is text", "a: |\n  b", "  - a: |-\n      b\n"},
		{"encoded: directive", "%YAML 1.2\n---\na: 123456789012345678901234567890\n", "  - a: 123456789012345678901234567890\n"},
		{"encoded: content on the marker", "--- {a: b}\n", "  - a: b\n"},
		{"encoded: break without line feed", "a: |\n  x\u2028  y\nb: &x c\nd: *x\n", "  - \"a\": \"x\\Ly\\n\"\n    \"b\": \"c\"\n    \"d\": \"c\"\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := mustParse(t, head+"items:\n  - kind: A\n")
			must(t, l.AppendText([]byte(tt.doc)))
			out := string(l.Bytes(nil))
			diff(t, "output", head+"items:\n  - kind: A\n"+tt.want, out)
			diff(t, "meaning", canonOf(t, tt.doc), wholeItems(t, out)[1])
			again := mustParse(t, out)
			if !again.Cut() {
				t.Fatalf("not cut: %s", again.Reason())
			}
			again.Replace(again.Items()[1], again.Items()[1].Text())
			diff(t, "meaning when replaced by itself", canonOf(t, tt.doc), wholeItems(t, string(again.Bytes(nil)))[1])
		})
	}
}

func TestAppendRefusesOtherDocuments(t *testing.T) {
	for _, doc := range []string{"", "# c\n", canary, "- " + canary, "a: b\n---\nc: " + canary + "\n", "a: [" + canary, "a: *" + canary + "\n", "a: &" + canary + " [*" + canary + "]\n", "a: \x00\n"} {
		l := mustParse(t, head+"items:\n- kind: A\n")
		err := l.AppendText([]byte(doc))
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%q: %v", doc, err)
		}
		diff(t, "unchanged", head+"items:\n- kind: A\n", string(l.Bytes(nil)))
	}
}
