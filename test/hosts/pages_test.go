// SPDX-License-Identifier: Apache-2.0

package hosts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPages runs the commands of the pages about the examples, from the root of the repository, as they say. Each must print something, or
// write a file that is not empty: kustomize says nothing when it runs no function.
func TestPages(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS("../../examples")); err != nil {
		t.Fatal(err)
	}
	kustomize := pinned(t)
	for _, page := range []string{"docs/guide/overlays.md", "examples/environments/README.md", "examples/flux/README.md", "examples/argocd/README.md"} {
		ran := 0
		for _, s := range steps(t, filepath.Join("../..", page)) {
			if s.language != "sh" {
				continue
			}
			ran++
			cmd := exec.Command("bash", "-euxo", "pipefail", "-c", "kustomize() { out=$(command kustomize \"$@\"); [[ -n $out ]]; printf '%s\\n' \"$out\"; }\n"+s.text)
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + filepath.Dir(kustomize) + string(filepath.ListSeparator) + os.Getenv("PATH"), "HOME=" + dir}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", page, err, out)
			}
		}
		if ran == 0 {
			t.Errorf("%s has no command", page)
		}
	}
}
