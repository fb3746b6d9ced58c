// SPDX-License-Identifier: Apache-2.0

package image_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// overhead is how much larger than its program an image may be.
const overhead = 1 << 20

// TestImages looks at both images as they are stored.
func TestImages(t *testing.T) {
	for _, program := range []string{function, secrets} {
		t.Run(program, func(t *testing.T) {
			image := save(t, tag(program))
			for _, flaw := range flaws(image, program, runtime.GOARCH) {
				t.Error(flaw)
			}
			want, err := os.ReadFile(binary(program))
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := image.find("/usr/local/bin/" + program); !bytes.Equal(got.data, want) {
				t.Error("the program is not the one that was built")
			}
			version := engine(t, "run", "--rm", "--network", "none", tag(program), "version")
			if label := image.Config.Labels["org.opencontainers.image.version"]; label != version {
				t.Errorf("the label of the version is %q, the program says %q", label, version)
			}
			fmt.Printf("image of %s: %d bytes, %d more than its program\n", program, image.size, image.size-len(want))
		})
	}
}

// flaws lists what is wrong with an image of a program.
func flaws(image saved, program, arch string) []string {
	var all []string
	for _, check := range []func() []string{
		func() []string { return configFlaws(image, program, arch) },
		func() []string { return fileFlaws(image, program) },
		func() []string { return programFlaws(image, program, arch) },
		func() []string { return userFlaws(image) },
	} {
		all = append(all, check()...)
	}
	return all
}

func configFlaws(image saved, program, arch string) []string {
	var all []string
	c := image.Config
	if want := []string{"/usr/local/bin/" + program}; !slices.Equal(c.Entrypoint, want) || len(c.Cmd) > 0 {
		all = append(all, fmt.Sprintf("runs %q with %q, not %q", c.Entrypoint, c.Cmd, want))
	}
	if image.Architecture != arch {
		all = append(all, fmt.Sprintf("is for %s, not %s", image.Architecture, arch))
	}
	if !image.Created.Equal(time.Unix(0, 0)) {
		all = append(all, fmt.Sprintf("says when it was made: %s", image.Created))
	}
	if len(c.Volumes)+len(c.ExposedPorts) > 0 {
		all = append(all, fmt.Sprintf("has volumes %v and ports %v", c.Volumes, c.ExposedPorts))
	}
	for _, variable := range c.Env {
		if !strings.HasPrefix(variable, "PATH=") {
			all = append(all, "sets the variable "+variable)
		}
	}
	var labels []string
	for _, key := range []string{"description", "licenses", "source", "title", "version"} {
		labels = append(labels, "org.opencontainers.image."+key)
	}
	if got := slices.Sorted(maps.Keys(c.Labels)); !slices.Equal(got, labels) {
		all = append(all, fmt.Sprintf("has the labels %q, not %q", got, labels))
	}
	for key, value := range c.Labels {
		if value == "" {
			all = append(all, "has an empty label "+key)
		}
	}
	return all
}

// fileFlaws holds the files against the list of those that there may be: whoever breaks into the container finds nothing to run.
func fileFlaws(image saved, program string) []string {
	allowed := []string{"etc/", "etc/passwd", "usr/", "usr/local/", "usr/local/bin/", "usr/local/bin/" + program}
	var all []string
	for _, f := range image.files {
		name := strings.TrimPrefix(f.Name, "./")
		if !slices.Contains(allowed, name) {
			all = append(all, "holds /"+name+" besides the program")
		}
		if f.Mode&0o7022 != 0 || f.Uid != 0 || f.Gid != 0 {
			all = append(all, fmt.Sprintf("gives others a right on /%s: mode %o of %d:%d", name, f.Mode, f.Uid, f.Gid))
		}
		if !f.ModTime.Equal(time.Unix(0, 0)) {
			all = append(all, fmt.Sprintf("says when /%s was made: %s", name, f.ModTime))
		}
	}
	return all
}

// programFlaws: a dynamic binary would not start without its libraries.
func programFlaws(image saved, program, arch string) []string {
	f, found := image.find("/usr/local/bin/" + program)
	if !found {
		return []string{"has no program"}
	}
	var all []string
	if over := image.size - len(f.data); over > overhead {
		all = append(all, fmt.Sprintf("has %d bytes more than its program, which may be %d", over, overhead))
	}
	binary, err := elf.NewFile(bytes.NewReader(f.data))
	if err != nil {
		return append(all, "has a program that is none: "+err.Error())
	}
	if slices.ContainsFunc(binary.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC }) {
		all = append(all, "has a dynamic program")
	}
	if want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch]; binary.Machine != want {
		all = append(all, fmt.Sprintf("has a program for %s, not %s", binary.Machine, want))
	}
	return all
}

var (
	byNumber = regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`)
	nobody   = regexp.MustCompile(`(?m)^nobody:[^:]*:[1-9]`)
)

// userFlaws: Kubernetes takes a number alone for a user that is not root, and kustomize and kpt name the user nobody.
func userFlaws(image saved) []string {
	var all []string
	if !byNumber.MatchString(image.Config.User) {
		all = append(all, fmt.Sprintf("runs as %q, not as a user and group by number that are not root", image.Config.User))
	}
	if passwd, _ := image.find("/etc/passwd"); !nobody.Match(passwd.data) {
		all = append(all, "has no user nobody in /etc/passwd")
	}
	return all
}
