// SPDX-License-Identifier: Apache-2.0

package resourcelist

import "sigs.k8s.io/kustomize/kyaml/yaml"

// resolve follows an alias. An anchor is never on an alias, so one step is enough.
func resolve(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// isNull tells whether a node is a null value.
func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == yaml.NodeTagNull
}

// stringOf returns a string node's value, and "" for any other.
func stringOf(n *yaml.Node) string {
	if n = resolve(n); n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() != yaml.NodeTagString {
		return ""
	}
	return n.Value
}

// lookup returns the value of a key in a mapping, nil when there is none. A key of the mapping's own comes before
// merged ones, and the first of several before the others, as in kyaml.
func lookup(n *yaml.Node, key string) *yaml.Node {
	if n = resolve(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := resolve(n.Content[i]); k.Kind == yaml.ScalarNode && k.Value == key && !isMerge(k) {
			return resolve(n.Content[i+1])
		}
	}
	for _, m := range merged(n) {
		if v := lookup(m, key); v != nil {
			return v
		}
	}
	return nil
}

// merged returns the mappings that a mapping takes in by merge keys, the strongest first.
func merged(n *yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !isMerge(n.Content[i]) {
			continue
		}
		switch v := resolve(n.Content[i+1]); v.Kind {
		case yaml.MappingNode:
			out = append(out, v)
		case yaml.SequenceNode:
			for _, e := range v.Content {
				out = append(out, resolve(e))
			}
		}
	}
	return out
}

func isMerge(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!merge" }

// collect adds the values of a mapping and of those that it merges; a value that is no string is empty.
func collect(n *yaml.Node, into map[string]string) {
	if n = resolve(n); n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := resolve(n.Content[i])
		if k.Kind != yaml.ScalarNode || isMerge(k) {
			continue
		}
		if _, ok := into[k.Value]; !ok {
			into[k.Value] = stringOf(n.Content[i+1])
		}
	}
	for _, m := range merged(n) {
		collect(m, into)
	}
}

// equal tells whether two nodes mean the same: kinds, tags, values, anchors and aliases, in order. Style, comments and
// positions do not count.
func equal(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Value != b.Value || a.Anchor != b.Anchor || a.ShortTag() != b.ShortTag() ||
		len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !equal(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}
