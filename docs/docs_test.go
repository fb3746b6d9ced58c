// SPDX-License-Identifier: Apache-2.0

// Package docs_test holds the documentation against the code: what can be compared is not left to attention.
package docs_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/internal/diag"
)

const root = ".."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestArchitectureShowsTheTable compares ARCHITECTURE.md with the table that internal/archtest checks the code against.
func TestArchitectureShowsTheTable(t *testing.T) {
	want := archRows(t)
	if len(want) == 0 {
		t.Fatal("found no row in the table of internal/archtest")
	}
	row := regexp.MustCompile("(?m)^\\| `[a-z0-9/-]+` \\| (?:yes|no) \\| [^|]+ \\|")
	got := row.FindAllString(read(t, "ARCHITECTURE.md"), -1)
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("ARCHITECTURE.md has no row that begins with\n%s", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("ARCHITECTURE.md has a row that the table has not:\n%s", line)
		}
	}
}

// archRows reads the variable table of internal/archtest and writes it as ARCHITECTURE.md does.
func archRows(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "internal/archtest/imports_test.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "table" {
			return true
		}
		for _, element := range spec.Values[0].(*ast.CompositeLit).Elts {
			rows = append(rows, archRow(element.(*ast.CompositeLit)))
		}
		return false
	})
	return rows
}

func archRow(literal *ast.CompositeLit) string {
	pkg, pure, imports := "", "no", []string{}
	for _, element := range literal.Elts {
		pair := element.(*ast.KeyValueExpr)
		switch pair.Key.(*ast.Ident).Name {
		case "pkg":
			pkg = unquote(pair.Value)
		case "pure":
			pure = "yes"
		case "imports":
			for _, e := range pair.Value.(*ast.CompositeLit).Elts {
				imports = append(imports, "`"+unquote(e)+"`")
			}
		}
	}
	may := strings.Join(imports, ", ")
	switch may {
	case "":
		may = "nothing"
	case "`*`":
		may = "all but commands"
	}
	return fmt.Sprintf("| `%s` | %s | %s |", pkg, pure, may)
}

func unquote(e ast.Expr) string {
	s, _ := strconv.Unquote(e.(*ast.BasicLit).Value)
	return s
}

// toolModules pin the tools. Those apart from tools would raise the dependencies of the others.
var toolModules = []string{"tools/go.mod", "tools/gremlins/go.mod", "tools/sops/go.mod"}

// TestEveryDependencyHasAReason compares docs/dependencies.md with what the function and the tools require directly.
func TestEveryDependencyHasAReason(t *testing.T) {
	function, tools, found := strings.Cut(read(t, "docs/dependencies.md"), "\n## The tools\n")
	if !found {
		t.Fatal("docs/dependencies.md has no section The tools")
	}
	compare(t, "go.mod", function, direct(t, "go.mod"))
	var pinned []string
	for _, mod := range toolModules {
		pinned = append(pinned, direct(t, mod)...)
	}
	compare(t, strings.Join(toolModules, ", "), tools, pinned)
}

// TestEveryToolModuleIsCompared finds a module below tools that the test above does not know.
func TestEveryToolModuleIsCompared(t *testing.T) {
	var found []string
	for _, pattern := range []string{"tools/go.mod", "tools/*/go.mod"} {
		files, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, files...)
	}
	if d := cmp.Diff(toolModules, found); d != "" {
		t.Errorf("the modules that pin tools (-want +got):\n%s", d)
	}
}

func compare(t *testing.T, mod, section string, want []string) {
	t.Helper()
	var got []string
	for _, match := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| \\S").FindAllStringSubmatch(section, -1) {
		got = append(got, match[1])
	}
	if len(want) == 0 {
		t.Errorf("%s requires nothing directly", mod)
	}
	for _, path := range want {
		if !slices.Contains(got, path) {
			t.Errorf("docs/dependencies.md gives no reason for %s of %s", path, mod)
		}
	}
	for _, path := range got {
		if !slices.Contains(want, path) {
			t.Errorf("docs/dependencies.md has a line for %s, which %s does not require directly", path, mod)
		}
	}
}

// direct lists the modules that a go.mod requires directly, and the tools that it pins.
func direct(t *testing.T, mod string) []string {
	t.Helper()
	out, err := exec.Command("go", "mod", "edit", "-json", filepath.Join(root, mod)).Output()
	if err != nil {
		t.Fatalf("go mod edit -json %s: %v", mod, err)
	}
	var parsed struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Tool []struct{ Path string }
	}
	if err := json.Unmarshal(out, &parsed); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, r := range parsed.Require {
		if !r.Indirect {
			paths = append(paths, r.Path)
		}
	}
	for _, tool := range parsed.Tool {
		paths = append(paths, tool.Path)
	}
	return paths
}

// TestReadmeShowsTheExample compares the first screen of README.md with the example and with what the function makes of it.
func TestReadmeShowsTheExample(t *testing.T) {
	readme, example := read(t, "README.md"), read(t, "examples/quickstart/integration.yaml")
	blocks := fenced(t, readme, "yaml")
	if blocks[0] != example {
		t.Errorf("the first block of README.md is not examples/quickstart/integration.yaml:\n%s", blocks[0])
	}
	var want []string
	items := expand(t, example)
	for _, item := range items {
		want = append(want, identity(item))
	}
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(fenced(t, readme, "text")[0]), "\n") {
		words := strings.Fields(line)
		got = append(got, words[0]+" "+words[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("README.md lists other objects than the function yields (-want +got):\n%s", d)
	}
	if sentence := fmt.Sprintf("\nOut, %d objects:\n", len(want)); !strings.Contains(readme, sentence) {
		t.Errorf("README.md does not say %q", sentence)
	}
	for _, block := range blocks[1:3] {
		var part map[string]any
		if err := yaml.Unmarshal([]byte(block), &part); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(items, func(item object) bool { return within(part, item) }) {
			t.Errorf("README.md shows what the function does not yield:\n%s", block)
		}
	}
}

// object is an item of the list.
type object = map[string]any

func identity(o object) string {
	meta := o["metadata"].(map[string]any)
	name := fmt.Sprint(meta["name"])
	if namespace, found := meta["namespace"]; found {
		name = fmt.Sprint(namespace, "/", name)
	}
	return fmt.Sprint(o["kind"], " ", name)
}

// within reports whether all that part says stands in whole; lists are equal in length.
func within(part, whole any) bool {
	switch part := part.(type) {
	case map[string]any:
		m, _ := whole.(map[string]any)
		for key, value := range part {
			if !within(value, m[key]) {
				return false
			}
		}
		return true
	case []any:
		l, _ := whole.([]any)
		if len(l) != len(part) {
			return false
		}
		for i := range part {
			if !within(part[i], l[i]) {
				return false
			}
		}
		return true
	}
	return part == whole
}

// expand runs the function as kustomize does for a generator, in the folder of the example. It returns what comes out besides the
// integration.
func expand(t *testing.T, integration string) []object {
	t.Helper()
	files, err := os.OpenRoot(filepath.Join(root, "examples/quickstart"))
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	var config map[string]any
	if err := yaml.Unmarshal([]byte(integration), &config); err != nil {
		t.Fatal(err)
	}
	input, err := yaml.Marshal(map[string]any{
		"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "functionConfig": config, "items": []any{config},
	})
	if err != nil {
		t.Fatal(err)
	}
	output, ds := fn.Run(input, files)
	for _, d := range ds {
		if d.Severity() == diag.Error {
			t.Fatal(d.Line())
		}
	}
	var list struct{ Items []object }
	if err := yaml.Unmarshal(output, &list); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(o object) bool { return o["kind"] == v1alpha1.Kind })
}

// fenced lists the code blocks of a language.
func fenced(t *testing.T, text, language string) []string {
	t.Helper()
	var blocks []string
	for _, match := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```\n").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, match[1])
	}
	if len(blocks) == 0 {
		t.Fatalf("no block of %s", language)
	}
	return blocks
}

// TestGuideExamples expands every whole integration that the guide shows.
func TestGuideExamples(t *testing.T) {
	for _, page := range []string{"services", "wasmcloud"} {
		whole := slices.DeleteFunc(fenced(t, read(t, "docs/guide/"+page+".md"), "yaml"), func(block string) bool {
			return !strings.HasPrefix(block, "apiVersion: restate-integration.dev/")
		})
		if len(whole) == 0 {
			t.Errorf("docs/guide/%s.md has no RestateIntegration", page)
		}
		for _, block := range whole {
			expand(t, block)
		}
	}
}

// TestGuideKnowsEveryLogLine holds the guide's table of the last lines of a registration Job against the script of one.
func TestGuideKnowsEveryLogLine(t *testing.T) {
	page := read(t, "docs/guide/services.md")
	var script string
	for _, item := range expand(t, fenced(t, page, "yaml")[0]) {
		if item["kind"] == "Job" {
			text, err := yaml.Marshal(item)
			if err != nil {
				t.Fatal(err)
			}
			script = string(text)
		}
	}
	var lines []string
	for _, pattern := range []string{`fail [12] "([^"]+)"`, `refused="([^"]+)"`, `printf '(registered [^']+)'`} {
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(script, -1) {
			if match[1] != "$refused" {
				lines = append(lines, match[1])
			}
		}
	}
	if len(lines) < 10 {
		t.Fatalf("found only %d lines in the script of the Job:\n%s", len(lines), script)
	}
	_, table, _ := strings.Cut(page, "| The last line has |")
	table, _, _ = strings.Cut(table, "\n\n")
	shown := []string{"registered %s as %s\\n"}
	for _, row := range strings.Split(table, "\n")[2:] {
		cell := strings.Split(row, "|")[1]
		for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			shown = append(shown, match[1])
			if !strings.Contains(script, match[1]) {
				t.Errorf("no line of the script has %q", match[1])
			}
		}
	}
	for _, line := range lines {
		if !slices.ContainsFunc(shown, func(s string) bool { return strings.Contains(line, s) }) {
			t.Errorf("docs/guide/services.md does not say what to do for: %s", line)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks follows every relative link, to the file and to the heading.
func TestLinks(t *testing.T) {
	pages := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == ".cache" || d.Name() == "bin" || d.Name() == "testdata"):
			return fs.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		pages++
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			if problem := follow(path, match[1]); problem != "" {
				t.Errorf("%s links to %s: %s", path, match[1], problem)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if pages < 10 {
		t.Errorf("looked at %d pages only", pages)
	}
}

// follow returns what is wrong with a link, and nothing for those that leave the repository.
func follow(page, target string) string {
	if strings.Contains(target, "://") {
		return ""
	}
	file, heading, _ := strings.Cut(target, "#")
	path := page
	if file != "" {
		path = filepath.Join(filepath.Dir(page), filepath.FromSlash(file))
	}
	if _, err := os.Stat(path); err != nil {
		return "no such file"
	}
	if heading == "" {
		return ""
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "not a page"
	}
	for _, line := range strings.Split(string(text), "\n") {
		if title, found := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); found && strings.HasPrefix(line, "#") && anchor(title) == heading {
			return ""
		}
	}
	return "no such heading"
}

// anchor is what GitHub makes of a heading.
func anchor(title string) string {
	title = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(title), "")
	return strings.ReplaceAll(title, " ", "-")
}

// TestNamedCodesExist finds a code that the pages name and the catalogue has not.
func TestNamedCodesExist(t *testing.T) {
	known := read(t, "docs/reference/diagnostics.md")
	pages, err := filepath.Glob(filepath.Join(root, "docs/*/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range regexp.MustCompile(`RI\d{4}`).FindAllString(string(text), -1) {
			if !strings.Contains(known, "\n## "+code+"\n") {
				t.Errorf("%s names %s, which is not in the catalogue", page, code)
			}
		}
	}
}
