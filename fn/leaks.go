// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"encoding/base64"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// leaks looks for secrets in the ConfigMaps of the package, where a credential is put by mistake. They stay foreign: nothing of
// them is changed, and no other finding is about them.
func (p *pkg) leaks() []diag.Diagnostic {
	var ds []diag.Diagnostic
	for _, e := range p.items {
		if e.meta.APIVersion != "v1" || e.meta.Kind != "ConfigMap" {
			continue
		}
		for _, leak := range leaksIn(nil, e.Node()) {
			ds = append(ds, diag.Diagnostic{
				Code: diag.SecretInItem, Path: leak.path.String(), Subject: subject(e.meta),
				Message: "must not hold " + string(leak.kind), Hint: "move it into an encrypted Secret, and rotate it if it was committed",
			})
		}
	}
	return ds
}

// leak is a place that holds a secret.
type leak struct {
	path *field.Path
	kind redact.Kind
}

// leaksIn walks keys and values. A key that holds a secret is masked in the path.
func leaksIn(path *field.Path, n *yaml.Node) []leak {
	var out []leak
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, below := n.Content[i], field.NewPath(redact.Text(n.Content[i].Value))
			if path != nil {
				below = path.Key(redact.Text(key.Value))
			}
			if kind, found := redact.Find(key.Value); found {
				out = append(out, leak{below, kind})
			}
			out = append(out, leaksIn(below, n.Content[i+1])...)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			out = append(out, leaksIn(path.Index(i), c)...)
		}
	case yaml.ScalarNode:
		if kind, found := findEncoded(n.Value); found {
			out = append(out, leak{path, kind})
		}
	}
	return out
}

// findEncoded looks into base64 as well, which binaryData has.
func findEncoded(text string) (redact.Kind, bool) {
	if kind, found := redact.Find(text); found {
		return kind, true
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", false
	}
	return redact.Find(string(decoded))
}
