// SPDX-License-Identifier: Apache-2.0

package image_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// limit is what a host or a cluster takes from a container.
type limit struct {
	name  string
	flags []string
}

// limits are tried one by one, so that each is seen to bind: TestWrongPrograms has an image for each that feels it alone.
func limits() []limit {
	return []limit{
		{"its own user", withNetwork()},
		{"no network", []string{"--network", "none"}},
		{"a closed root file system", withNetwork(closed()...)},
		{"root without capabilities", withNetwork("--user", "0:0", "--cap-drop", "all")},
		{"no new privileges", withNetwork("--security-opt", "no-new-privileges")},
		{"another user", withNetwork("--user", "4711:4711")},
		{"no home", withNetwork("--env", "HOME=/nowhere")}, // runc sets the variable in any case
		{"64 MiB of memory", withNetwork("--memory", "64m", "--memory-swap", "64m")},
		{"all of it", everything()},
	}
}

func withNetwork(flags ...string) []string { return append([]string{"--network", "host"}, flags...) }

// closed closes the root file system. Podman then leaves /tmp open and docker does not.
func closed() []string {
	if os.Getenv("ENGINE") == "podman" {
		return []string{"--read-only", "--read-only-tmpfs=false"}
	}
	return []string{"--read-only"}
}

// everything is all limits at once.
func everything() []string {
	return append(closed(), "--network", "none", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--user", "4711:4711",
		"--env", "HOME=/nowhere", "--memory", "64m", "--memory-swap", "64m")
}

// input is a list that a host has sent, with an encrypted Secret.
func input(t *testing.T) string {
	t.Helper()
	return goldenInput(t, filepath.Join(root, "testdata", "golden", "secret-among-the-items"))
}

func goldenInput(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "input.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// program runs the function without a container, in an empty directory and environment.
func program(t *testing.T, stdin string) result {
	t.Helper()
	cmd := exec.Command(binary(function))
	cmd.Dir, cmd.Env, cmd.Stdin = t.TempDir(), []string{}, strings.NewReader(stdin)
	return finish(t, cmd)
}

// TestLimits runs the function under each limit, and sees what becomes of it.
func TestLimits(t *testing.T) {
	for _, problem := range problems(t, tag(function)) {
		t.Error(problem)
	}
}

// problems lists what an image does not stand.
func problems(t *testing.T, image string) []string {
	t.Helper()
	want := program(t, input(t))
	if want.code != 0 {
		t.Fatalf("the program: %v", want)
	}
	var all []string
	for _, l := range limits() {
		if got := contain(t, image, input(t), l.flags...); got != want {
			all = append(all, l.name)
			t.Logf("%s: exit code %d\n%s", l.name, got.code, got.stderr)
		}
	}
	if left := traces(t, image); len(left) > 0 {
		all = append(all, "leaves no trace")
		t.Logf("changed files: %q", left)
	}
	return append(all, interrupt(t, image)...)
}

// traces runs an image as root, who may write everywhere, and lists the files that it leaves.
func traces(t *testing.T, image string) []string {
	t.Helper()
	id := engine(t, "create", "-i", "--network", "host", "--user", "0:0", image)
	defer engine(t, "rm", "--force", id)
	if r := run(t, t.TempDir(), input(t), os.Getenv("ENGINE"), "start", "--attach", "--interactive", id); r.code != 0 {
		return []string{r.String()}
	}
	var left []string
	for line := range strings.Lines(engine(t, "diff", id)) {
		path := strings.Fields(line)[1]
		// What the engine itself writes: names and addresses, and the places of its mounts.
		if top, _, _ := strings.Cut(path[1:], "/"); !slices.Contains([]string{"etc", "dev", "proc", "sys", "run"}, top) {
			left = append(left, path)
		}
	}
	return left
}

// grace is how long a container may live after SIGTERM; engines and clusters kill it after ten seconds or more.
const grace = 5 * time.Second

// interrupt sends SIGTERM while the function waits for the rest of its input.
func interrupt(t *testing.T, image string) []string {
	t.Helper()
	name := fmt.Sprintf("image-test-%d", time.Now().UnixNano())
	cmd := exec.Command(os.Getenv("ENGINE"), "run", "--rm", "-i", "--name", name, "--network", "host", image)
	cmd.Dir = t.TempDir() // as contain
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan result, 1)
	go func() { got <- finish(t, cmd) }()
	// More than all pipes on the way hold: once it is written, the function runs and has read.
	const padding = "# ............................................................\n"
	half := input(t)[:len(input(t))/2]
	if _, err := stdin.Write([]byte(half[:strings.LastIndex(half, "\n")+1] + strings.Repeat(padding, 2<<20/len(padding)))); err != nil {
		return []string{fmt.Sprintf("does not read its input: %v", err)}
	}
	engine(t, "kill", "--signal", "TERM", name)
	var problems []string
	select {
	case r := <-got:
		problems = append(problems, interrupted(r)...)
	case <-time.After(grace):
		problems = append(problems, "dies of SIGTERM")
		engine(t, "kill", "--signal", "KILL", name)
		problems = append(problems, interrupted(<-got)...)
	}
	return problems
}

func interrupted(r result) []string {
	var problems []string
	if r.code == 0 {
		problems = append(problems, "fails when interrupted")
	}
	if r.stdout != "" {
		problems = append(problems, "prints nothing when interrupted")
	}
	return problems
}

// TestGoldenInputs gives all limits at once every input of the golden cases: what comes out is what the program makes of it.
func TestGoldenInputs(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(root, "testdata", "golden", "*"))
	if err != nil || len(dirs) < 100 {
		t.Fatalf("found %d golden cases: %v", len(dirs), err)
	}
	for _, dir := range dirs {
		stdin := goldenInput(t, dir)
		if d := cmp.Diff(program(t, stdin), contain(t, tag(function), stdin, everything()...), cmp.AllowUnexported(result{})); d != "" {
			t.Errorf("%s (-program +container):\n%s", filepath.Base(dir), d)
		}
	}
}
