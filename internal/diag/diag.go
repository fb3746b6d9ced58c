// SPDX-License-Identifier: Apache-2.0

// Package diag holds what the function says about an input: one type for every error, warning and note, the catalogue
// of their codes, and the one-line text form. It knows neither the spec nor the wire format.
package diag

import (
	"fmt"
	"strings"

	"github.com/restate-integration/restate-integration/internal/redact"
)

// Severity has the words of the KRM functions specification.
type Severity string

// The severities. Error makes the function exit 1 and write its input back; Info goes to the results alone.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Diagnostic is one finding about the input.
type Diagnostic struct {
	Code Code
	// Path is the field path below the RestateIntegration, map entries by key: spec.services[greeter].port. Empty when
	// the finding is about no field.
	Path string
	// Message says what must be, lower-case and without a final period.
	Message string
	// Value is what the user wrote. It is set for enum, number, bool, name and host fields only, and printed through redact.Text.
	Value string
	// Hint is what to type or do instead.
	Hint string
	// Subject is what the finding is about, filled in by the edge.
	Subject Subject
}

// Subject names the object, and its file where the host gave one.
type Subject struct {
	APIVersion, Kind, Namespace, Name string
	// File is the slash-separated path inside the package, Index the position of the document in it.
	File  string
	Index int
}

// Severity is fixed by the code.
func (d Diagnostic) Severity() Severity { return Describe(d.Code).Severity }

// Text is the finding without severity and place: the message, what was found, the hint. It is one line, and masked as a whole
// when a secret has slipped into it: whoever writes a message passes the user's text through redact.Text, and this is the net
// below.
func (d Diagnostic) Text() string {
	text := redact.OneLine(d.text())
	if _, found := redact.Find(text); found {
		return redact.Mask
	}
	return text
}

func (d Diagnostic) text() string {
	var b strings.Builder
	b.WriteString(d.Message)
	if d.Value != "" {
		fmt.Fprintf(&b, ", got %q", redact.Text(d.Value))
	}
	if d.Hint != "" {
		b.WriteString("; " + d.Hint)
	}
	return b.String()
}

// Field is the path as it may be shown.
func (d Diagnostic) Field() string { return redact.Path(d.Path) }

// Line is the form for stderr: severity, file, object, field, text and code on one line, never coloured.
func (d Diagnostic) Line() string {
	parts := []string{string(d.Severity()) + ":"}
	if d.Subject.File != "" {
		parts = append(parts, redact.Path(d.Subject.File)+":")
	}
	if s := d.Subject.String(); s != "" {
		parts = append(parts, s+":")
	}
	if d.Path != "" {
		parts = append(parts, d.Field()+":")
	}
	return strings.Join(append(parts, d.Text()), " ") + " [" + string(d.Code) + "]"
}

// String is "Kind namespace/name", as far as known.
func (s Subject) String() string {
	name := redact.Text(s.Name)
	if s.Namespace != "" {
		name = redact.Text(s.Namespace) + "/" + name
	}
	return strings.TrimSpace(redact.Text(s.Kind) + " " + name)
}

// HasError reports whether any finding is an error: the one place that decides the exit code.
func HasError(ds []Diagnostic) bool {
	for _, d := range ds {
		if d.Severity() == Error {
			return true
		}
	}
	return false
}

// WithArticle is a noun behind a or an, as its first letter asks for.
func WithArticle(noun string) string {
	if strings.ContainsAny(noun[:1], "aeiou") {
		return "an " + noun
	}
	return "a " + noun
}
