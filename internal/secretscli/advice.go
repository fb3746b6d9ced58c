// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/redact"
)

// advise says where a new file has to be named, so that the function sees it. A file that the spec names already needs nothing.
func (s sealer) advise(targets []target) {
	byRole := map[string][]string{}
	var resources, others []string // for others no field of the spec names files
	for _, t := range targets {
		if t.lists(t.file) {
			continue
		}
		resources = append(resources, t.file)
		if i := slices.IndexFunc(t.keys, func(k needKey) bool { return !s.credential(k.role).user }); i >= 0 {
			byRole[t.keys[i].role] = append(byRole[t.keys[i].role], t.file)
		} else {
			others = append(others, t.file)
		}
	}
	name, form := s.kustomization()
	if len(resources) == 0 || slices.ContainsFunc(resources, func(f string) bool { return slices.Contains(form.Resources, f) }) {
		return
	}
	inResources := fmt.Sprintf("add to resources of %s: %s", or(name, "kustomization.yaml"), redact.Path(strings.Join(resources, ", ")))
	if name != "" && !slices.Contains(form.Generators, s.base) {
		fmt.Fprintln(s.streams.Err, inResources)
		return
	}
	for _, c := range s.credentials {
		if files := byRole[c.Name]; len(files) > 0 {
			fmt.Fprintf(s.streams.Err, "add to %s of %s: files: [%s]\n", c.Path(), s.base, redact.Path(strings.Join(files, ", ")))
		}
	}
	switch {
	case len(others) > 0 && name != "":
		fmt.Fprintf(s.streams.Err, "add to resources of %s: %s\n", name, redact.Path(strings.Join(others, ", ")))
	case name == "" && len(others) == len(resources):
		fmt.Fprintln(s.streams.Err, inResources)
	case name == "":
		fmt.Fprintf(s.streams.Err, "or, when the function runs as a transformer, %s\n", inResources)
	}
}

// kustomizations are the names that kustomize knows (sigs.k8s.io/kustomize/api/konfig).
var kustomizations = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// form is the part of a kustomization that tells how the function runs: files work where the spec is a generator.
type form struct {
	Generators []string `yaml:"generators"`
	Resources  []string `yaml:"resources"`
}

// kustomization reads the one beside the spec. The name is empty when there is none.
func (p *project) kustomization() (string, form) {
	for _, name := range kustomizations {
		data, err := p.root.ReadFile(name)
		if err != nil {
			continue
		}
		var f form
		if yaml.Unmarshal(data, &f) != nil {
			f = form{} // entries in line, or no YAML: kustomize says more
		}
		return name, f
	}
	return "", form{}
}
