// SPDX-License-Identifier: Apache-2.0

package hosts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// row is a line of the README's table: overlay, what differs, number of objects.
var row = regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| ([^|]+) \\| ([0-9]+) \\|$")

// TestEnvironmentsReadme holds the table of examples/environments/README.md against what a real kustomize makes of each overlay.
func TestEnvironmentsReadme(t *testing.T) {
	dir := filepath.Join("..", "..", "examples", "environments")
	page, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	said, is := map[string]int{}, map[string]int{}
	for _, match := range row.FindAllStringSubmatch(string(page), -1) {
		n, err := strconv.Atoi(match[3])
		if err != nil {
			t.Fatal(err)
		}
		said[match[1]] = n
		out := kustomizeBuild(t, filepath.Join(dir, "overlays", match[1]))
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(match[2], -1) {
			if !strings.Contains(out, name[1]) {
				t.Errorf("%s: nothing that comes out is named %s", match[1], name[1])
			}
		}
	}
	overlays, err := filepath.Glob(filepath.Join(dir, "overlays", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, overlay := range overlays {
		is[filepath.Base(overlay)] = strings.Count("\n"+kustomizeBuild(t, overlay), "\nkind: ")
	}
	if d := cmp.Diff(is, said); d != "" {
		t.Errorf("objects of each overlay (-rendered +README):\n%s", d)
	}
}

func kustomizeBuild(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command(pinned(t), "build", "--enable-alpha-plugins", "--enable-exec", dir).Output()
	if err != nil {
		t.Fatalf("kustomize build %s: %v", dir, err)
	}
	return string(out)
}

// TestExamplesFitEachOther: what the examples for Argo CD and Flux name is what the environments yield.
func TestExamplesFitEachOther(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	environments := filepath.Join("..", "..", "examples", "environments", "overlays")
	staging := "\n" + kustomizeBuild(t, filepath.Join(environments, "staging"))
	for _, want := range []string{"\nkind: RestateCloudEnvironment\n", "\n  name: restate\n", "\n  namespace: restate-operator\n", "\napiVersion: restate.dev/v1beta1\nkind: RestateDeployment\n"} {
		if !strings.Contains(staging, want) {
			t.Errorf("staging has no %q", want)
		}
	}
	flux := read("flux/kustomizations.yaml")
	// restate-operator calls the Deployment of the tunnel tunnel-<name of the RestateCloudEnvironment>, in its own namespace.
	for _, want := range []string{"kind: Deployment, name: tunnel-restate, namespace: restate-operator}", "- apiVersion: restate.dev/v1beta1\n    kind: RestateDeployment\n"} {
		if !strings.Contains(flux, want) {
			t.Errorf("examples/flux does not name %q", want)
		}
	}
	for _, match := range regexp.MustCompile(`(?m)^  path: \./(.+)$`).FindAllStringSubmatch(flux, -1) {
		read(filepath.Join("flux", match[1], "kustomization.yaml"))
	}
	for _, kind := range []string{"RestateCloudEnvironment", "RestateDeployment"} {
		if !strings.Contains(staging, "\napiVersion: restate.dev/v1beta1\nkind: "+kind+"\n") || !strings.Contains(read("argocd/argocd-cm.yaml"), "\n  resource.customizations.health.restate.dev_"+kind+": |\n") {
			t.Errorf("examples/argocd has no check for the %s that staging has", kind)
		}
	}
	match := regexp.MustCompile(`(?m)^    path: rendered/(.+)$`).FindStringSubmatch(read("argocd/application.yaml"))
	if match == nil || !strings.Contains(kustomizeBuild(t, filepath.Join(environments, match[1])), "argocd.argoproj.io/sync-wave: ") {
		t.Errorf("examples/argocd applies %v, which has no sync waves", match)
	}
}
