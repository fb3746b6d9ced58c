// SPDX-License-Identifier: Apache-2.0

// Package emit writes a typed Kubernetes object as YAML that a person would write: fields in the order that Kubernetes users
// know, without the empty fields that Go's structs bring along.
package emit

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// YAML is the canonical form of an object, a pointer to a struct: the same object gives the same bytes. It ends in a newline and
// has no "---".
func YAML(object any) ([]byte, error) {
	tree, err := toTree(reflect.ValueOf(object))
	if err != nil {
		return nil, fmt.Errorf("convert object: %w", err)
	}
	for _, path := range noise {
		strip(tree, strings.Split(path, "."))
	}
	node, err := toNode(tree)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := encoder.Encode(node); err != nil {
		return nil, fmt.Errorf("write object: %w", err)
	}
	return out.Bytes(), nil
}

// noise lists what Go's structs write although nobody set it. It is a list of paths, never "every empty map": podSelector: {}
// and emptyDir: {} carry meaning.
var noise = []string{
	"status",
	"spec", // of a Namespace
	"metadata.creationTimestamp",
	"spec.strategy",
	"spec.template.metadata.creationTimestamp",
	"spec.template.metadata",
	"spec.template.spec.containers.resources",
	"spec.template.spec.initContainers.resources",
}

// strip removes the value at the path when it is null or an empty map; lists on the way are walked through.
func strip(v any, path []string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			strip(e, path)
		}
	case map[string]any:
		child, found := v[path[0]]
		switch {
		case !found:
		case len(path) > 1:
			strip(child, path[1:])
		case child == nil || isEmptyMap(child) || path[0] == "status":
			delete(v, path[0])
		}
	}
}

func isEmptyMap(v any) bool {
	m, ok := v.(map[string]any)
	return ok && len(m) == 0
}

// toNode builds nodes with ordered keys. Scalars go through the library, which quotes what would read as another type.
func toNode(v any) (*yaml.Node, error) {
	switch v := v.(type) {
	case map[string]any:
		return mappingNode(v)
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		for _, e := range v {
			c, err := toNode(e)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, c)
		}
		return n, nil
	case string:
		return stringNode(v)
	case int64:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(v, 10)}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}, nil
	}
	return encoded(v)
}

// encoded lets the library choose tag and quotes. It makes an encoder for each call, which is most of the cost of emitting.
func encoded(v any) (*yaml.Node, error) {
	n := &yaml.Node{}
	if err := n.Encode(v); err != nil {
		return nil, fmt.Errorf("write value: %w", err)
	}
	return n, nil
}

// stringNode leaves quoting to the encoder, which quotes what YAML 1.2 would read as another type. What only YAML 1.1 would,
// such as on or 12:30, is known to Encode alone.
func stringNode(s string) (*yaml.Node, error) {
	// "<<" is a merge key to every reader, and a block that begins with a tab is one that the library cannot read back.
	if s == "<<" || strings.HasPrefix(s, "\t") && strings.Contains(s, "\n") {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: s}, nil
	}
	if oldBool[strings.ToLower(s)] || strings.Contains(s, ":") && strings.ContainsAny(s[:1], "+-0123456789") {
		return encoded(s)
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}, nil
}

// oldBool are the booleans of YAML 1.1 (yaml.org/type/bool.html), which kubectl reads.
var oldBool = map[string]bool{"y": true, "yes": true, "on": true, "n": true, "no": true, "off": true}

func mappingNode(m map[string]any) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if len(m) == 0 {
		n.Style = yaml.FlowStyle
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for _, k := range keys {
		key, err := stringNode(k)
		if err != nil {
			return nil, err
		}
		val, err := toNode(m[k])
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, key, val)
	}
	return n, nil
}

// rank is the order that kyaml gives the fields of Kubernetes objects; unknown fields come behind, by name.
func rank(field string) int {
	if r, known := yaml.FieldOrder[field]; known {
		return r
	}
	return len(yaml.FieldOrder) + 1
}
