// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// maxBinary is the budget of the function, in bytes, for the platform of its image. Every host starts it anew for each
// use, and init containers copy it. See docs/decisions/0013-patches-and-size.md.
const maxBinary = 16 << 20

func TestBinarySize(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a build with its own compiler flags takes a minute on a cold cache")
	}
	binary := filepath.Join(t.TempDir(), "restate-integration")
	cmd := exec.Command("make", "--no-print-directory", "build", "FUNCTION="+binary)
	cmd.Dir = filepath.Join("..", "..")
	// MAKEFLAGS of a make that runs this test would reach into the inner one.
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "MAKEFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("restate-integration: %d bytes of %d", info.Size(), maxBinary)
	if info.Size() > maxBinary {
		t.Errorf("restate-integration has %d bytes, more than the budget of %d", info.Size(), maxBinary)
	}
}
