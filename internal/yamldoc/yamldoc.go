// SPDX-License-Identifier: Apache-2.0

// Package yamldoc reads the YAML documents of a file from an unknown hand: it survives what makes the parser panic, and its errors
// hold nothing of the file.
package yamldoc

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

var (
	errNotUTF8     = errors.New("is not UTF-8")
	errNotParsable = errors.New("cannot be parsed as YAML")
)

// Parse returns the document nodes, the empty ones too.
func Parse(data []byte) (docs []*yaml.Node, err error) {
	if !utf8.Valid(data) {
		return nil, errNotUTF8
	}
	defer func() {
		if recover() != nil { // crafted input has caused it before (CVE-2022-28948)
			docs, err = nil, errNotParsable
		}
	}()
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, errors.New(errNotParsable.Error() + nearLine(err))
		}
		docs = append(docs, &doc)
	}
}

// Root is what a document holds, nil when it is nothing or comments alone. One that says null is not.
func Root(doc *yaml.Node) *yaml.Node {
	if len(doc.Content) != 1 {
		return nil
	}
	if n := doc.Content[0]; n.Kind != yaml.ScalarNode || n.Value != "" || n.ShortTag() != yaml.NodeTagNull {
		return n
	}
	return nil
}

// Roots are those of the documents that are not empty.
func Roots(docs []*yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for _, doc := range docs {
		if root := Root(doc); root != nil {
			out = append(out, root)
		}
	}
	return out
}

var lineNumber = regexp.MustCompile(`^yaml: line (\d+):`)

// nearLine is the place in an error of the parser, whose other words may quote the file.
func nearLine(err error) string {
	if m := lineNumber.FindStringSubmatch(err.Error()); m != nil {
		return " near line " + m[1]
	}
	return ""
}

// Field is the value of a key, nil when n is no mapping or has no such key.
func Field(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// Text is a scalar field of a mapping, empty when there is none.
func Text(n *yaml.Node, name string) string {
	if f := Field(n, name); f != nil && f.Kind == yaml.ScalarNode {
		return f.Value
	}
	return ""
}
