// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"io/fs"
	"os"
	"testing"
)

// TestOneKptfile keeps `kpt fn render` on a clone working. kpt renders every package below the one it is given, even where
// .krmignore excludes it, and fails on a function that is run with exec unless it is told --allow-exec.
func TestOneKptfile(t *testing.T) {
	var found []string
	err := fs.WalkDir(os.DirFS("../.."), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (path == ".git" || path == ".cache" || path == "bin"):
			return fs.SkipDir
		case d.Name() == "Kptfile":
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0] != "Kptfile" {
		t.Errorf("got Kptfiles %q, want only the one at the root: hold those of tests in their Go code or a txtar file", found)
	}
}
