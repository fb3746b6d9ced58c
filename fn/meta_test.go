// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/golden"
	"github.com/restate-integration/restate-integration/internal/resourcelist"
	"github.com/restate-integration/restate-integration/internal/source"
)

// ran is a golden case with what it yields.
type ran struct {
	golden.Case
	input []byte
	output
}

// goldens runs every case once.
func goldens(t testing.TB) []ran {
	t.Helper()
	cases, err := golden.Load(goldenDir)
	if err != nil {
		t.Fatal(err)
	}
	var out []ran
	for _, c := range cases {
		input, err := c.Input()
		if err != nil {
			t.Fatal(err)
		}
		o, err := c.Run(function, input)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, ran{c, input, output{string(o.Stdout), string(o.Stderr), o.Code}})
	}
	return out
}

func TestEveryComponentHasACase(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range goldens(t) {
		if c.Fails {
			continue
		}
		for _, o := range c.objects(t) {
			seen[o.Metadata.Annotations[generators.AnnotationComponent]] = true
		}
	}
	for _, c := range generators.Components() {
		if !seen[c.Name] {
			t.Errorf("no golden case has an object of component %s", c.Name)
		}
	}
}

// unseenCodes cannot appear in a case.
var unseenCodes = map[diag.Code]string{
	diag.InternalError: "a defect of the function: an input that causes it is one to be fixed",
}

func TestEveryCodeHasACase(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range goldens(t) {
		for _, code := range c.codes() {
			seen[code] = true
		}
	}
	for _, e := range diag.Catalogue() {
		_, excepted := unseenCodes[e.Code]
		if seen[string(e.Code)] == excepted {
			t.Errorf("%s (%s): in a golden case: %t, an exception: %t", e.Code, e.Title, seen[string(e.Code)], excepted)
		}
	}
}

// TestEveryEnumValueHasACase wants each value that a field of the spec may have in a case that succeeds.
func TestEveryEnumValueHasACase(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range goldens(t) {
		if c.Fails {
			continue
		}
		for _, in := range integrations(t, c.input) {
			v1alpha1.Default(&in)
			visit("spec", reflect.ValueOf(in.Spec), func(path string, v reflect.Value) {
				if _, ok := v.Interface().(interface{ Values() []string }); ok {
					seen[path+"="+v.String()] = true
				}
			})
		}
	}
	fields := map[string][]string{}
	enums("spec", reflect.TypeFor[v1alpha1.RestateIntegrationSpec](), fields)
	if len(fields) < 10 {
		t.Fatalf("only %d enum fields found: %v", len(fields), fields)
	}
	for _, path := range slices.Sorted(maps.Keys(fields)) {
		for _, value := range fields[path] {
			if !seen[path+"="+value] {
				t.Errorf("%s: %s is in no golden case that succeeds", path, value)
			}
		}
	}
}

// integrations reads every RestateIntegration of a list.
func integrations(t *testing.T, input []byte) []v1alpha1.RestateIntegration {
	t.Helper()
	l, err := resourcelist.Parse(input)
	if err != nil {
		t.Fatal(err)
	}
	items := l.Items()
	if c := l.FunctionConfig(); c != nil {
		items = append(slices.Clone(items), c)
	}
	var out []v1alpha1.RestateIntegration
	for _, i := range items {
		if i.Meta().Kind == v1alpha1.Kind {
			var in v1alpha1.RestateIntegration
			source.Read(i.Node(), &in)
			out = append(out, in)
		}
	}
	return out
}

// visit calls f for each scalar of the API's own types, map entries under *.
func visit(path string, v reflect.Value, f func(string, reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			visit(path, v.Elem(), f)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			visit(path+".*", v.MapIndex(key), f)
		}
	case reflect.Struct:
		if ours(v.Type()) {
			for i := range v.NumField() {
				visit(fieldPath(path, v.Type().Field(i)), v.Field(i), f)
			}
		}
	default:
		f(path, v)
	}
}

func ours(t reflect.Type) bool { return strings.HasSuffix(t.PkgPath(), "/api/v1alpha1") }

func fieldPath(path string, f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return path // embedded
	}
	return path + "." + name
}

// enums collects the values of each enum field of a type, leaving out what is not supported as a whole.
func enums(path string, t reflect.Type, into map[string][]string) {
	if slices.ContainsFunc(generators.FieldRules(), func(r generators.FieldRule) bool { return r.Path == path && r.Modes == nil }) {
		return
	}
	if e, ok := reflect.Zero(t).Interface().(interface{ Values() []string }); ok && t.Kind() == reflect.String {
		into[path] = e.Values()
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		enums(path, t.Elem(), into)
	case reflect.Map:
		enums(path+".*", t.Elem(), into)
	case reflect.Struct:
		if ours(t) {
			for i := range t.NumField() {
				enums(fieldPath(path, t.Field(i)), t.Field(i).Type, into)
			}
		}
	}
}

// rules says where each numbered rule of the API that is built is held: tests by name, or golden cases through the rules of their
// case.yaml. The rules that are missing belong to parts that are refused as not supported.
var rules = map[int][]string{
	1:  {"TestRegistrationIsNeverSilentlyAbsent"},
	2:  {"TestRotation", "TestOnlyTheCredentialRollsTheTunnel"},
	3:  {"TestEnvironmentIsNeverRemovedUnasked", "TestRemovalOrder"},
	4:  {"TestSecretWhereItIsRead", "TestSecretOfTwoRoles"},
	5:  {"TestRemoteProxyIsGuarded"},
	6:  {"TestCanary", "TestCanaryOutsideOfTheSpec", "TestPlaintextNeverPasses"},
	7:  {"TestStarStaysShallow", "TestSubjectsOutside"},
	8:  {"TestIngressIsRetired", "TestProxySSLStandsTogether", "TestGRPCUpstreamIsRefused", "TestSharedGatewayAcknowledges"},
	9:  {"TestPoliciesNamePodPorts", "TestExceptionsLieInsideOfTheirCIDR"},
	10: {"TestTunnelNamesThatBreakTheClient"},
	11: {"TestPodSecurityRestricted"},
	13: {"TestRegistrationRunsExactlyWhenItChanges"},
	14: {"TestNoEventIsLost"},
	15: {"TestFirstAccountsBlockWarns", "TestUndeclaredPeer"},
	16: {"TestGatewayFailsClosed"},
	17: {"TestTunnelNamesThatBreakTheClient", "TestSigningKeyLength", "TestReadinessNotLiveness"},
	18: {"TestNobodyRedirectsAKey"},
	19: {"TestFieldsOutsideOfTheirMode"},
}

func TestEveryRuleHasATest(t *testing.T) {
	tests := testNames(t)
	shown := map[int]bool{}
	for _, c := range goldens(t) {
		for _, r := range c.Rules {
			shown[r] = true
			if rules[r] == nil {
				t.Errorf("case %s shows rule %d, which has no row", c.Name, r)
			}
		}
	}
	for _, n := range slices.Sorted(maps.Keys(rules)) {
		if !shown[n] {
			t.Errorf("no golden case shows rule %d", n)
		}
		for _, name := range rules[n] {
			if !tests[name] {
				t.Errorf("rule %d: there is no test %s", n, name)
			}
		}
	}
}

// testNames are the tests of this package.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}

// TestEveryErrorFails has each code alone: whatever else a case holds, the verdict must not hang on it.
func TestEveryErrorFails(t *testing.T) {
	for _, e := range diag.Catalogue() {
		if got := diag.HasError([]diag.Diagnostic{{Code: e.Code}}); got != (e.Severity == diag.Error) {
			t.Errorf("%s, %s: fails: %t", e.Code, e.Severity, got)
		}
	}
	if !diag.HasError([]diag.Diagnostic{{Code: "RI9999"}}) {
		t.Error("a code that nobody described is no failure")
	}
}
