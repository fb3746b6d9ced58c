// SPDX-License-Identifier: Apache-2.0

//go:build goexperiment.jsonv2

// Command trivy runs the checks for Kubernetes that trivy embeds over folders of JSON manifests and prints a JSON list with what it
// found in each. It is a module of its own, since its dependencies are many, and needs GOEXPERIMENT=jsonv2.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/aquasecurity/trivy/pkg/iac/rego"
	"github.com/aquasecurity/trivy/pkg/iac/scanners/kubernetes"
)

type result struct {
	Scanned  int       `json:"scanned"`
	Findings []finding `json:"findings"`
}

type finding struct {
	Check   string `json:"check"`
	Message string `json:"message"`
	object
}

type object struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

func main() {
	results := []result{}
	for _, folder := range os.Args[1:] {
		r, err := scan(folder)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", folder, err)
			os.Exit(1)
		}
		results = append(results, r)
	}
	if err := json.NewEncoder(os.Stdout).Encode(results); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// scanner compiles the checks once.
var scanner = kubernetes.NewScanner(rego.WithEmbeddedPolicies(true), rego.WithEmbeddedLibraries(true))

func scan(folder string) (result, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return result{}, err
	}
	out := result{Findings: []finding{}}
	if len(files) == 0 {
		return out, nil
	}
	root := os.DirFS(folder)
	results, err := scanner.ScanFS(context.Background(), root, ".")
	if err != nil {
		return result{}, err
	}
	judged := map[string]bool{}
	for _, r := range results {
		rng := r.Metadata().Range()
		judged[path.Base(rng.GetFilename())] = true
	}
	out.Scanned = len(judged)
	for _, r := range results.GetFailed() {
		rng := r.Metadata().Range()
		o, err := read(root, path.Base(rng.GetFilename()))
		if err != nil {
			return result{}, err
		}
		out.Findings = append(out.Findings, finding{r.Rule().AVDID, r.Description(), o})
	}
	return out, nil
}

func read(root fs.FS, file string) (object, error) {
	data, err := fs.ReadFile(root, file)
	if err != nil {
		return object{}, err
	}
	var manifest struct {
		Kind     string `json:"kind"`
		Metadata object `json:"metadata"`
	}
	err = json.Unmarshal(data, &manifest)
	return object{manifest.Kind, manifest.Metadata.Namespace, manifest.Metadata.Name}, err
}
