// SPDX-License-Identifier: Apache-2.0

package resourcelist

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// MaxSize is the largest ResourceList in bytes that is read, and the most that aliases may add when they are written out.
const MaxSize = 64 << 20

// MaxDepth is the number of nested collections, aliases written out, up to which a ResourceList is read. Block style
// takes two spaces a level, so text of n levels grows with the square of n.
const MaxDepth = 1000

// ErrTooLarge is matched by the errors for lists above MaxSize or MaxDepth.
var ErrTooLarge = errors.New("too large")

var (
	errEmpty   = errors.New("the input is empty")
	errSeveral = errors.New("the input must be one YAML document")
	errAnchor  = errors.New("an alias names an unknown anchor")
	errParser  = errors.New("the YAML parser gave up")
)

// checkBytes refuses what is not text that YAML allows, and what holds more than one document.
func checkBytes(data []byte) error {
	switch {
	case len(data) > MaxSize:
		return fmt.Errorf("%w: more than %d MiB", ErrTooLarge, MaxSize>>20)
	case bytes.HasPrefix(data, []byte("\xfe\xff")), bytes.HasPrefix(data, []byte("\xff\xfe")):
		return errors.New("the input is UTF-16, must be UTF-8")
	case len(bytes.TrimSpace(bytes.TrimPrefix(data, []byte(utf8BOM)))) == 0:
		return errEmpty
	}
	if err := checkCharacters(data); err != nil {
		return err
	}
	return checkMarkers(bytes.TrimPrefix(data, []byte(utf8BOM)))
}

// checkCharacters holds the whole text to the characters that YAML allows. The parser does so too, but it is not asked
// about comments between the pieces.
func checkCharacters(data []byte) error {
	line := 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return fmt.Errorf("line %d: invalid UTF-8", line)
		case r == 0:
			return fmt.Errorf("line %d: a NUL byte", line)
		case r == '\n':
			line++
		case r < 0x20 && r != '\t' && r != '\r', r >= 0x7f && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			return fmt.Errorf("line %d: a control character", line)
		}
		i += size
	}
	return nil
}

// checkMarkers accepts one `---` before all content and no other document marker. The parser would take a `...` at the
// end, but nothing could be added after it.
func checkMarkers(data []byte) error {
	n, started := 0, false
	for line := range bytes.Lines(data) {
		n++
		if isMarker(line) {
			if started || line[0] == '.' {
				return fmt.Errorf("line %d: %w", n, errSeveral)
			}
			started = true
			continue
		}
		if kind, _ := classify(line); kind == dashLine || (kind == otherLine && line[0] != '%') {
			started = true
		}
	}
	return nil
}

// parseDocument parses text that holds exactly one document and returns its root. Errors quote nothing of the text.
func parseDocument(data []byte) (root *yaml.Node, err error) {
	// The parser is known to panic on rare input. What it panics with may hold content.
	defer func() {
		if recover() != nil {
			root, err = nil, errParser
		}
	}()
	var doc, next yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(forParser(data)))
	if err := d.Decode(&doc); err != nil {
		return nil, describe(err)
	}
	if err := d.Decode(&next); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, describe(err)
		}
		return nil, errSeveral
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, errEmpty
	}
	return doc.Content[0], nil
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// yamlProblems are the parser's messages that may be passed on. It is a list of what is allowed, so that a message that
// quotes content, now or in a later version, never is.
var yamlProblems = []string{
	"block sequence entries are not allowed in this context",
	"could not find expected ':'",
	"did not find expected ',' or ']'",
	"did not find expected ',' or '}'",
	"did not find expected '-' indicator",
	"did not find expected <document start>",
	"did not find expected comment or line break",
	"did not find expected key",
	"did not find expected node content",
	"did not find expected whitespace or line break",
	"exceeded max depth of 10000",
	"found a tab character that violates indentation",
	"found a tab character where an indentation space is expected",
	"found character that cannot start any token",
	"found undefined tag handle",
	"found unexpected document indicator",
	"found unexpected end of stream",
	"found unknown escape character",
	"mapping keys are not allowed in this context",
	"mapping values are not allowed in this context",
}

// describe turns an error of the parser into one without content. The parser's line may be one off, so "near".
func describe(err error) error {
	if errors.Is(err, io.EOF) {
		return errEmpty
	}
	m := yamlError.FindStringSubmatch(err.Error())
	if m == nil {
		return errParser
	}
	problem := errors.New("invalid YAML")
	switch {
	case len(m[2]) > 14 && m[2][:14] == "unknown anchor":
		problem = errAnchor
	case slices.Contains(yamlProblems, m[2]):
		problem = fmt.Errorf("invalid YAML: %s", m[2])
	}
	if m[1] == "" {
		return problem
	}
	return fmt.Errorf("near line %s: %w", m[1], problem)
}
