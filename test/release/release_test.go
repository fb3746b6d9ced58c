// SPDX-License-Identifier: Apache-2.0

// Package release_test renders what the last release was recorded with, by the present code: an update may not change what stands in a
// cluster without saying so.
//
// testdata/release/<version> has the cases of that release (input, and the objects that came out), its diagnostic codes and its API.
package release_test

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/golden"
)

var record = flag.String("record", "", "the version to record the present output as, in the place of the last one; see make release-goldens")

const (
	root       = "../.."
	releaseDir = root + "/testdata/release"
	goldenDir  = root + "/testdata/golden"
)

// recorded are the goldens that a release takes along: each component and each way to a tunnel.
var recorded = []string{
	"bridge", "gateway-domains", "gitops-argocd", "images", "long-names", "nats-account-peers", "network-dns-openshift", "patches", "quickstart", "region-byoc", "registration-standalone",
	"services-deployment-life", "services-in-process", "services-uses", "tunnel-existing", "tunnel-operator-api-server", "tunnel-standalone-remote-proxy", "wasmcloud-isolated",
}

// TestRelease fails for a difference that the CHANGELOG does not name, and for a name that differs in nothing.
func TestRelease(t *testing.T) {
	if *record != "" {
		write(t, filepath.Join(releaseDir, *record))
	}
	versions, err := filepath.Glob(filepath.Join(releaseDir, "*"))
	if err != nil || len(versions) != 1 {
		t.Fatalf("one release must be recorded, not %v (%v): run make release-goldens", versions, err)
	}
	dir, version := versions[0], filepath.Base(versions[0])
	differs := map[string][]change{}
	cases, err := golden.Load(filepath.Join(dir, "cases"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range cases {
		names = append(names, c.Name)
		differs[c.Name] = compare(load(t, filepath.Join(dir, "cases", c.Name, objectsFile)), render(t, c))
	}
	listed, problems := changedOutput(read(t, root+"/CHANGELOG.md"))
	for _, p := range append(problems, judge(version, names, differs, listed)...) {
		t.Error(p)
	}
	for _, p := range missingCodes(read(t, filepath.Join(dir, codesFile)), codes(t)) {
		t.Errorf("since %s %s", version, p)
	}
	for _, p := range brokenFields(read(t, filepath.Join(dir, apiFile)), fields(t)) {
		t.Errorf("since %s %s", version, p)
	}
}

// The files of a release.
const (
	objectsFile = "objects.yaml"
	codesFile   = "codes.txt"
	apiFile     = "api.txt"
)

// write records the present output, in the place of every other release.
func write(t *testing.T, dir string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal("-record must not be used in CI, where nobody looks at what it writes")
	}
	cases, err := golden.Load(goldenDir)
	if err != nil {
		t.Fatal(err)
	}
	cases = slices.DeleteFunc(cases, func(c golden.Case) bool { return !slices.Contains(recorded, c.Name) })
	if len(cases) != len(recorded) {
		t.Fatalf("of %d recorded goldens there are %d", len(recorded), len(cases))
	}
	everyComponent(t, cases)
	must(t, os.RemoveAll(releaseDir))
	for _, c := range cases {
		to := filepath.Join(dir, "cases", c.Name)
		must(t, os.CopyFS(to, os.DirFS(filepath.Join(goldenDir, c.Name))))
		for _, want := range []string{"want.yaml", "want.stderr"} {
			must(t, os.RemoveAll(filepath.Join(to, want)))
		}
		must(t, os.WriteFile(filepath.Join(to, objectsFile), []byte(stream(render(t, c))), 0o644))
	}
	must(t, os.WriteFile(filepath.Join(dir, codesFile), []byte(codes(t)), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, apiFile), []byte(fields(t)), 0o644))
}

// everyComponent fails for a component that no case has an object of: a release would say nothing about it.
func everyComponent(t *testing.T, cases []golden.Case) {
	t.Helper()
	var all strings.Builder
	for _, c := range cases {
		all.WriteString(stream(render(t, c)))
	}
	for _, c := range generators.Components() {
		if !strings.Contains(all.String(), generators.AnnotationComponent+": "+c.Name+"\n") {
			t.Fatalf("no recorded golden has an object of the component %s", c.Name)
		}
	}
}

// render is what the present code makes of a case: nothing when it refuses it.
func render(t *testing.T, c golden.Case) map[string]string {
	t.Helper()
	input, err := c.Input()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Run(func(stdin io.Reader, stdout, stderr io.Writer, files golden.Files) int {
		return fn.Main(stdin, stdout, stderr, files)
	}, input)
	if err != nil {
		t.Fatal(err)
	}
	if out.Code != 0 {
		t.Logf("%s is refused:\n%s", c.Name, out.Stderr)
		return nil
	}
	var list struct{ Items []map[string]any }
	must(t, yaml.Unmarshal(out.Stdout, &list))
	objects := map[string]string{}
	for _, item := range list.Items {
		if item["kind"] == v1alpha1.Kind {
			continue
		}
		text, err := yaml.Marshal(item)
		must(t, err)
		objects[id(t, text)] = strings.TrimSuffix(string(text), "\n")
	}
	return objects
}

// load reads a stream of objects.
func load(t *testing.T, file string) map[string]string {
	t.Helper()
	objects := map[string]string{}
	for text := range strings.SplitSeq(strings.TrimSuffix(read(t, file), "\n"), separator) {
		objects[id(t, []byte(text))] = text
	}
	return objects
}

const separator = "\n---\n"

func stream(objects map[string]string) string {
	var out []string
	for _, key := range sortedKeys(objects) {
		out = append(out, objects[key])
	}
	return strings.Join(out, separator) + "\n"
}

// id is kind, namespace and name.
func id(t *testing.T, text []byte) string {
	t.Helper()
	var o struct {
		Kind     string
		Metadata struct{ Namespace, Name string }
	}
	must(t, yaml.Unmarshal(text, &o))
	return strings.Join(strings.Fields(o.Kind+" "+o.Metadata.Namespace+" "+o.Metadata.Name), " ")
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	return string(text)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
