// SPDX-License-Identifier: Apache-2.0

package restate

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestImageIsWhatRuns holds the image of the Jobs against the CLI that runs here in its place.
func TestImageIsWhatRuns(t *testing.T) {
	image := registrationJob(t, "greeter", "", cloudAdmin.url).Spec.Template.Spec.Containers[0].Image
	if version := strings.ReplaceAll(imageCLI, "-", "."); !strings.Contains(image, ":"+version+"@") {
		t.Errorf("the image must be of the CLI %s, got %s: change package.json with it", version, image)
	}
	for _, c := range clis {
		out, err := exec.Command(c.path, "--version").Output()
		if version := strings.ReplaceAll(c.version, "-", "."); err != nil || !strings.Contains(string(out), " "+version+" ") {
			t.Errorf("the CLI in %s must be %s, got %s: %v", c.version, version, out, err)
		}
	}
}

// TestLockFile: packages are pinned by digest, and come from where each machine gets its packages.
func TestLockFile(t *testing.T) {
	data, err := os.ReadFile("../servers/restate/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Integrity, Resolved string }
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		t.Fatal(err)
	}
	delete(lock.Packages, "") // the project itself
	if len(lock.Packages) == 0 {
		t.Error("no package is pinned")
	}
	for name, p := range lock.Packages {
		if p.Integrity == "" || p.Resolved != "" {
			t.Errorf("%s must have a digest and no address", name)
		}
	}
}

// TestScriptParses asks each shell to read the script without running it.
func TestScriptParses(t *testing.T) {
	command := registrationJob(t, "greeter", "", cloudAdmin.url).Spec.Template.Spec.Containers[0].Command
	for _, sh := range shells {
		cmd := exec.Command(sh.argv[0], append(append([]string(nil), sh.argv[1:]...), "-n", "-c", command[len(command)-1])...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", sh.name, err, out)
		}
	}
}
