// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

const fakeKey = "key_10thisIsNoRealToken12.itOpensNothing1234567890abcdefghijklmnopqrst"

// constants reads the codes from the source, so that one without an entry shows.
func constants(t *testing.T) map[string]Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Code{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if ident, ok := spec.Type.(*ast.Ident); !ok || ident.Name != "Code" {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		out[spec.Names[0].Name] = Code(value)
		return true
	})
	return out
}

// TestCatalogue: every code once, in order, with texts that explain and the reference can print as they are.
func TestCatalogue(t *testing.T) {
	described := map[Code]int{}
	format := regexp.MustCompile(`^RI(0[1-9]|1[01])[0-9]{2}$`)
	begins := regexp.MustCompile(`^([A-Z]|[a-z.]+[.A-Z])`) // a capital, or a field
	var codes []Code
	for _, e := range Catalogue() {
		described[e.Code]++
		codes = append(codes, e.Code)
		if !format.MatchString(string(e.Code)) {
			t.Errorf("%s is not RI, two digits of the subject, two of the number", e.Code)
		}
		if !slices.Contains([]Severity{Error, Warning, Info}, e.Severity) {
			t.Errorf("%s has the severity %q", e.Code, e.Severity)
		}
		if e.Title == "" || strings.HasSuffix(e.Title, ".") || len(e.Title) > 40 {
			t.Errorf("%s: the title %q is not a few words", e.Code, e.Title)
		}
		for name, text := range map[string]string{"cause": e.Cause, "fix": e.Fix} {
			if !strings.HasSuffix(text, ".") || strings.HasSuffix(text, "..") || !begins.MatchString(text) || strings.Contains(text, "  ") || strings.ContainsAny(text, "\n\t") {
				t.Errorf("%s: the %s %q is not made of sentences", e.Code, name, text)
			}
		}
		if got := Describe(e.Code); got != e {
			t.Errorf("Describe(%s) = %+v", e.Code, got)
		}
	}
	if !slices.IsSorted(codes) {
		t.Errorf("not in order: %q", codes)
	}
	names := constants(t)
	if len(names) < 50 {
		t.Fatalf("only %d codes were found in the source", len(names))
	}
	values := map[Code]string{}
	for name, code := range names {
		if described[code] != 1 {
			t.Errorf("%s (%s) is described %d times", name, code, described[code])
		}
		if other, twice := values[code]; twice {
			t.Errorf("%s and %s are both %s", name, other, code)
		}
		values[code] = name
	}
	if len(described) != len(names) {
		t.Errorf("%d codes are described, and %d exist", len(described), len(names))
	}
}

// TestStableCodes pins some: scripts rely on them. Severity is a part of that, because it decides the exit code.
func TestStableCodes(t *testing.T) {
	for _, tt := range []struct {
		got      Code
		want     string
		severity Severity
	}{
		{Unparsable, "RI0101", Error},
		{UnknownField, "RI0201", Error},
		{UnknownRegion, "RI0304", Warning},
		{BadSigningKey, "RI0305", Error},
		{SecretInSpec, "RI0401", Error},
		{PlaintextSecret, "RI0402", Error},
		{SecretNotSeen, "RI0409", Warning},
		{NotRegistered, "RI0503", Warning},
		{OpenService, "RI0504", Info},
		{ProxyUnguarded, "RI0603", Error},
		{ProxyOpen, "RI0604", Warning},
		{HeldObject, "RI0701", Error},
		{Kept, "RI0703", Warning},
		{Summary, "RI0704", Info},
		{AllPorts, "RI0802", Warning},
	} {
		if string(tt.got) != tt.want || Describe(tt.got).Severity != tt.severity {
			t.Errorf("got %s, %s, want %s, %s", tt.got, Describe(tt.got).Severity, tt.want, tt.severity)
		}
	}
}

func TestCatalogueIsTheCallers(t *testing.T) {
	Catalogue()[0].Title = "changed"
	if Catalogue()[0].Title == "changed" {
		t.Error("the catalogue itself was handed out")
	}
}

// TestUnknownCodeIsAnError: nothing slips through because somebody forgot an entry.
func TestUnknownCodeIsAnError(t *testing.T) {
	if got := Describe("RI9999"); got.Severity != Error || got.Code != "RI9999" || got.Title == "" {
		t.Errorf("got %+v", got)
	}
}

func TestLine(t *testing.T) {
	full := Diagnostic{
		Code: BadPort, Path: "spec.services[greeter].port", Message: "must be between 1 and 65535", Value: "0", Hint: "use 9080",
		Subject: Subject{Kind: "RestateIntegration", Namespace: "restate", Name: "prod", File: "base/integration.yaml", Index: 1},
	}
	for _, tt := range []struct {
		reason string
		change func(*Diagnostic)
		want   string
	}{
		{"everything", func(*Diagnostic) {}, `error: base/integration.yaml: RestateIntegration restate/prod: spec.services[greeter].port: must be between 1 and 65535, got "0"; use 9080 [RI0308]`},
		{"no file", func(d *Diagnostic) { d.Subject.File = "" }, `error: RestateIntegration restate/prod: spec.services[greeter].port: must be between 1 and 65535, got "0"; use 9080 [RI0308]`},
		{"no namespace", func(d *Diagnostic) { d.Subject = Subject{Kind: "Namespace", Name: "shop"} }, `error: Namespace shop: spec.services[greeter].port: must be between 1 and 65535, got "0"; use 9080 [RI0308]`},
		{"nothing but the message", func(d *Diagnostic) { *d = Diagnostic{Code: Unparsable, Message: "is empty"} }, `error: is empty [RI0101]`},
		{"a warning", func(d *Diagnostic) { *d = Diagnostic{Code: NotRegistered, Message: "registers nothing"} }, `warning: registers nothing [RI0503]`},
		{"info", func(d *Diagnostic) { *d = Diagnostic{Code: Summary, Message: "prod: 3 objects"} }, `info: prod: 3 objects [RI0704]`},
		{"an unknown code", func(d *Diagnostic) { *d = Diagnostic{Code: "RI9999", Message: "x"} }, `error: x [RI9999]`},
		{"quotes in a value", func(d *Diagnostic) { *d = Diagnostic{Code: BadName, Message: "must be a name", Value: `a"b`} }, `error: must be a name, got "a\"b" [RI0301]`},
		{"a long value is cut", func(d *Diagnostic) {
			*d = Diagnostic{Code: BadName, Message: "must be a name", Value: strings.Repeat("a", 70)}
		}, `error: must be a name, got "` + strings.Repeat("a", 64) + `..." [RI0301]`},
	} {
		d := full
		tt.change(&d)
		if got := d.Line(); got != tt.want {
			t.Errorf("%s: got\n%s, want\n%s", tt.reason, got, tt.want)
		}
	}
}

// TestLineIsOneLine: no text of a user's can begin a line of its own, or colour one.
func TestLineIsOneLine(t *testing.T) {
	for _, hostile := range []string{"a\nerror: b", "a\r\nb", "\x1b[31mred\x1b[0m", "a\u2028b", "a\u202eb", "a\x00b", "a\u0085b"} {
		for name, d := range map[string]Diagnostic{
			"value":     {Code: BadName, Message: "must be a name", Value: hostile},
			"message":   {Code: BadName, Message: "must be a name " + hostile},
			"hint":      {Code: BadName, Message: "must be a name", Hint: hostile},
			"path":      {Code: BadName, Message: "must be a name", Path: "spec.labels[" + hostile + "]"},
			"file":      {Code: BadName, Message: "must be a name", Subject: Subject{File: hostile}},
			"kind":      {Code: BadName, Message: "must be a name", Subject: Subject{Kind: hostile}},
			"namespace": {Code: BadName, Message: "must be a name", Subject: Subject{Namespace: hostile, Name: "a"}},
			"name":      {Code: BadName, Message: "must be a name", Subject: Subject{Name: hostile}},
		} {
			for _, r := range d.Line() {
				if !unicode.IsPrint(r) {
					t.Errorf("%s %q: the line %q has %U", name, hostile, d.Line(), r)
					break
				}
			}
		}
	}
}

// TestSecretsAreMasked wherever they slip in.
func TestSecretsAreMasked(t *testing.T) {
	for name, d := range map[string]Diagnostic{
		"value":     {Code: BadName, Message: "must be a name", Value: fakeKey},
		"message":   {Code: BadName, Message: "must not be " + fakeKey},
		"hint":      {Code: BadName, Message: "must be a name", Hint: "not " + fakeKey},
		"path":      {Code: BadName, Message: "must be a name", Path: "spec.labels[" + fakeKey + "]"},
		"file":      {Code: BadName, Message: "must be a name", Subject: Subject{File: fakeKey}},
		"kind":      {Code: BadName, Message: "must be a name", Subject: Subject{Kind: fakeKey}},
		"namespace": {Code: BadName, Message: "must be a name", Subject: Subject{Namespace: fakeKey, Name: "a"}},
		"name":      {Code: BadName, Message: "must be a name", Subject: Subject{Name: fakeKey}},
	} {
		if line := d.Line(); strings.Contains(line, fakeKey) || !strings.Contains(line, "[redacted]") {
			t.Errorf("%s: got %q", name, line)
		}
	}
	if got := (Diagnostic{Code: BadName, Message: "must be a name", Hint: fakeKey}).Text(); got != "[redacted]" {
		t.Errorf("Text: got %q", got)
	}
}

func TestHasError(t *testing.T) {
	for _, tt := range []struct {
		reason string
		codes  []Code
		want   bool
	}{
		{"nothing", nil, false},
		{"info", []Code{Summary}, false},
		{"a warning is none", []Code{Summary, NotRegistered}, false},
		{"an error among others", []Code{Summary, NotRegistered, BadPort, Summary}, true},
		{"an unknown code", []Code{"RI9999"}, true},
	} {
		var ds []Diagnostic
		for _, c := range tt.codes {
			ds = append(ds, Diagnostic{Code: c})
		}
		if got := HasError(ds); got != tt.want {
			t.Errorf("%s: got %v", tt.reason, got)
		}
	}
}
