// SPDX-License-Identifier: Apache-2.0

// Package restate runs registration Jobs for real: the container of a Job that the function wrote, with the Restate CLI, against
// a Restate server that knows it through stand-ins for what only Restate Cloud has: an admin API behind TLS and a token, and a
// tunnel. Behind the tunnel are services on the Restate SDK that ask for signed requests.
package restate

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The parts that all tests share.
var (
	restateServer *server
	cloudTunnel   *tunnel
	cloudAdmin    *admin
	clis          []cli
	shells        []shell
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e restate:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	folder := os.Getenv("E2E_RESTATE")
	if folder == "" {
		return 1, errors.New("E2E_RESTATE is not set: run make e2e, which installs the Restate server and CLI")
	}
	dir, err := os.MkdirTemp("", "restate-e2e-") // short: a path of a socket has at most 107 bytes
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if clis, err = installedCLIs(folder); err != nil {
		return 1, err
	}
	shells = installedShells()
	if cloudTunnel, err = startTunnel(); err != nil {
		return 1, err
	}
	defer cloudTunnel.close()
	binary := filepath.Join(folder, "node_modules", "server-"+platform(), "bin", "restate-server")
	restateServer, err = startServer(binary, dir, cloudTunnel.url)
	defer restateServer.stop()
	if err != nil {
		return 1, err
	}
	if cloudAdmin, err = startAdmin(dir, restateServer); err != nil {
		return 1, err
	}
	defer cloudAdmin.close()
	code := m.Run()
	return code, printTotals(os.Stdout)
}

// platform is how npm's packages call this machine.
func platform() string {
	return runtime.GOOS + "-" + cmp.Or(map[string]string{"amd64": "x64"}[runtime.GOARCH], runtime.GOARCH)
}

// cli is one version of the Restate CLI.
type cli struct{ version, path string }

// installedCLIs are those whose packages exist for this machine. That of the image, 1.7.2, does not for linux-arm64.
func installedCLIs(folder string) ([]cli, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "node_modules", "cli-*-"+platform(), "bin", "restate"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no Restate CLI for %s in %s: %w", platform(), filepath.Base(folder), err)
	}
	var out []cli
	for _, path := range paths {
		name := filepath.Base(filepath.Dir(filepath.Dir(path)))
		out = append(out, cli{strings.TrimSuffix(strings.TrimPrefix(name, "cli-"), "-"+platform()), path})
	}
	return out, nil
}

// imageCLI is the version of the image that the function writes.
const imageCLI = "1-7-2"

// hosts are the pairs that all scenarios run with: each CLI with /bin/sh, and the image's with the other shells too.
func hosts() []pod {
	var out []pod
	for _, c := range clis {
		for i, sh := range shells {
			if i == 0 || c.version == imageCLI {
				out = append(out, pod{cli: c, shell: sh})
			}
		}
	}
	return out
}

// shell is a POSIX shell and how to call it.
type shell struct {
	name string
	argv []string
}

// installedShells has /bin/sh first. The image's own is not known: what runs in all of these runs there.
func installedShells() []shell {
	all := []shell{{"sh", []string{"/bin/sh"}}}
	seen := []string{resolved("/bin/sh")}
	for _, s := range []shell{{"dash", []string{"dash"}}, {"bash", []string{"bash", "--posix"}}, {"busybox", []string{"busybox", "sh"}}} {
		if path := resolved(s.argv[0]); path != "" && !slices.Contains(seen, path) {
			seen = append(seen, path)
			s.argv[0] = path
			all = append(all, s)
		}
	}
	return all
}
