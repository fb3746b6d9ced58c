// SPDX-License-Identifier: Apache-2.0

// Package archtest holds the tests of the project's shape: who imports whom, what stays pure, how big the binary may get.
package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/restate-integration/restate-integration"

// row is what one package may do.
type row struct {
	pkg     string   // below the module
	imports []string // the packages of ours it may import; {"*"}: all but commands
	pure    bool     // no clock, file, environment, network, terminal or randomness
}

// table names every package that has non-test code, from the core to the edge. ARCHITECTURE.md shows the same.
var table = []row{
	{pkg: "internal/redact", pure: true},
	{pkg: "internal/resourcelist", pure: true},
	{pkg: "internal/yamldoc", pure: true},
	{pkg: "api/v1alpha1", pure: true},
	{pkg: "internal/diag", pure: true, imports: []string{"internal/redact"}},
	{pkg: "internal/source", pure: true, imports: []string{"internal/diag", "internal/redact"}},
	{pkg: "generators", pure: true, imports: []string{"api/v1alpha1", "internal/diag", "internal/redact"}},
	{pkg: "internal/emit", pure: true, imports: []string{"api/v1alpha1", "generators", "internal/diag", "internal/redact"}},
	{pkg: "internal/schema", pure: true, imports: []string{"api/v1alpha1", "generators", "internal/diag", "internal/redact"}},
	{pkg: "internal/sopsfile", pure: true, imports: []string{"generators", "internal/diag", "internal/redact", "internal/yamldoc"}},
	{pkg: "internal/specfile", pure: true, imports: []string{"api/v1alpha1", "internal/diag", "internal/source", "internal/yamldoc"}},
	{pkg: "internal/sealing", imports: []string{"internal/diag", "internal/redact", "internal/sopsfile"}},
	{pkg: "fn", imports: []string{
		"api/v1alpha1", "generators", "internal/diag", "internal/emit", "internal/redact",
		"internal/resourcelist", "internal/schema", "internal/sopsfile", "internal/source",
	}},
	{pkg: "internal/cli", imports: []string{"*"}},
	{pkg: "internal/secretscli", imports: []string{
		"api/v1alpha1", "generators", "internal/diag", "internal/redact", "internal/sealing", "internal/sopsfile", "internal/specfile",
	}},
	{pkg: "internal/golden"},
	{pkg: "cmd/restate-integration", imports: []string{"fn", "internal/cli"}},
	{pkg: "cmd/restate-integration-secrets", imports: []string{"internal/secretscli"}},
	{pkg: "bench/noop"},
	{pkg: "hack/mutants"},
}

// confined names what few packages of ours may import: modules of others, and packages of ours that even "*" leaves out.
var confined = []struct {
	module string
	only   []string
	why    string
}{
	{"github.com/kptdev/krm-functions-sdk", []string{"fn", "bench/noop"}, "the core knows no SDK type"},
	{"github.com/getsops/sops", []string{"internal/sealing"}, "the function holds no key"},
	{module + "/internal/sealing", []string{"internal/secretscli"}, "the function holds no key"},
	{module + "/internal/secretscli", []string{"cmd/restate-integration-secrets"}, "the function holds no key"},
}

// impure names the packages that a pure package may not import, with all below them.
var impure = []struct {
	pkg     string
	allowed []string // below pkg, these are harmless
	except  string   // a package of ours that may
	why     string
}{
	{pkg: "os", why: "files and environment"},
	{pkg: "io/fs", why: "files"},
	{pkg: "io/ioutil", why: "files"},
	{pkg: "path/filepath", why: "the paths of one operating system: use path"},
	{pkg: "embed", except: "api/v1alpha1", why: "files: only the API embeds one, its schema"},
	{pkg: "net", allowed: []string{"net/netip", "net/url"}, why: "network: parse with net/netip and net/url"},
	{pkg: "math/rand", why: "randomness"},
	{pkg: "crypto/rand", why: "randomness"},
	{pkg: "hash/maphash", why: "a seed per process"},
	{pkg: "log", why: "terminal: problems are diagnostics"},
	{pkg: "flag", why: "the command line"},
	{pkg: "syscall", why: "the operating system"},
	{pkg: "runtime", why: "the machine it runs on"},
	{pkg: "k8s.io/apimachinery/pkg/util/rand", why: "randomness"},
	{pkg: "k8s.io/apimachinery/pkg/util/uuid", why: "randomness"},
	{pkg: "k8s.io/client-go", why: "network"},
	{pkg: "k8s.io/klog", why: "terminal"},
}

// impureNames are what a pure package may not use of packages that are otherwise harmless.
var impureNames = map[string][]string{
	"time":                                 {"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep", "Local", "LoadLocation"},
	"k8s.io/apimachinery/pkg/apis/meta/v1": {"Now", "NowMicro"},
	"fmt":                                  {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
	"github.com/nats-io/nkeys":             {"CreatePair", "CreateUser", "CreateAccount", "CreateOperator", "CreateCluster", "CreateServer", "CreateCurveKeys"},
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		for _, v := range importViolations(p) {
			t.Error(v)
		}
	}
}

func TestPurity(t *testing.T) {
	for _, p := range packages(t) {
		if !rowOf(p.name()).pure {
			continue
		}
		for _, v := range impureImports(p) {
			t.Error(v)
		}
		for _, name := range p.GoFiles {
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range impureUses(fset, file) {
				t.Errorf("%s/%s", p.name(), v)
			}
		}
	}
}

// TestViolations plants one violation of each sort: a rule that nothing can break would be no rule.
func TestViolations(t *testing.T) {
	for _, tt := range []struct {
		pkg, imports, want string
	}{
		{"internal/redact", module + "/internal/diag", "internal/redact may not import internal/diag"},
		{"internal/diag", module + "/generators", "internal/diag may not import generators"},
		{"generators", module + "/internal/emit", "generators may not import internal/emit"},
		{"generators", module + "/fn", "generators may not import fn"},
		{"internal/emit", module + "/fn", "internal/emit may not import fn"},
		{"internal/cli", module + "/cmd/restate-integration", "internal/cli may not import cmd/restate-integration"},
		{"internal/util", "fmt", "internal/util has no row"},
		{"generators", "github.com/kptdev/krm-functions-sdk/go/fn", "only fn and bench/noop may import github.com/kptdev/krm-functions-sdk"},
		{"internal/cli", "github.com/getsops/sops/v3/decrypt", "only internal/sealing may import github.com/getsops/sops"},
		{"internal/cli", module + "/internal/sealing", "only internal/secretscli may import " + module + "/internal/sealing"},
		{"internal/cli", module + "/internal/secretscli", "only cmd/restate-integration-secrets may import " + module + "/internal/secretscli"},
		{"generators", "os", "generators may not import os"},
		{"generators", "os/exec", "generators may not import os/exec"},
		{"generators", "embed", "generators may not import embed"},
		{"generators", "net", "generators may not import net"},
		{"generators", "net/http", "generators may not import net/http"},
		{"api/v1alpha1", "math/rand/v2", "api/v1alpha1 may not import math/rand/v2"},
		{"internal/sopsfile", "os", "internal/sopsfile may not import os"},
	} {
		p := listed{ImportPath: module + "/" + tt.pkg, GoFiles: []string{"x.go"}, Imports: []string{"strings", tt.imports}}
		got := append(importViolations(p), impureImports(p)...)
		if len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
			t.Errorf("%s importing %s: got %q, want one that starts with %q", tt.pkg, tt.imports, got, tt.want)
		}
	}
	for _, tt := range []struct{ pkg, imports string }{
		{"fn", "github.com/kptdev/krm-functions-sdk/go/fn"},
		{"fn", module + "/generators"},
		{"internal/cli", module + "/internal/graph"},
		{"api/v1alpha1", "embed"},
		{"generators", "net/netip"},
		{"generators", "net/url"},
		{"generators", "ostrich.example/os"},
	} {
		p := listed{ImportPath: module + "/" + tt.pkg, GoFiles: []string{"x.go"}, Imports: []string{tt.imports}}
		got := importViolations(p)
		if rowOf(tt.pkg).pure {
			got = append(got, impureImports(p)...)
		}
		if len(got) != 0 {
			t.Errorf("%s importing %s: got %q, want none", tt.pkg, tt.imports, got)
		}
	}

	const src = `package planted
import (
	"fmt"
	clock "time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)
var now = clock.Now
func f(time struct{ Now func() }) {
	fmt.Println(clock.Since(clock.Time{}), metav1.Now(), fmt.Sprint(clock.Second))
	time.Now()
}`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "planted.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	got := impureUses(fset, file)
	want := []string{
		"planted.go:8 may not use time.Now",
		"planted.go:10 may not use fmt.Println",
		"planted.go:10 may not use time.Since",
		"planted.go:10 may not use k8s.io/apimachinery/pkg/apis/meta/v1.Now",
	}
	if !slices.Equal(got, want) {
		t.Errorf("planted source: got %q, want %q", got, want)
	}
}

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

func (p listed) name() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// packages lists the module's packages that have non-test code; -e, because a package that does not build is for its own tests to report.
func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	cmd.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var pkgs []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			if len(pkgs) == 0 {
				t.Fatal("go list found no package")
			}
			return pkgs
		case err != nil:
			t.Fatal(err)
		case len(p.GoFiles) > 0:
			pkgs = append(pkgs, p)
		}
	}
}

func rowOf(name string) row {
	i := slices.IndexFunc(table, func(r row) bool { return r.pkg == name })
	if i < 0 {
		return row{}
	}
	return table[i]
}

func importViolations(p listed) []string {
	r := rowOf(p.name())
	if r.pkg == "" {
		return []string{p.name() + " has no row in the table of imports: add one, here and in ARCHITECTURE.md"}
	}
	var bad []string
	for _, imp := range p.Imports {
		if ours, ok := strings.CutPrefix(imp, module+"/"); ok {
			all := slices.Contains(r.imports, "*") && !strings.HasPrefix(ours, "cmd/")
			if !all && !slices.Contains(r.imports, ours) {
				bad = append(bad, fmt.Sprintf("%s may not import %s, only %q", r.pkg, ours, r.imports))
			}
		}
		for _, c := range confined {
			if within(imp, c.module) && !slices.Contains(c.only, r.pkg) {
				bad = append(bad, fmt.Sprintf("only %s may import %s, not %s: %s", strings.Join(c.only, " and "), c.module, r.pkg, c.why))
			}
		}
	}
	return bad
}

func impureImports(p listed) []string {
	var bad []string
	for _, imp := range p.Imports {
		for _, i := range impure {
			if within(imp, i.pkg) && p.name() != i.except && !slices.Contains(i.allowed, imp) {
				bad = append(bad, fmt.Sprintf("%s may not import %s: %s", p.name(), imp, i.why))
			}
		}
	}
	return bad
}

// impureUses finds the impureNames in a file, under whatever name it imports their package. A variable that hides the
// package is taken for it.
func impureUses(fset *token.FileSet, file *ast.File) []string {
	imports := map[string]string{} // local name to path
	for _, spec := range file.Imports {
		imp, _ := strconv.Unquote(spec.Path.Value)
		local := imp[strings.LastIndex(imp, "/")+1:]
		if spec.Name != nil {
			local = spec.Name.Name
		}
		imports[local] = imp
	}
	var bad []string
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(impureNames[imports[x.Name]], sel.Sel.Name) {
			pos := fset.Position(sel.Pos())
			bad = append(bad, fmt.Sprintf("%s:%d may not use %s.%s", filepath.Base(pos.Filename), pos.Line, imports[x.Name], sel.Sel.Name))
		}
		return true
	})
	return bad
}

// within says whether imp is pkg or below it.
func within(imp, pkg string) bool { return imp == pkg || strings.HasPrefix(imp, pkg+"/") }
