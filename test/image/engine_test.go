// SPDX-License-Identifier: Apache-2.0

// Package image_test runs the images as their users do: under real kustomize and kpt, and under the limits that hosts and clusters give
// a container. Run it with make image-test, which finds an engine.
package image_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	function = "restate-integration"
	secrets  = "restate-integration-secrets"
)

// root is that of the repository.
var root = filepath.Join("..", "..")

// tag is the name under which make image leaves a program.
func tag(program string) string { return "localhost/" + program + ":dev" }

// binary is what make build or make build-secrets has left.
func binary(program string) string {
	path, err := filepath.Abs(filepath.Join(root, "bin", program))
	if err != nil {
		panic(err)
	}
	return path
}

// TestMain builds both images around the binaries that are there: the binaries are what everything else is compared with.
func TestMain(m *testing.M) {
	if os.Getenv("ENGINE") == "" || os.Getenv("KUSTOMIZE") == "" {
		fmt.Fprintln(os.Stderr, "test/image: ENGINE or KUSTOMIZE is not set: run make image-test")
		os.Exit(1)
	}
	for _, skipped := range skips() {
		fmt.Fprintln(os.Stderr, "test/image: skipped", skipped)
	}
	for _, program := range []string{function, secrets} {
		if out, err := makeImage("PROGRAM="+program, "BINARY="+binary(program)); err != nil {
			fmt.Fprintf(os.Stderr, "test/image: make image PROGRAM=%s: %v\n%s", program, err, out)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// skips says what is left out here: a green run hides the reasons that tests give.
func skips() []string {
	var all []string
	if _, err := exec.LookPath("kpt"); err != nil {
		all = append(all, "TestKpt: kpt is not on PATH")
	}
	if os.Getenv("ENGINE") != "podman" {
		return append(all, "TestDigest, TestBuildah and TestFromSource: they need podman")
	}
	if _, err := exec.LookPath("buildah"); err != nil {
		all = append(all, "TestBuildah: buildah is not on PATH")
	}
	return all
}

// version is that of the binaries: the tree may have become dirty since.
var version = sync.OnceValue(func() string {
	out, err := exec.Command(binary(function), "version").Output()
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(out))
})

// makeImage runs make image. MAKEFLAGS of the make that runs this test would reach into the inner one.
func makeImage(args ...string) ([]byte, error) {
	cmd := exec.Command("make", append([]string{"--no-print-directory", "image", "VERSION=" + version()}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "MAKEFLAGS=")
	return cmd.CombinedOutput()
}

// result is what a command has left.
type result struct {
	stdout, stderr string
	code           int
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\n%s\n%s", r.code, r.stderr, r.stdout)
}

// run runs a command to its end.
func run(t *testing.T, dir, stdin, name string, args ...string) result {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	return finish(t, cmd)
}

func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// engine runs docker or podman, which must succeed.
func engine(t *testing.T, args ...string) string {
	t.Helper()
	r := run(t, "", "", os.Getenv("ENGINE"), args...)
	if r.code != 0 {
		t.Fatalf("%s %s: %v", os.Getenv("ENGINE"), strings.Join(args, " "), r)
	}
	return strings.TrimSpace(r.stdout)
}

// contain runs an image with the flags of a limit. Podman's conmon leaves a file oom in its working directory when the kernel ends a
// container for its memory, so each has one of its own.
func contain(t *testing.T, image, stdin string, flags ...string) result {
	t.Helper()
	return run(t, t.TempDir(), stdin, os.Getenv("ENGINE"), append(append([]string{"run", "--rm", "-i"}, flags...), image)...)
}
