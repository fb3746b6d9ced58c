// SPDX-License-Identifier: Apache-2.0

package source

import (
	"encoding/json"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// plain returns a copy of the tree in which aliases and merge keys are resolved, so that nothing behind has to know them.
func plain(node *yaml.Node) (*yaml.Node, *diag.Diagnostic) {
	e := &expander{left: maxNodes}
	tree := e.expand(node, 0)
	switch {
	case e.tooDeep:
		return nil, &diag.Diagnostic{Code: diag.TooLarge, Message: "must not be nested deeper than 100 levels"}
	case e.left <= 0:
		return nil, &diag.Diagnostic{Code: diag.TooLarge, Message: "must not have more than 100000 values, those behind aliases included"}
	}
	return tree, nil
}

type expander struct {
	left    int
	tooDeep bool
}

func (e *expander) expand(n *yaml.Node, depth int) *yaml.Node {
	if e.left--; e.left <= 0 || depth > maxDepth {
		e.tooDeep = e.tooDeep || depth > maxDepth
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	}
	switch n.Kind {
	case yaml.AliasNode:
		return e.expand(n.Alias, depth+1)
	case yaml.DocumentNode:
		return e.expand(n.Content[0], depth)
	case yaml.MappingNode:
		return e.mapping(n, depth)
	}
	out := *n
	out.Content = nil
	for _, c := range n.Content {
		out.Content = append(out.Content, e.expand(c, depth+1))
	}
	return &out
}

// mapping puts what merge keys bring behind the mapping's own keys, which win over them.
func (e *expander) mapping(n *yaml.Node, depth int) *yaml.Node {
	out := *n
	out.Content = nil
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], e.expand(n.Content[i+1], depth+1)
		if key.ShortTag() == "!!merge" && mergeable(val) {
			merges = append(merges, val)
			continue
		}
		out.Content = append(out.Content, e.expand(key, depth+1), val)
	}
	for _, m := range merges {
		sources := []*yaml.Node{m}
		if m.Kind == yaml.SequenceNode {
			sources = m.Content
		}
		for _, s := range sources {
			mergeInto(&out, s)
		}
	}
	return &out
}

// mergeable reports whether a merge key may have the value: a map, or a list of maps. Another value stays with its key, which no
// type has as a field.
func mergeable(n *yaml.Node) bool {
	if n.Kind == yaml.SequenceNode {
		return !slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return c.Kind != yaml.MappingNode })
	}
	return n.Kind == yaml.MappingNode
}

func mergeInto(out, from *yaml.Node) {
	if from.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(from.Content); i += 2 {
		if !hasKey(out, from.Content[i].Value) {
			out.Content = append(out.Content, from.Content[i], from.Content[i+1])
		}
	}
}

func hasKey(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// value is the JSON form of a plain tree. Numbers keep their digits.
func value(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = value(n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			out = append(out, value(c))
		}
		return out
	}
	return scalar(n)
}

func scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int":
		var i int64
		if n.Decode(&i) == nil {
			return i
		}
		return json.Number(n.Value)
	case "!!float":
		var f float64
		if n.Decode(&f) == nil {
			return f
		}
	}
	return n.Value
}
