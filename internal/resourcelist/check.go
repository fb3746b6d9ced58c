// SPDX-License-Identifier: Apache-2.0

package resourcelist

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Top-level keys of a ResourceList (KRM Functions Specification v1).
const (
	apiVersionKey     = "apiVersion"
	kindKey           = "kind"
	itemsKey          = "items"
	functionConfigKey = "functionConfig"
	resultsKey        = "results"
)

// topLevelKey is what a top-level key may look like. It keeps an unknown section to a form that needs no quoting.
var topLevelKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./-]*$`)

const maxTopLevelKey = 128

// checkList tells whether a parsed document is a ResourceList.
func checkList(root *yaml.Node) error {
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: not a ResourceList: must be a mapping", root.Line)
	}
	if err := checkExtent(root); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key := root.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != yaml.NodeTagString || !topLevelKey.MatchString(key.Value) || len(key.Value) > maxTopLevelKey {
			return fmt.Errorf("line %d: a top-level key must be a plain name", key.Line)
		}
		if seen[key.Value] {
			return fmt.Errorf("line %d: a top-level key occurs a second time", key.Line)
		}
		seen[key.Value] = true
		if err := checkSection(key.Value, root.Content[i+1]); err != nil {
			return err
		}
	}
	if !seen[apiVersionKey] || !seen[kindKey] {
		return errors.New("not a ResourceList: must have apiVersion and kind")
	}
	return nil
}

// checkSection checks the value of one top-level key.
func checkSection(key string, value *yaml.Node) error {
	v := resolve(value)
	switch key {
	case apiVersionKey:
		if !strings.HasPrefix(stringOf(v), "config.kubernetes.io/") {
			return fmt.Errorf("line %d: not a ResourceList: apiVersion must be of config.kubernetes.io", value.Line)
		}
	case kindKey:
		if stringOf(v) != "ResourceList" {
			return fmt.Errorf("line %d: kind must be ResourceList", value.Line)
		}
	case functionConfigKey:
		if v.Kind != yaml.MappingNode && !isNull(v) {
			return fmt.Errorf("line %d: functionConfig must be a mapping", value.Line)
		}
	case itemsKey:
		return checkItems(value)
	}
	return nil
}

func checkItems(value *yaml.Node) error {
	v := resolve(value)
	if isNull(v) {
		return nil
	}
	if v.Kind != yaml.SequenceNode || v.ShortTag() != yaml.NodeTagSeq {
		return fmt.Errorf("line %d: items must be a sequence", value.Line)
	}
	for i, item := range v.Content {
		if resolve(item).Kind != yaml.MappingNode {
			return fmt.Errorf("line %d: item %d must be a mapping", item.Line, i)
		}
	}
	return nil
}

// extent is what a node takes when its aliases are written out.
type extent struct{ cost, depth int }

// nodeCost stands for a node without its text: what a copy takes in memory, on the safe side for what it takes in text.
const nodeCost = 32

// meter measures a tree. It follows each alias by what it remembers of the anchor, so it takes time by what was
// written and not by what that expands to.
type meter struct {
	anchors map[*yaml.Node]extent
	copied  int
}

// checkExtent refuses aliases within their own anchor, trees that are too deep, and aliases that add too much.
func checkExtent(root *yaml.Node) error {
	m := meter{anchors: map[*yaml.Node]extent{}}
	_, err := m.measure(root)
	return err
}

func (m *meter) measure(n *yaml.Node) (extent, error) {
	if n.Kind == yaml.AliasNode {
		return m.alias(n)
	}
	e := extent{cost: nodeCost + len(n.Value)}
	for _, c := range n.Content {
		ce, err := m.measure(c)
		if err != nil {
			return e, err
		}
		e.cost += ce.cost
		e.depth = max(e.depth, ce.depth+1)
	}
	if e.depth > MaxDepth {
		return e, fmt.Errorf("line %d: %w: nested deeper than %d levels", n.Line, ErrTooLarge, MaxDepth)
	}
	if n.Anchor != "" {
		m.anchors[n] = e
	}
	return e, nil
}

func (m *meter) alias(n *yaml.Node) (extent, error) {
	// An anchor is remembered when its node is complete, so a missing one is that of a node around the alias.
	e, ok := m.anchors[n.Alias]
	if !ok {
		return e, fmt.Errorf("line %d: an alias stands within its own anchor", n.Line)
	}
	m.copied += e.cost
	if m.copied > MaxSize {
		return e, fmt.Errorf("line %d: %w: aliases add more than %d MiB", n.Line, ErrTooLarge, MaxSize>>20)
	}
	return e, nil
}
