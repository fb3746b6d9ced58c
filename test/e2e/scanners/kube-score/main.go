// SPDX-License-Identifier: Apache-2.0

// Command kube-score runs kube-score with its optional checks over folders of JSON manifests and prints a JSON list with what it
// found in each. It is a module of its own: kube-score imports packages that k8s.io/api no longer has.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/zegl/kube-score/config"
	"github.com/zegl/kube-score/domain"
	"github.com/zegl/kube-score/parser"
	"github.com/zegl/kube-score/score"
	"github.com/zegl/kube-score/score/checks"
	"github.com/zegl/kube-score/scorecard"
)

type result struct {
	Scanned  int       `json:"scanned"`
	Findings []finding `json:"findings"`
}

type finding struct {
	Check     string `json:"check"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Message   string `json:"message"`
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

// scan judges the manifests of a folder. Annotations that switch checks off have no effect.
func scan(folder string) (result, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return result{}, err
	}
	var documents []domain.NamedReader
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return result{}, err
		}
		documents = append(documents, document{bytes.NewReader(data), file})
	}
	p, err := parser.New(&parser.Config{})
	if err != nil {
		return result{}, err
	}
	parsed, err := p.ParseFiles(documents)
	if err != nil {
		return result{}, err
	}
	run := &config.RunConfiguration{
		EnabledOptionalTests:  map[string]struct{}{},
		KubernetesVersion:     config.Semver{Major: 1, Minor: 37},
		MinReplicasDeployment: 2,
		MinReplicasHPA:        2,
	}
	all := score.RegisterAllChecks(parsed, &checks.Config{}, run)
	for _, c := range all.All() {
		if c.Optional {
			run.EnabledOptionalTests[c.ID] = struct{}{}
		}
	}
	card, err := score.Score(parsed, all, run)
	if err != nil {
		return result{}, err
	}
	out := result{Scanned: len(*card), Findings: []finding{}}
	for _, o := range *card {
		for _, c := range o.Checks {
			if c.Skipped || c.Grade >= scorecard.GradeAlmostOK {
				continue
			}
			var text []string
			for _, comment := range c.Comments {
				text = append(text, strings.TrimSpace(comment.Path+" "+comment.Summary))
			}
			out.Findings = append(out.Findings, finding{
				c.Check.ID, o.TypeMeta.Kind, o.ObjectMeta.Namespace, o.ObjectMeta.Name, strings.Join(text, "; "),
			})
		}
	}
	return out, nil
}

// document is a manifest.
type document struct {
	*bytes.Reader
	name string
}

// Name implements domain.NamedReader.
func (d document) Name() string { return d.name }
