// SPDX-License-Identifier: Apache-2.0

package resourcelist

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const (
	ownDoc    = "apiVersion: v1\nkind: Own\ndata:\n  a: |+\n    - x\n\n"
	ownDoc2   = "# a comment\nkind: Own2\nlist:\n- x\n"
	canary    = "key_CANARY0123456789"
	anyResult = "- message: hello\n  severity: info\n"
)

func mustParse(t *testing.T, data string) *List {
	t.Helper()
	l, err := Parse([]byte(data))
	if err != nil {
		t.Fatalf("parse: %v\n%.1000q", err, data)
	}
	return l
}

// canon writes what a node means in a form of its own, aliases resolved, so that no code under test has a say in it.
func canon(n *yaml.Node) string {
	var b strings.Builder
	writeCanon(&b, n)
	return b.String()
}

func writeCanon(b *strings.Builder, n *yaml.Node) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode {
		fmt.Fprintf(b, "%s %q", n.ShortTag(), n.Value)
		return
	}
	fmt.Fprintf(b, "%s(", n.ShortTag())
	for _, c := range n.Content {
		writeCanon(b, c)
		b.WriteString(", ")
	}
	b.WriteString(")")
}

// wholeItems is the oracle: the items by a plain parse of everything, helped over what the library cannot read.
func wholeItems(t *testing.T, data string) []string {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(forParser([]byte(data)), &doc); err != nil {
		t.Fatalf("the oracle does not parse: %v\n%s", err, data)
	}
	root := doc.Content[0]
	var out []string
	for i := 0; i < len(root.Content); i += 2 {
		if root.Content[i].Value == "items" {
			value := root.Content[i+1]
			for value.Kind == yaml.AliasNode {
				value = value.Alias
			}
			for _, item := range value.Content {
				out = append(out, canon(item))
			}
		}
	}
	return out
}

func listItems(l *List) []string {
	var out []string
	for _, i := range l.Items() {
		out = append(out, canon(i.Node()))
	}
	return out
}

func texts(l *List) []string {
	var out []string
	for _, i := range l.Items() {
		out = append(out, string(i.text))
	}
	return out
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestCorpusIsCutAndUntouched(t *testing.T) {
	for _, c := range append(append([]hardCase(nil), corpus...), emptyLists...) {
		t.Run(c.name, func(t *testing.T) {
			l := mustParse(t, c.input)
			if !l.Cut() {
				t.Fatalf("not cut: %s", l.Reason())
			}
			diff(t, "items", wholeItems(t, c.input), listItems(l))
			diff(t, "Bytes", c.input, string(l.Bytes(nil)))
			diff(t, "Original", c.input, string(l.Original(nil)))
			got := string(l.Bytes([]byte(anyResult)))
			diff(t, "Bytes with results", strings.TrimSuffix(c.input, "\n")+"\nresults:\n"+anyResult, got)
			again := mustParse(t, got)
			diff(t, "results removed again", strings.TrimSuffix(c.input, "\n")+"\n", string(again.Bytes(nil)))
		})
	}
}

// TestForeignItemsKeepTheirBytes makes each item of each list in turn our own: it replaces it, removes it, and appends.
func TestForeignItemsKeepTheirBytes(t *testing.T) {
	for _, c := range corpus {
		for k := range mustParse(t, c.input).Items() {
			t.Run(fmt.Sprintf("%s/%d", c.name, k), func(t *testing.T) {
				before := mustParse(t, c.input)
				wantTexts, wantItems := texts(before), wholeItems(t, c.input)
				own := canonOf(t, ownDoc)

				l := mustParse(t, c.input)
				must(t, l.AppendText([]byte(ownDoc)))
				must(t, l.AppendText([]byte("---\n"+ownDoc2)))
				l.Replace(l.Items()[k], []byte(ownDoc))
				out := string(l.Bytes([]byte(anyResult)))
				checkForeign(t, out, k, wantTexts)
				want := append(append([]string(nil), wantItems...), own, canonOf(t, ownDoc2))
				want[k] = own
				diff(t, "after replace and append", want, wholeItems(t, out))

				// What was appended and replaced goes again.
				l = mustParse(t, out)
				n := len(l.Items())
				l.Remove(l.Items()[n-1])
				l.Remove(l.Items()[n-2])
				l.Remove(l.Items()[k])
				out = string(l.Bytes(nil))
				checkForeign(t, out, -1, append(append([]string(nil), wantTexts[:k]...), wantTexts[k+1:]...))
				diff(t, "after remove", append(append([]string(nil), wantItems[:k]...), wantItems[k+1:]...), wholeItems(t, out))
			})
		}
	}
}

// checkForeign looks for the items' bytes in out, in order, without help of the parser; skip is not looked for.
func checkForeign(t *testing.T, out string, skip int, want []string) {
	t.Helper()
	rest := out
	for i, text := range want {
		if i == skip {
			continue
		}
		at := strings.Index(rest, text)
		if at < 0 {
			t.Fatalf("item %d is not in the output, or not in its place:\n%s\n--- in\n%s", i, text, out)
		}
		rest = rest[at+len(text):]
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func canonOf(t *testing.T, doc string) string {
	t.Helper()
	var n yaml.Node
	must(t, yaml.Unmarshal(forParser([]byte(doc)), &n))
	return canon(n.Content[0])
}

func TestTextIsADocument(t *testing.T) {
	for _, c := range corpus {
		l := mustParse(t, c.input)
		for i, item := range l.Items() {
			text := string(item.Text())
			diff(t, fmt.Sprintf("%s/%d", c.name, i), canon(item.Node()), canonOf(t, text))
			if strings.Count(text, "\n") != strings.Count(string(item.text), "\n") {
				t.Errorf("%s/%d: lines of Text and Node differ:\n%s", c.name, i, text)
			}
		}
	}
}

func TestTextLayout(t *testing.T) {
	input := head + `functionConfig: # c
    kind: F # d
    a: b
items:
  # lead
  -   kind: A
      text: |2

          x
      # inside
      list:
      - y
  -
    kind: B
`
	l := mustParse(t, input)
	diff(t, "functionConfig", "            # c\nkind: F # d\na: b\n", string(l.FunctionConfig().Text()))
	diff(t, "first", "# lead\nkind: A\ntext: |2\n\n    x\n# inside\nlist:\n- y\n", string(l.Items()[0].Text()))
	diff(t, "second", "\nkind: B\n", string(l.Items()[1].Text()))
	diff(t, "size", len("  -\n    kind: B\n"), l.Items()[1].Size())
}

func TestFunctionConfigIsNilWhenEmpty(t *testing.T) {
	for _, v := range []string{"", "functionConfig:\n", "functionConfig: null\n", "functionConfig: {}\n", "functionConfig: ~ # c\n"} {
		if l := mustParse(t, head+v+"items: []\n"); l.FunctionConfig() != nil {
			t.Errorf("%q: not nil", v)
		}
	}
}

func TestFullParserKeepsOrderAndMeaning(t *testing.T) {
	for _, c := range fullCases {
		t.Run(c.name, func(t *testing.T) {
			l := mustParse(t, c.input)
			if l.Cut() || l.Reason() == "" {
				t.Fatalf("cut %v, reason %q", l.Cut(), l.Reason())
			}
			t.Log(l.Reason())
			var want []string
			for _, item := range c.items {
				want = append(want, canonOf(t, item))
			}
			diff(t, "items", want, listItems(l))
			must(t, l.AppendText([]byte(ownDoc)))
			for _, results := range []string{"", anyResult} {
				out := string(l.Bytes([]byte(results)))
				diff(t, "output", append(want, canonOf(t, ownDoc)), wholeItems(t, out))
				again := mustParse(t, out)
				if !again.Cut() {
					t.Errorf("the output is not cut: %s\n%s", again.Reason(), out)
				}
				diff(t, "original", want, wholeItems(t, string(l.Original([]byte(results)))))
			}
		})
	}
}

// TestOriginalOfASectionedList shows that sharing anchors between items costs the items' layout, but not in a failure.
func TestOriginalOfASectionedList(t *testing.T) {
	input := head + "items:\n- {kind: A, a: &x 1}   # c\n- kind:   B\n  a: *x\nresults:\n- message: old\n# end"
	l := mustParse(t, input)
	if l.Cut() {
		t.Fatal("cut")
	}
	want := head + "items:\n- {kind: A, a: &x 1}   # c\n- kind:   B\n  a: *x\nresults:\n" + anyResult + "# end"
	diff(t, "original", want, string(l.Original([]byte(anyResult))))
}

func TestMeta(t *testing.T) {
	input := head + `items:
- apiVersion: apps/v1
  kind: Deployment
  metadata:
    name: a
    namespace: b
    annotations: {x: "1", y: 2}
- base: &base
    name: merged
    namespace: lost
  notes: &notes
    x: y
    z: base
  kind: &k Alias
  copy: *k
  apiVersion: *k
  metadata:
    <<: [*base, {name: weaker}]
    namespace: own
    annotations:
      <<: *notes
      z: own
- kind: 1
  apiVersion: [v1]
  metadata: none
`
	var got []Meta
	for _, i := range mustParse(t, input).Items() {
		got = append(got, i.Meta())
	}
	diff(t, "meta", []Meta{
		{APIVersion: "apps/v1", Kind: "Deployment", Name: "a", Namespace: "b", Annotations: map[string]string{"x": "1", "y": ""}},
		{APIVersion: "Alias", Kind: "Alias", Name: "merged", Namespace: "own", Annotations: map[string]string{"x": "y", "z": "own"}},
		{},
	}, got)
}

func TestParseErrors(t *testing.T) {
	laughs := "x: &a0 [lol]\n"
	for i := range 40 {
		laughs += fmt.Sprintf("x%d: &a%d [*a%d, *a%d]\n", i, i+1, i, i)
	}
	tests := []struct {
		name, input, want string
		tooLarge          bool
	}{
		{name: "empty", input: "", want: "empty"},
		{name: "white space", input: " \n\n", want: "empty"},
		{name: "byte order mark alone", input: "\ufeff\n", want: "empty"},
		{name: "comment alone", input: "# " + canary + "\n", want: "empty"},
		{name: "marker alone", input: "---\n", want: "must be a mapping"},
		{name: "utf-16 little", input: "\xff\xfea\x00", want: "UTF-16"},
		{name: "utf-16 big", input: "\xfe\xff\x00a", want: "UTF-16"},
		{name: "invalid utf-8", input: head + "x: " + canary + "\xff\n", want: "line 3: invalid UTF-8"},
		{name: "nul", input: head + "x: " + canary + "\x00\n", want: "line 3: a NUL byte"},
		{name: "control character", input: head + "# " + canary + "\x07\n", want: "line 3: a control character"},
		{name: "two documents", input: head + "items: []\n---\n" + canary + ": 1\n", want: "line 4: the input must be one YAML document"},
		{name: "two markers", input: "---\n---\n" + head, want: "line 2: the input must be one YAML document"},
		{name: "document end", input: head + "items: []\n...\n", want: "line 4: the input must be one YAML document"},
		{name: "two flow documents", input: "{a: " + canary + "}\r--- {b: c}\n", want: "must be one YAML document"},
		{name: "scalar", input: canary, want: "must be a mapping"},
		{name: "sequence", input: "- " + canary, want: "must be a mapping"},
		{name: "alias to nothing", input: head + "x: *" + canary + "\n", want: "unknown anchor"},
		{name: "alias in its anchor", input: head + "x: &" + canary + " [*" + canary + "]\n", want: "within its own anchor"},
		{name: "broken flow", input: head + "x: [" + canary + "\n", want: "invalid YAML"},
		{name: "broken quote", input: head + "x: \"" + canary + "\n", want: "invalid YAML"},
		{name: "bad escape", input: head + "x: \"\\" + canary + "\"\n", want: "invalid YAML"},
		{name: "bad indentation", input: head + "x:\n  a: b\n " + canary + ": c\n", want: "invalid YAML"},
		{name: "unknown tag handle", input: head + "x: !" + canary + "!a b\n", want: "invalid YAML"},
		{name: "unknown directive", input: "%" + canary + " 1\n---\n" + head, want: "invalid YAML"},
		{name: "tab indentation", input: head + "x:\n\ta: " + canary + "\n", want: "invalid YAML"},
		{name: "other kind", input: "apiVersion: config.kubernetes.io/v1\nkind: " + canary + "\n", want: "line 2: kind must be ResourceList"},
		{name: "other group", input: "apiVersion: " + canary + "/v1\nkind: ResourceList\n", want: "line 1: not a ResourceList"},
		{name: "no apiVersion", input: "kind: ResourceList\n", want: "must have apiVersion and kind"},
		{name: "no kind", input: "apiVersion: config.kubernetes.io/v1\nitems: []\n", want: "must have apiVersion and kind"},
		{name: "items twice", input: head + "items: []\nitems:\n- kind: " + canary + "\n", want: "line 4: a top-level key occurs a second time"},
		{name: "items twice quoted", input: head + "items: []\n\"items\": []\n", want: "second time"},
		{name: "items a mapping", input: head + "items:\n  " + canary + ": 1\n", want: "items must be a sequence"},
		{name: "items a scalar", input: head + "items: " + canary + "\n", want: "line 3: items must be a sequence"},
		{name: "item a scalar", input: head + "items:\n- kind: A\n- " + canary + "\n", want: "line 5: item 1 must be a mapping"},
		{name: "item null", input: head + "items:\n-\n- kind: A\n", want: "item 0 must be a mapping"},
		{name: "item a sequence", input: head + "items:\n- - " + canary + "\n", want: "item 0 must be a mapping"},
		{name: "functionConfig a scalar", input: head + "functionConfig: " + canary + "\n", want: "functionConfig must be a mapping"},
		{name: "merge at the top", input: "x: &x {}\n<<: *x\n" + head, want: "line 2: a top-level key must be a plain name"},
		{name: "strange key", input: head + "\"" + canary + " \": 1\n", want: "must be a plain name"},
		{name: "number key", input: head + "12: 1\n", want: "must be a plain name"},
		{name: "complex key", input: head + "? [" + canary + "]\n: 1\n", want: "must be a plain name"},
		{name: "too many bytes", input: head + "# " + strings.Repeat("x", MaxSize), want: "more than 64 MiB", tooLarge: true},
		{name: "too deep in flow", input: head + "items:\n" + nested(9000), want: "deeper than 1000", tooLarge: true},
		{name: "too deep for the parser", input: head + "items:\n" + nested(20000), want: "invalid YAML"},
		{name: "too deep in blocks", input: head + "x:\n  " + strings.Repeat("- ", 9000) + canary + "\n", want: "deeper than 1000", tooLarge: true},
		{name: "too deep by aliases", input: head + "x: &x " + strings.Repeat("[", 600) + strings.Repeat("]", 600) + "\ny: " + strings.Repeat("[", 600) + "*x" + strings.Repeat("]", 600) + "\n", want: "deeper than 1000", tooLarge: true},
		{name: "billion laughs", input: head + laughs, want: "aliases add more than", tooLarge: true},
		{name: "billion laughs in an item", input: head + "items:\n- " + strings.ReplaceAll(strings.TrimSpace(laughs), "\n", "\n  ") + "\n", want: "aliases add more than", tooLarge: true},
		{name: "too large in block style", input: head + "x: {items: [" + strings.Repeat(strings.Repeat("[", 900)+strings.Repeat("]", 900)+",", 200) + "]}\nitems: [{}]\n", want: "in block style", tooLarge: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.input))
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), canary) || len(err.Error()) > 150 {
				t.Errorf("the error quotes its input: %v", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want %q in it", err, tt.want)
			}
			if errors.Is(err, ErrTooLarge) != tt.tooLarge {
				t.Errorf("ErrTooLarge must match: %v, got %v", tt.tooLarge, err)
			}
		})
	}
}

// TestNoPrefixPanics cuts every case at every byte: whatever comes of it, the parser stays alive and quotes nothing.
func TestNoPrefixPanics(t *testing.T) {
	for _, c := range corpus {
		if len(c.input) > 2000 {
			continue
		}
		for n := range len(c.input) {
			l, err := Parse([]byte(c.input[:n]))
			if err == nil && !bytes.HasPrefix(l.Bytes(nil), []byte(c.input[:n])) && l.Cut() && len(l.Items()) > 0 {
				t.Errorf("%s: cut after %d bytes, the text changes", c.name, n)
			}
		}
	}
}

func TestParseKeepsACopy(t *testing.T) {
	data := []byte(corpus[0].input)
	l, err := Parse(data)
	must(t, err)
	clear(data)
	diff(t, "Bytes", corpus[0].input, string(l.Bytes(nil)))
}
