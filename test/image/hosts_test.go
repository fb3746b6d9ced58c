// SPDX-License-Identifier: Apache-2.0

package image_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The two forms in which the files of users name the function.
const (
	containerForm = `container: {image: "localhost/restate-integration:dev"}`
	execForm      = "exec: {path: restate-integration}"
)

// example copies an example into a directory of its own.
func example(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "examples", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// edit replaces a text that stands once in a file.
func edit(t *testing.T, dir, name, old, with string) {
	t.Helper()
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(data), old) != 1 {
		t.Fatalf("%s does not have %q once:\n%s", name, old, data)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, with, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// host runs kustomize or kpt with the program on PATH.
func host(t *testing.T, dir, name string, args ...string) result {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary(function))+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return finish(t, cmd)
}

// build runs kustomize. Only a program needs the second flag: a container that ran with it alone would not have run for users.
func build(t *testing.T, dir string, flags ...string) result {
	t.Helper()
	return host(t, dir, os.Getenv("KUSTOMIZE"), append([]string{"build", "--enable-alpha-plugins", "."}, flags...)...)
}

// sameBuild builds a directory in the container form and, after a change to one file, in the form of a program.
func sameBuild(t *testing.T, dir, file, container, program string) result {
	t.Helper()
	got := build(t, dir)
	edit(t, dir, file, container, program)
	want := build(t, dir, "--enable-exec")
	if d := cmp.Diff(want, got, cmp.AllowUnexported(result{})); d != "" {
		t.Errorf("container and program differ (-program +container):\n%s", d)
	}
	if got.code != 0 || !strings.Contains(got.stdout, "\nkind: RestateCloudEnvironment\n") {
		t.Errorf("the build: %v", got)
	}
	return got
}

// TestTransformer builds the example as it is.
func TestTransformer(t *testing.T) {
	got := sameBuild(t, example(t, "quickstart-container"), "function.yaml", containerForm, execForm)
	// The example of the program says the same in another form; its Secret is a file there.
	want := build(t, example(t, "quickstart"), "--enable-exec")
	if d := cmp.Diff(want, got, cmp.AllowUnexported(result{})); d != "" {
		t.Errorf("the two quickstarts differ (-quickstart +quickstart-container):\n%s", d)
	}
}

// TestDigest names the image by its digest, as the guide advises.
func TestDigest(t *testing.T) {
	if os.Getenv("ENGINE") != "podman" {
		t.Skip("docker gives an image a digest when it is pushed")
	}
	name := "localhost/restate-integration@" + engine(t, "image", "inspect", "--format", "{{.Digest}}", tag(function))
	dir := example(t, "quickstart-container")
	edit(t, dir, "function.yaml", tag(function), name)
	sameBuild(t, dir, "function.yaml", strings.Replace(containerForm, tag(function), name, 1), execForm)
}

// TestGenerator has a Secret that somebody else makes, so that there is no file to read.
func TestGenerator(t *testing.T) {
	dir := example(t, "quickstart")
	edit(t, dir, "integration.yaml", "{files: [secrets/restate-identity.yaml]}", `{source: External, rolloutKey: "1"}`)
	edit(t, dir, "integration.yaml", execForm, containerForm)
	sameBuild(t, dir, "integration.yaml", containerForm, execForm)
}

// TestGeneratorWithFiles: a container sees the Secret when its folder is mounted.
func TestGeneratorWithFiles(t *testing.T) {
	mounted := strings.Join(regexp.MustCompile(`(?m)^      container:\n(?:        .*\n)+`).FindAllString(page(t, "docs/guide/containers.md"), 1), "")
	dir := example(t, "quickstart")
	edit(t, dir, "integration.yaml", "      "+execForm+"\n", mounted)
	sameBuild(t, dir, "integration.yaml", mounted, "      "+execForm+"\n")
}

// TestGeneratorWithoutFiles: without the mount it fails, and says what can be done.
func TestGeneratorWithoutFiles(t *testing.T) {
	dir := example(t, "quickstart")
	edit(t, dir, "integration.yaml", execForm, containerForm)
	got := build(t, dir)
	if got.code == 0 || got.stdout != "" {
		t.Fatalf("want an error: %v", got)
	}
	for _, want := range []string{"[RI0410]", "put the encrypted Secret into resources and use the transformer form", "mount the directory of the file"} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("standard error does not say %q:\n%s", want, got.stderr)
		}
	}
}

func page(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestKpt renders and evaluates the example in both forms, in place.
func TestKpt(t *testing.T) {
	if _, err := exec.LookPath("kpt"); err != nil {
		t.Skip("kpt is not on PATH")
	}
	const kptfile = "Kptfile"
	// A second Kptfile in the repository would be rendered with the first, so the one of the example stands in its README.
	text := regexp.MustCompile("(?s)```yaml\n(apiVersion: kpt.dev/v1\n.*?)```").FindStringSubmatch(page(t, "examples/quickstart-container/README.md"))
	if text == nil {
		t.Fatal("the README of the example shows no Kptfile")
	}
	t.Run("render", func(t *testing.T) {
		container, program := example(t, "quickstart-container"), example(t, "quickstart-container")
		for _, dir := range []string{container, program} {
			if err := os.WriteFile(filepath.Join(dir, kptfile), []byte(text[1]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		edit(t, program, kptfile, "image: localhost/restate-integration:dev", "exec: restate-integration")
		succeeds(t, host(t, program, "kpt", "fn", "render", "--allow-exec"))
		for range 2 { // the second finds what the first has written
			succeeds(t, host(t, container, "kpt", "fn", "render", "--image-pull-policy", "never"))
			same(t, program, container, kptfile)
		}
	})
	t.Run("eval", func(t *testing.T) {
		container, program := example(t, "quickstart-container"), example(t, "quickstart-container")
		succeeds(t, host(t, program, "kpt", "fn", "eval", "--exec", "restate-integration", "--fn-config", "integration.yaml"))
		succeeds(t, host(t, container, "kpt", "fn", "eval", "--image", tag(function), "--image-pull-policy", "never", "--fn-config", "integration.yaml"))
		same(t, program, container)
	})
}

func succeeds(t *testing.T, r result) {
	t.Helper()
	if r.code != 0 {
		t.Fatal(r)
	}
}

// same compares two directories, but for files of the names skip, and holds that something was generated.
func same(t *testing.T, want, got string, skip ...string) {
	t.Helper()
	files := tree(t, got, skip)
	if d := cmp.Diff(tree(t, want, skip), files); d != "" {
		t.Errorf("container and program differ (-program +container):\n%s", d)
	}
	if files["generated/prod/restatecloudenvironment-prod.yaml"] == "" {
		t.Error("no RestateCloudEnvironment was generated")
	}
}

// tree reads the files below a directory.
func tree(t *testing.T, dir string, skip []string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range skip {
		delete(files, name)
	}
	return files
}
