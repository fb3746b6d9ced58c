// SPDX-License-Identifier: Apache-2.0

package image_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// digest names an image by all that is in it.
func digest(t *testing.T, image string) string {
	t.Helper()
	return engine(t, "image", "inspect", "--format", "{{.Id}}", image)
}

// makes builds an image of the function for a test, and returns its digest.
func makes(t *testing.T, args ...string) string {
	t.Helper()
	image := "localhost/image-test:" + strings.ReplaceAll(t.Name(), "/", "-")
	if out, err := makeImage(append(args, "IMAGE="+image)...); err != nil {
		t.Fatalf("make image %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	t.Cleanup(func() { engine(t, "rmi", image) })
	return digest(t, image)
}

// TestReproducible builds the program and the image once more, elsewhere and without what was built before.
func TestReproducible(t *testing.T) {
	if got, want := makes(t, "BIN="+t.TempDir(), "BUILD_FLAGS=--no-cache"), digest(t, tag(function)); got != want {
		t.Errorf("two builds have the digests %s and %s", want, got)
	}
}

// TestBuildah: every builder makes the same image.
func TestBuildah(t *testing.T) {
	if os.Getenv("ENGINE") != "podman" {
		t.Skip("docker does not see what buildah builds")
	}
	if _, err := exec.LookPath("buildah"); err != nil {
		t.Skip("buildah is not on PATH")
	}
	if got, want := makes(t, "ENGINE=buildah"), digest(t, tag(function)); got != want {
		t.Errorf("podman makes the image %s, buildah %s", want, got)
	}
}

// TestFromSource runs the build stages in a stand-in for the image of Go, which has the tools of this machine. It has no network: what the
// stages need besides is in the module cache. The image is the one that make image wraps around a program of this machine.
func TestFromSource(t *testing.T) {
	if os.Getenv("ENGINE") != "podman" {
		t.Skip("docker build mounts no folder of the machine, so that the stand-in has no Go")
	}
	const golang = "localhost/image-test-go:dev"
	standIn(t, golang)
	flags := []string{"--build-arg GO_IMAGE=" + golang, "--build-arg GOPROXY=off", "--network none"}
	for at, variable := range map[string]string{"/usr/local/go": "GOROOT", "/home/go": "GOMODCACHE", "/home/cache": "GOCACHE"} {
		flags = append(flags, fmt.Sprintf("--volume %s:%s", goEnv(t, variable), at))
	}
	for _, program := range []string{function, secrets} {
		t.Run(program, func(t *testing.T) {
			if got, want := makes(t, "FROM=source", "PROGRAM="+program, "BUILD_FLAGS="+strings.Join(flags, " ")), digest(t, tag(program)); got != want {
				t.Errorf("built in a container it is the image %s, wrapped %s", got, want)
			}
		})
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// tools are what the Makefile calls on the way to image-root.
var tools = []string{"bash", "make", "cat", "cksum", "cut", "rm", "mkdir", "cp", "find", "chmod", "touch"}

// standIn makes an image of this machine's tools and their libraries.
func standIn(t *testing.T, image string) {
	t.Helper()
	dir := t.TempDir()
	for _, tool := range tools {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		copyTo(t, path, filepath.Join(dir, "bin", tool))
		libraries, err := exec.Command("ldd", path).Output()
		if err != nil {
			t.Fatalf("ldd %s: %v", path, err)
		}
		for _, match := range regexp.MustCompile(`(?m)(/\S+) \(0x`).FindAllStringSubmatch(string(libraries), -1) {
			copyTo(t, match[1], filepath.Join(dir, match[1]))
		}
	}
	copyTo(t, filepath.Join(dir, "bin", "bash"), filepath.Join(dir, "bin", "sh"))
	mkdir(t, dir, "usr")
	mkdir(t, dir, "tmp")
	for _, folder := range []string{"bin", "lib", "lib64"} {
		if err := os.Symlink("../"+folder, filepath.Join(dir, "usr", folder)); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "Dockerfile")
	const text = "FROM scratch\nCOPY . /\nENV PATH=/usr/local/go/bin:/bin GOTOOLCHAIN=local GOMODCACHE=/home/go GOCACHE=/home/cache HOME=/home\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	engine(t, "build", "--file", file, "--tag", image, dir)
	t.Cleanup(func() { engine(t, "rmi", image) })
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	mkdir(t, filepath.Dir(to))
	if err := os.WriteFile(to, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestOtherPlatform builds for the architecture that this machine has not, without an emulator.
func TestOtherPlatform(t *testing.T) {
	arch := "arm64"
	if goEnv(t, "GOARCH") == arch {
		arch = "amd64"
	}
	makes(t, "ARCH="+arch, "BIN="+t.TempDir())
	for _, flaw := range flaws(save(t, "localhost/image-test:TestOtherPlatform"), function, arch) {
		t.Error(flaw)
	}
}
