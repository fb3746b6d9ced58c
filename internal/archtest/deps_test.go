// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// foreign are modules that come with sops: the function links nothing of them, however many packages lie between.
var foreign = []string{
	"github.com/getsops", "github.com/aws", "github.com/Azure", "cloud.google.com", "google.golang.org/api", "google.golang.org/grpc",
	"github.com/hashicorp", "github.com/huaweicloud", "github.com/ProtonMail", "filippo.io/age",
}

func TestFunctionLinksNoKeys(t *testing.T) {
	deps := linked(t, "./cmd/restate-integration")
	for _, d := range deps {
		if slices.ContainsFunc(foreign, func(module string) bool { return within(d, module) }) {
			t.Errorf("the function links %s, which comes with sops: it may hold no key", d)
		}
	}
	// A name in the list that is wrong would forbid nothing.
	deps = linked(t, "./cmd/restate-integration-secrets")
	for _, module := range foreign {
		if !slices.ContainsFunc(deps, func(d string) bool { return within(d, module) }) {
			t.Errorf("restate-integration-secrets does not link %s: take it off the list", module)
		}
	}
}

// linked lists the packages of a program.
func linked(t *testing.T, pkg string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", pkg)
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -deps %s: %v", pkg, err)
	}
	return strings.Fields(string(out))
}
