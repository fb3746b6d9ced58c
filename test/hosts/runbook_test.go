// SPDX-License-Identifier: Apache-2.0

package hosts_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// runbook is the page whose commands are run.
const runbook = "../../docs/runbooks/removal.md"

// kptfile makes a kpt package of the quickstart, as docs/guide/hosts.md says.
const kptfile = `apiVersion: kpt.dev/v1
kind: Kptfile
metadata:
  name: quickstart
  annotations:
    config.kubernetes.io/local-config: "true"
pipeline:
  mutators:
  - exec: restate-integration
    configPath: integration.yaml
`

// step is a fenced code block of a page.
type step struct{ language, text string }

func steps(t *testing.T, page string) []step {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var out []step
	for _, match := range regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		out = append(out, step{match[1], match[2]})
	}
	return out
}

// TestRemovalRunbook follows the page from top to bottom: it makes the changes that the page shows, runs its commands, and compares what
// they print.
func TestRemovalRunbook(t *testing.T) {
	if _, err := exec.LookPath("kpt"); err != nil {
		t.Skip("kpt is not on PATH")
	}
	p := newPackage(t)
	ran, printed := 0, ""
	for _, s := range steps(t, runbook) {
		switch s.language {
		case "sh":
			ran, printed = ran+1, p.shell(s.text)
			if silent := strings.Contains(s.text, "# prints nothing"); silent && p.shell("git status --short generated") != "" {
				t.Errorf("%sprints\n%s", s.text, printed)
			}
		case "text":
			if !strings.HasSuffix("\n"+printed, "\n"+s.text) {
				t.Errorf("the page says that\n%sis printed, and it is\n%s", s.text, printed)
			}
		case "diff":
			p.change(s.text)
		case "console":
			p.shell("bash -n <<'EOF'\n" + s.text + "EOF")
		case "yaml": // part of an object that the text speaks of
		default:
			t.Errorf("a block of %q is neither run nor said not to be", s.language)
		}
	}
	if ran < 8 {
		t.Errorf("ran %d blocks only", ran)
	}
	if left := p.shell("git ls-files"); left != ".krmignore\n.sops.yaml\nKptfile\n" {
		t.Errorf("the page leaves behind\n%s", left)
	}
}

// TestRemovalRunbookSelector: the command that waits for the RestateDeployments selects those that are rendered.
func TestRemovalRunbookSelector(t *testing.T) {
	var selector string
	for _, s := range steps(t, runbook) {
		if match := regexp.MustCompile(`kubectl get restatedeployments .*-l (\S+)`).FindStringSubmatch(s.text); match != nil {
			selector = match[1]
		}
	}
	key, value, found := strings.Cut(selector, "=")
	if !found {
		t.Fatal("no command selects RestateDeployments by a label")
	}
	for object := range strings.SplitSeq(kustomizeBuild(t, "../../examples/quickstart"), "\n---\n") {
		if strings.Contains(object, "kind: RestateDeployment\n") && !strings.Contains(object, "\n    "+key+": "+value+"\n") {
			t.Errorf("%s does not select\n%s", selector, object)
		}
	}
}

// kptPackage is the quickstart as a kpt package in Git, rendered and committed.
type kptPackage struct {
	t   *testing.T
	dir string
}

func newPackage(t *testing.T) kptPackage {
	t.Helper()
	p := kptPackage{t, t.TempDir()}
	if err := os.CopyFS(p.dir, os.DirFS("../../examples/quickstart")); err != nil {
		t.Fatal(err)
	}
	p.write("Kptfile", kptfile)
	p.write(".krmignore", ".sops.yaml\n")
	p.shell("rm README.md kustomization.yaml && git init --quiet . && kpt fn render --allow-exec && git add . && git commit --quiet --message start")
	return p
}

// change makes a change of the page in the one file that has what it takes away or stands behind.
func (p kptPackage) change(diff string) {
	p.t.Helper()
	var before, after strings.Builder
	for line := range strings.Lines(diff) {
		if line[0] != '+' {
			before.WriteString(line[1:])
		}
		if line[0] != '-' {
			after.WriteString(line[1:])
		}
	}
	changed := 0
	for _, name := range []string{"integration.yaml", "Kptfile"} {
		text, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil {
			p.t.Fatal(err)
		}
		if n := strings.Count(string(text), before.String()); n > 0 {
			changed += n
			p.write(name, strings.Replace(string(text), before.String(), after.String(), 1))
		}
	}
	if changed != 1 {
		p.t.Fatalf("the package has %d places for the change\n%s", changed, diff)
	}
}

func (p kptPackage) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// shell runs commands in the package, and returns all that they print.
func (p kptPackage) shell(commands string) string {
	p.t.Helper()
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir = p.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + p.t.TempDir(), "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@example.com",
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		p.t.Fatalf("%s: %v\n%s", commands, err, &out)
	}
	return out.String()
}
