// SPDX-License-Identifier: Apache-2.0

// Package scanners runs scanners of Kubernetes manifests as libraries and gives their findings one shape.
package scanners

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Object is a manifest.
type Object = unstructured.Unstructured

// Finding is what a scanner has against an object.
type Finding struct {
	Scanner   string `json:"scanner"`
	Check     string `json:"check"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Message   string `json:"message"`
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s %s/%s: %s", f.Scanner, f.Check, f.Kind, f.Namespace, f.Name, f.Message)
}

// about is a finding against o.
func about(o *Object, scanner, check, message string) Finding {
	return Finding{Scanner: scanner, Check: check, Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName(), Message: message}
}

// Result is what a scanner says about objects that are applied together.
type Result struct {
	// Scanned is how many of them it has rules for.
	Scanned  int       `json:"scanned"`
	Findings []Finding `json:"findings"`
}

// Scanner judges sets of objects that are applied together, each alone.
type Scanner interface {
	Name() string
	Scan(sets [][]*Object) ([]Result, error)
}

// each is a Scan by a function that judges one set.
func each(sets [][]*Object, scan func([]*Object) (Result, error)) ([]Result, error) {
	var results []Result
	for _, objects := range sets {
		r, err := scan(objects)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// Exception is a finding that is meant. Empty fields match everything; the others but Message are patterns of path.Match.
type Exception struct {
	Scanner string `json:"scanner"`
	Check   string `json:"check"`
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	// Case names golden cases and examples.
	Case string `json:"case"`
	// Message is a part of the finding's.
	Message string `json:"message"`
	Reason  string `json:"reason"`
}

// Exceptions reads the file.
func Exceptions(file string) ([]Exception, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []Exception
	if err := yaml.UnmarshalStrict(data, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i, e := range list {
		if e.Scanner == "" || e.Check == "" || e.Kind+e.Name == "" || e.Reason == "" {
			return nil, fmt.Errorf("%s: exception %d: scanner, check, kind or name, and reason are required", file, i)
		}
		for _, pattern := range e.patterns() {
			if _, err := path.Match(pattern, ""); err != nil {
				return nil, fmt.Errorf("%s: exception %d: %q: %w", file, i, pattern, err)
			}
		}
		if slices.Contains(list[:i], e) {
			return nil, fmt.Errorf("%s: exception %d is there twice", file, i)
		}
	}
	return list, nil
}

// Matches is true for a finding in the case that the exception means.
func (e Exception) Matches(name string, f Finding) bool {
	values := []string{f.Scanner, f.Check, f.Kind, f.Name, name}
	for i, pattern := range e.patterns() {
		if ok, _ := path.Match(pattern, values[i]); pattern != "" && !ok {
			return false
		}
	}
	return strings.Contains(f.Message, e.Message)
}

func (e Exception) patterns() []string {
	return []string{e.Scanner, e.Check, e.Kind, e.Name, e.Case}
}
