// SPDX-License-Identifier: Apache-2.0

package image_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// draft is an image that is about to be built: the text of the Dockerfile, and the folder of files.
type draft struct {
	t          *testing.T
	dockerfile string
	files      string
}

// newDraft begins with what make image has left of the function.
func newDraft(t *testing.T) *draft {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	d := &draft{t, string(text), t.TempDir()}
	mkdir(t, filepath.Dir(d.path("")))
	if r := run(t, "", "", "cp", "-a", filepath.Join(root, "bin", "image", function, runtime.GOARCH), d.path("")); r.code != 0 {
		t.Fatal(r)
	}
	return d
}

func mkdir(t *testing.T, parts ...string) string {
	t.Helper()
	dir := filepath.Join(parts...)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// path is that of a file of the image, in the draft.
func (d *draft) path(name string) string {
	return filepath.Join(d.files, "image", function, runtime.GOARCH, name)
}

// replace changes the Dockerfile, in the stage of the function.
func (d *draft) replace(old, with string) {
	d.t.Helper()
	head, stage, found := strings.Cut(d.dockerfile, "\nFROM scratch AS "+function+"\n")
	if !found || strings.Count(stage, old) != 1 {
		d.t.Fatalf("the Dockerfile does not have %q once", old)
	}
	d.dockerfile = head + "\nFROM scratch AS " + function + "\n" + strings.Replace(stage, old, with, 1)
}

// write adds a file, or another content.
func (d *draft) write(name string, data []byte, mode os.FileMode) {
	d.t.Helper()
	mkdir(d.t, filepath.Dir(d.path(name)))
	if err := os.WriteFile(d.path(name), data, 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.chmod(name, mode)
}

func (d *draft) chmod(name string, mode os.FileMode) {
	d.t.Helper()
	if err := os.Chmod(d.path(name), mode); err != nil {
		d.t.Fatal(err)
	}
}

func (d *draft) copyFile(from, name string) {
	d.t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		d.t.Fatal(err)
	}
	d.write(name, data, 0o755)
}

// build makes the image and returns its name. It goes with the test.
func (d *draft) build(flags ...string) string {
	d.t.Helper()
	// As make image-root leaves it: engines differ in whether they keep the times of files.
	if r := run(d.t, d.files, "", "find", ".", "-exec", "touch", "-d", "@0", "{}", "+"); r.code != 0 {
		d.t.Fatal(r)
	}
	file := filepath.Join(d.t.TempDir(), "Dockerfile")
	if err := os.WriteFile(file, []byte(d.dockerfile), 0o600); err != nil {
		d.t.Fatal(err)
	}
	image := "localhost/image-test-wrong:" + strings.ReplaceAll(filepath.Base(d.t.Name()), "_", "-")
	flags = append([]string{"--file", file, "--build-context", "build=" + d.files}, flags...)
	if out, err := makeImage("FROM=source", "IMAGE="+image, "BUILD_FLAGS="+strings.Join(flags, " ")); err != nil {
		d.t.Fatalf("make image: %v\n%s", err, out)
	}
	d.t.Cleanup(func() { engine(d.t, "rmi", image) })
	return image
}

// TestWrongImages: each image has one flaw, and that is what is found in it.
func TestWrongImages(t *testing.T) {
	libraries, err := exec.LookPath("cat") // a program that is dynamic on every Linux that make image-test runs on
	if err != nil {
		t.Fatal(err)
	}
	const program = "usr/local/bin/" + function
	later := map[string]string{"docker": "--build-arg SOURCE_DATE_EPOCH=86400", "podman": "--timestamp 86400"}[os.Getenv("ENGINE")]
	for _, tt := range []struct {
		name   string
		change func(d *draft)
		flags  string
		want   []string // what each finding has
	}{
		{"nothing", func(*draft) {}, "", nil},
		{"no user", func(d *draft) { d.replace("\nUSER 65534:65534", "") }, "", []string{`runs as ""`}},
		{"root", func(d *draft) { d.replace("USER 65534:65534", "USER 0:0") }, "", []string{`runs as "0:0"`}},
		{"root as the group", func(d *draft) { d.replace("USER 65534:65534", "USER 65534:0") }, "", []string{`runs as "65534:0"`}},
		{"a user by name", func(d *draft) { d.replace("USER 65534:65534", "USER nobody") }, "", []string{`runs as "nobody"`}},
		{"a user that hosts do not know", func(d *draft) { d.write("etc/passwd", []byte("root:x:0:0::/:\n"), 0o644) }, "", []string{"no user nobody"}},
		{"a shell", func(d *draft) { d.write("bin/sh", []byte("#!"), 0o755) }, "", []string{"holds /bin/ besides", "holds /bin/sh besides"}},
		{"a shell in front", func(d *draft) { d.replace(`ENTRYPOINT ["`, `ENTRYPOINT ["/bin/sh", "`) }, "", []string{`runs ["/bin/sh" "/usr/local/bin/restate-integration"]`}},
		{"arguments", func(d *draft) { d.replace("ENTRYPOINT", "CMD [\"version\"]\nENTRYPOINT") }, "", []string{`with ["version"]`}},
		{"a dynamic program", func(d *draft) { d.copyFile(libraries, program) }, "", []string{"dynamic program"}},
		{"a script", func(d *draft) { d.write(program, []byte("#!/bin/sh\n"), 0o755) }, "", []string{"has a program that is none"}},
		{"a program that makes root", func(d *draft) { d.chmod(program, 0o755|os.ModeSetuid) }, "", []string{"gives others a right on /" + program}},
		{"a program that others may change", func(d *draft) { d.chmod(program, 0o757) }, "", []string{"gives others a right on /" + program}},
		{"a folder that others may write to", func(d *draft) { d.chmod("etc", 0o777) }, "", []string{"gives others a right on /etc/"}},
		{"weight", func(d *draft) {
			d.write("etc/passwd", []byte("nobody:x:65534:65534::/:\n"+strings.Repeat("#\n", overhead/2)), 0o644)
		}, "", []string{"bytes more than its program"}},
		{"a date", func(*draft) {}, later, []string{"says when"}},
		{"a variable", func(d *draft) { d.replace("USER", "ENV DEBUG=1\nUSER") }, "", []string{"sets the variable DEBUG=1"}},
		{"a port", func(d *draft) { d.replace("USER", "EXPOSE 80\nUSER") }, "", []string{"ports"}},
		{"a volume", func(d *draft) { d.replace("USER", "VOLUME /etc\nUSER") }, "", []string{"volumes"}},
		{"another label", func(d *draft) { d.replace("image.licenses", "image.licence") }, "", []string{"has the labels"}},
		{"an empty label", func(*draft) {}, "--build-arg SOURCE=", []string{"empty label org.opencontainers.image.source"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDraft(t)
			tt.change(d)
			compare(t, flaws(save(t, d.build(strings.Fields(tt.flags)...)), function, runtime.GOARCH), tt.want)
		})
	}
}

// compare holds findings against what each must have. A date is found in each file too, by engines that give one to files.
func compare(t *testing.T, got, want []string) {
	t.Helper()
	found := slices.CompactFunc(slices.Clone(got), func(a, b string) bool {
		return strings.HasPrefix(a, "says when ") && strings.HasPrefix(b, "says when ")
	})
	if !slices.EqualFunc(found, want, strings.Contains) {
		t.Errorf("got %q, want findings that have %q", got, want)
	}
}

// TestOtherArchitecture: an image is held against the architecture that it is for.
func TestOtherArchitecture(t *testing.T) {
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	compare(t, flaws(save(t, tag(function)), function, other), []string{"is for " + runtime.GOARCH, "has a program for"})
}

// TestWrongPrograms: each program feels one limit, or dies badly, and that is what is found. So each limit is seen to bind.
func TestWrongPrograms(t *testing.T) {
	var all []string
	for _, l := range limits() {
		all = append(all, l.name)
	}
	for habit, want := range map[string][]string{
		"write":      {"a closed root file system", "all of it", "leaves no trace"},
		"litter":     {"leaves no trace"},
		"network":    {"no network", "all of it"},
		"capability": {"root without capabilities"},
		"privileges": {"no new privileges", "all of it"},
		"owner":      {"another user", "all of it"},
		"home":       {"no home", "all of it"},
		"memory":     {"64 MiB of memory", "all of it"},
		"deaf":       {"dies of SIGTERM"},
		"hasty":      append(all, "prints nothing when interrupted"),
	} {
		t.Run(habit, func(t *testing.T) {
			d := newDraft(t)
			probe := exec.Command("go", "build", "-o", d.path("probe"), "./probe")
			probe.Env = append(os.Environ(), "CGO_ENABLED=0")
			if r := finish(t, probe); r.code != 0 {
				t.Fatal(r)
			}
			mkdir(t, d.path("tmp"))
			d.chmod("tmp", 0o777|os.ModeSticky)
			d.replace(`ENTRYPOINT ["/usr/local/bin/restate-integration"]`, `ENTRYPOINT ["/probe", "`+habit+`"]`)
			if d := cmp.Diff(want, problems(t, d.build())); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}
