// SPDX-License-Identifier: Apache-2.0

// Package e2e judges the function's output by the real servers that will meet it.
package e2e

import (
	"fmt"
	"os"
	"path/filepath"
)

// CRD is an upstream CustomResourceDefinition. The files themselves are other projects' and are not committed.
type CRD struct {
	// Folder below the CRD folder, with every file of one project.
	Folder string
	// Version and Source say where the files come from.
	Version, Source string
}

// CRDs lists what the generated kinds need.
var CRDs = []CRD{
	{Folder: "restate", Version: "v3.1.0", Source: "github.com/restatedev/restate-operator, crd/"},
}

// CRDFolder is where the files are: $CRDS, or the folder beside the project. It is empty when there is none; no Go module ships
// these files.
func CRDFolder() string {
	for _, dir := range []string{os.Getenv("CRDS"), filepath.Join("..", "..", "..", "shared", "crds")} {
		if info, err := os.Stat(dir); dir != "" && err == nil && info.IsDir() {
			return dir
		}
	}
	return ""
}

// Files lists the files of a CRD below the folder.
func (c CRD) Files(folder string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(folder, c.Folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no CRD of %s %s in %s", c.Source, c.Version, filepath.Join(folder, c.Folder))
	}
	return files, nil
}
