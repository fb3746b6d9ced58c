// SPDX-License-Identifier: Apache-2.0

package resourcelist

import "strings"

// head is the start of most cases.
const head = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n"

// hardCase is a list that is hard to take apart by lines.
type hardCase struct {
	name, reason string // the reason says what a careless reader would get wrong
	input        string
}

// nested returns an item with a tree of n flow sequences.
func nested(n int) string {
	return "- kind: A\n  deep: " + strings.Repeat("[", n) + strings.Repeat("]", n) + "\n"
}

// corpus holds the lists that must be cut, each without results.
var corpus = []hardCase{
	{"plain", "the form that kpt and kustomize write", head + `items:
- apiVersion: v1
  kind: ConfigMap
  metadata:
    name: a
    annotations:
      config.kubernetes.io/index: '0'
- apiVersion: v1
  kind: Service
  metadata:
    name: b
functionConfig:
  apiVersion: v1
  kind: ConfigMap
  metadata:
    name: fn
`},
	{"deep dashes", "dashes stand right of the items key", head + `items:
    - kind: A
      list:
        - x
    - kind: B
`},
	{"wide dashes", "the item's column is not the dash's plus two", head + `items:
-   kind: A
    list:
    - x
    -   y: 1
        z: 2
-     kind: B
      data: {}
`},
	{"dash alone", "the item begins on the line after the dash", head + "items:\n-\n  kind: A\n- \n  kind: B\n-\n      kind: C\n"},
	{"dash with comment", "a comment stands where the item is expected", head + "items:\n- # first\n  kind: A\n- # second\n  # more\n\n  kind: B\n"},
	{"flow items", "an item in flow style on its own lines", head + `items:
- {kind: A, metadata: {name: a}}
- {kind: B,
   list: [1,
     2]}
- kind: C
`},
	{"dashes in block scalar", "text that looks like the list", head + `items:
- kind: A
  data:
    list.yaml: |
      items:
      - apiVersion: v1
        kind: Fake
      - apiVersion: v1
    dedent: |
     - kind: Fake
- kind: B
  text: >-
    - one
    - two

     items:
`},
	{"explicit indentation", "the first line of a block scalar is deeper than its text", head + `items:
- kind: A
  a: |2
      two too many
    as told
  b: |1-
      x
   y
  c: >+2

      z

- kind: B
  list:
  - |2
      x
    - y
`},
	{"keep chomping", "blank lines at an item's end are text", head + "items:\n- kind: A\n  text: |+\n    x\n\n\n- kind: B\n  text: >+\n    x\n\n# of C\n- kind: C\n  text: |+\n\n\nfunctionConfig: {}\n"},
	{"spaces in keep", "lines of spaces at an item's end are text", head + "items:\n- kind: A\n  text: |+\n    x\n      \n    \n \n- kind: B\n"},
	{"comment block scalar", "text that looks like a comment", head + "items:\n- kind: A\n  run: |\n    # not a comment\n    - x\n   # a comment\n  b: 1\n- kind: B\n"},
	{"crlf", "line ends of two bytes", strings.ReplaceAll(head+"items:\n# c\n- kind: A\n  t: |\n    x\n    y\n\n- kind: B # c\n  q: \"a\n    b\"\nfunctionConfig:\n  kind: C\n", "\n", "\r\n")},
	{"mixed line ends", "some lines end in CRLF", head + "items:\r\n- kind: A\n  t: |\r\n    x\n    y\r\n- kind: B\r\n"},
	{"byte order mark", "the first key is not in the first byte", "\ufeff" + head + "items:\n- kind: A\n- kind: B\n"},
	{"directive and marker", "lines before the first key", "# top\n%YAML 1.2 \n--- # doc\n# below\n\n" + head + "items:\n- kind: A\n- kind: B\n"},
	{"byte order mark and directive", "the directive is not in the first byte", "\ufeff%YAML 1.2\n---\n" + head + "items:\n- kind: A\n- kind: B\n"},
	{"marker", "a leading document marker", "---\n" + head + "items:\n- kind: A\n- kind: B\n"},
	{"no final newline", "the last line has no end", head + "items:\n- kind: A\n- kind: B\n  a: b"},
	{"no final newline after comment", "the last line is a comment without end", head + "items:\n- kind: A\n- kind: B\n# end"},
	{"no final newline stripped scalar", "a block scalar at the end that strips newlines", head + "items:\n- kind: A\n- kind: B\n  a: |-\n    b"},
	{"items last, config first", "sections in another order", "kind: ResourceList\nfunctionConfig:\n  kind: F\nx-other: [1, 2]\nitems:\n- kind: A\n- kind: B\napiVersion: config.kubernetes.io/v1alpha1\n"},
	{"comments everywhere", "each comment belongs to somebody", `# one
apiVersion: config.kubernetes.io/v1 # two
# three
kind: ResourceList

# four
items: # five

# six

# seven
- kind: A # eight
  # nine
# ten

# eleven
- kind: B
  # twelve

# thirteen
functionConfig: # fourteen
  # fifteen
  kind: F
# sixteen
`},
	{"comments left of deep dashes", "comments of less indentation do not end the list", head + "items:\n  # a\n# b\n  - kind: A\n # c\n  - kind: B\n    x: 1\n   # d\n  - kind: C\n# e\n"},
	{"comments left of an item's text", "a comment in the dash's column may stand amid an item", head + "items:\n  - kind: A\n# a\n    b: 1\n\n  # b\n\n    c:\n# c\n    - 2\n  - kind: B\n"},
	{"complex keys", "keys with ? and : on lines of their own", head + `items:
- kind: A
  ? a
  : b
  ? [c, d]
  : - e
    - f
  ? |
    block
  : g
- ? kind
  : B
`},
	{"anchors inside one item", "aliases that stay in the item", head + `items:
- &whole
  kind: A
  base: &base
    x: 1
  copy: *base
  merged:
    <<: *base
    y: 2
  list: [*base, *base]
- kind: B
`},
	{"anchor defined again", "the same anchor in two items, each with its own aliases", head + `items:
- kind: A
  a: &x 1
  b: *x
- kind: B
  a: &x 2
  b: *x
  c: &x 3
  d: *x
`},
	{"numbers", "values that decoding would change", head + `items:
- kind: A
  big: 123456789012345678901234567890
  float: 1.10
  exp: 1e3
  octal: 0755
  hex: 0xFF
  sexagesimal: 1:30:00
  date: 2001-01-01
  "yes": no
- kind: B
  underscore: 1_000
  nan: .NaN
  tilde: ~
  empty:
`},
	{"quoted text over lines", "a quoted text whose lines look like YAML", head + `items:
- kind: A
  a: "x
    - kind: Fake

    y\
    \  z # no comment"
  b: 'it''s
    # none
    - x'
  c: plain text
    over lines
    - not a list

    end
- kind: B
`},
	{"quoted text left of dashes", "quoted lines may stand left of the list", head + "items:\n    - kind: A\n      a: \"x\n y\n   z\"\n    - kind: B\n"},
	{"long line, emoji, tabs", "columns are not bytes", head + "items:\n- kind: A\n  a: \"\U0001f600\ttab\"\n  b: a\tb\t# c\n  \U0001f680: |\n    x\n    \ty\n    \U0001f680\n- kind: B\n  long: " + strings.Repeat("x\u00e9 ", 20000) + "\n"},
	{"unicode breaks", "characters at which YAML 1.1 ends a line", head + "items:\n- kind: A\n  a: \"x\u2028y\u2029z\"\n  b: |\n    p\u2028    - q\n- kind: B\n  c: 'x\u0085  - kind: Fake'\n"},
	{"tags", "tags keep their place", head + "items:\n- !!map\n  kind: A\n  a: !!str 1\n  b: !custom {x: !y z}\n- kind: B\n  c: !!binary aGk=\n  d: ! 1\n"},
	{"quoted keys", "top-level keys in quotes", "\"apiVersion\": 'config.kubernetes.io/v1'\n'kind' : ResourceList\n\"items\" : # c\n- \"kind\": A\n- 'kind': B\n\"functionConfig\" :\n  kind: F\n"},
	{"nested lists in the dash's column", "compact nested sequences", head + "items:\n- kind: A\n  a:\n  - - - x\n    - y\n  -\n    - z\n- kind: B\n"},
	{"values that look like keys", "texts with colons and dashes", head + "items:\n- kind: A\n  a: -x\n  b: --- x\n  c: http://x:1/#y\n  d: x#y\n  e: \"items:\"\n  -f: 1\n  ...g: 2\n- kind: B\n"},
	{"deep nesting", "recursion", head + "items:\n" + nested(900) + nested(900)},
	{"secret", "an encrypted file as it came", head + `items:
- apiVersion: v1
  kind: Secret
  metadata:
    name: s
  stringData:
    token: ENC[AES256_GCM,data:abc=,iv:def=,tag:ghi==,type:str]
  sops:
    age:
    - recipient: age1xyz
      enc: |
        -----BEGIN AGE ENCRYPTED FILE-----
        YWdl
        -----END AGE ENCRYPTED FILE-----
    lastmodified: "2026-01-01T00:00:00Z"
    mac: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]
- kind: B
`},
}

// emptyLists hold no items and are written as they came.
var emptyLists = []hardCase{
	{"empty flow", "the usual form", head + "items: []\nfunctionConfig:\n  kind: F\n"},
	{"empty flow with comment", "a comment after the value", head + "items: [ ] # none\n# end\n"},
	{"empty flow without newline", "nothing after the value", head + "items: []"},
}

// fullCase is a list for the full parser.
type fullCase struct {
	hardCase
	items []string // in block style, what the items mean
}

var fullCases = []fullCase{
	{
		hardCase{"json", "flow style from the first byte", `{"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList",
 "items": [{"kind": "A", "n": 123456789012345678901234567890, "s": "123", "e": [], "m": {}, "t": "a\nb"}, {"kind": "B", "u": "é\u00e9\/", "w": "\ud83d\ude00\\/"}]}`},
		[]string{"kind: A\nn: 123456789012345678901234567890\ns: '123'\ne: []\nm: {}\nt: \"a\\nb\"\n", "kind: B\nu: éé/\nw: '\U0001f600\\/'\n"},
	},
	{hardCase{"flow list of one", "a flow mapping with one key looks like a section", "{apiVersion: config.kubernetes.io/v1, kind: ResourceList, items: [{kind: A}]}\n"}, []string{"kind: A\n"}},
	{hardCase{"flow items", "items in flow style", head + "items: [{kind: A, l: [x,\n y]}, {kind: B}]\n"}, []string{"kind: A\nl: [x, y]\n", "kind: B\n"}},
	{
		hardCase{"alias crosses items", "an item leans on another", head + "items:\n- kind: A\n  a: &x {n: 1.10}\n- kind: B\n  a: *x\n  b:\n    <<: *x\n    c: 1\n"},
		[]string{"kind: A\na: {n: 1.10}\n", "kind: B\na: {n: 1.10}\nb:\n  <<: {n: 1.10}\n  c: 1\n"},
	},
	{hardCase{"alias crosses sections", "an item leans on the functionConfig", head + "functionConfig: &f\n  kind: F\nitems:\n- kind: A\n- *f\n"}, []string{"kind: A\n", "kind: F\n"}},
	{hardCase{"quote crosses items", "a quoted text with the list's dashes", head + "items:\n- kind: A\n  a: \"x\n- kind: Fake\n  b\"\n- kind: B\n"}, []string{"kind: A\na: 'x - kind: Fake b'\n", "kind: B\n"}},
	{hardCase{"quote crosses sections", "a quoted text in the first column", head + "items:\n- kind: A\n  a: 'x\nitems: y'\n- kind: B\n"}, []string{"kind: A\na: 'x items: y'\n", "kind: B\n"}},
	{hardCase{"literal at the end", "a newline would be one more in the text", head + "items:\n- kind: A\n- kind: B\n  a: |\n    b"}, []string{"kind: A\n", "kind: B\na: b\n"}},
	{hardCase{"folded at the end", "as above for a kept fold", head + "items:\n- kind: A\n  a: >+\n    b"}, []string{"kind: A\na: b\n"}},
	{hardCase{"anchored items", "the list itself has an anchor", head + "items: &i\n- kind: A\nx: *i\n"}, []string{"kind: A\n"}},
	{hardCase{"tag directive", "tags mean something else", "%TAG ! tag:example.com,2000:\n---\n" + head + "items:\n- kind: A\n  a: !x y\n"}, []string{"kind: A\na: !<tag:example.com,2000:x> y\n"}},
	{hardCase{"indented document", "no key stands in the first column", "  apiVersion: config.kubernetes.io/v1\n  kind: ResourceList\n  items:\n  - kind: A\n"}, []string{"kind: A\n"}},
	{hardCase{"complex top-level key", "a key and its value on two lines", head + "? items\n: - kind: A\n  - kind: B\n"}, []string{"kind: A\n", "kind: B\n"}},
	{hardCase{"comment with a break", "the comment ends before its line does", head + "items:\n- kind: A\n# x\u2028- kind: B\n"}, []string{"kind: A\n", "kind: B\n"}},
	{hardCase{"breaks without line feed", "old Mac line ends", strings.ReplaceAll(head+"items:\n- kind: A\n- kind: B\n", "\n", "\r")}, []string{"kind: A\n", "kind: B\n"}},
	{hardCase{"flow items on the next line", "a sequence, but none of dashes", head + "items:\n  [{kind: A}]\n"}, []string{"kind: A\n"}},
	{hardCase{"far to the right", "each line of an own object would grow by the column", head + "items:\n" + strings.Repeat(" ", maxDashColumn+1) + "- kind: A\n"}, []string{"kind: A\n"}},
	{hardCase{"byte order mark and json", "the brace is not in the first byte", "\ufeff{\"kind\": \"ResourceList\", \"apiVersion\": \"config.kubernetes.io/v1\", \"items\": [{\"kind\": \"\\/\"}]}"}, []string{"kind: /\n"}},
	{hardCase{"closing brace in the first column", "flow text in the first column", head + "items:\n- {kind: A\n}\n- kind: B\n"}, []string{"kind: A\n", "kind: B\n"}},
}
