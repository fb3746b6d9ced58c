// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// kind is what is known of a credential. No text of it quotes a value.
type kind struct {
	// prompt says what to type. Empty where a value has several lines, which a terminal does not take.
	prompt string
	// check returns what is only unusual about a value, and what is wrong with it.
	check func(value string, now time.Time) (warning string, problem error)
	// generate makes a value, where there is nobody to ask for one. Nil where there is.
	generate func() (string, error)
	// missing says how to give a value for which nobody can be asked.
	missing string
}

// kinds has the credential of each role: the one table behind seal, rotate and verify. Those of the role nats and of the users of the
// NATS account have one of two forms, and are kindNKey and kindCreds; the callers of a gateway have kindAPIKeys.
var kinds = map[string]kind{
	"tunnel":    {prompt: "API key of Restate Cloud, role Full", check: checkRestateKey},
	kindIngress: {prompt: "API key of Restate Cloud, role Ingress", check: checkRestateKey},
	"admin":     {prompt: "API key of Restate Cloud, role Admin", check: checkRestateKey},
	kindNKey:    {prompt: "nkey seed of a NATS user", check: checkSeed, generate: newSeed},
	kindCreds:   {check: checkCreds, missing: "it has several lines, which a terminal does not take; use --from-file, --from-env or --from-stdin"},
	kindAPIKeys: {check: checkKeyFile, missing: "name its clients with --client"},
}

// kindIngress is the role of that name, and that of each domain of the gateway with a credential of its own.
const kindIngress = "ingress"

// The other forms. A space keeps them from being the name of a role.
const (
	kindNKey    = "nkey seed"
	kindCreds   = "creds file"
	kindAPIKeys = "API keys of a gateway"
)

// kindOf is the one of a name in kinds; a key that no role reads has only what every value has.
func kindOf(name string) kind {
	if k, known := kinds[name]; known {
		return k
	}
	return kind{prompt: "value", check: func(value string, _ time.Time) (string, error) { return "", checkValue(value) }}
}

// minRestateKey is the length of key_ and 20 characters, in bytes: less than any key seen (internal/redact).
const minRestateKey = 24

// checkRestateKey knows of the form only what docs.restate.dev says: a key starts with key_. So another form is a warning.
func checkRestateKey(value string, _ time.Time) (string, error) {
	if err := checkValue(value); err != nil {
		return "", err
	}
	switch {
	case strings.ContainsFunc(value, unicode.IsSpace):
		return "", errors.New("must be one word, and has a blank or a line break inside")
	case !strings.HasPrefix(value, "key_"):
		return "does not start with key_, as the API keys of Restate Cloud do", nil
	case len(value) < minRestateKey:
		return fmt.Sprintf("has %d characters, fewer than any API key of Restate Cloud", len(value)), nil
	}
	return "", nil
}

// placeholder finds what people write where a value is still to come.
var placeholder = regexp.MustCompile(`(?i)replace[-_ ]?(me|this)|change[-_ ]?(me|this)|place[-_ ]?holder|example|your[-_ ]|^(key_)?[<\[{(]|^(key_)?(todo|tbd|fixme|dummy|test|none|null|x+|\.+|\*+|0+)$`)

// checkValue is what holds for every value.
func checkValue(value string) error {
	switch {
	case value == "":
		return errors.New("must not be empty")
	case !utf8.ValidString(value):
		return errors.New("must be UTF-8")
	case value != strings.TrimSpace(value):
		return errors.New("must not begin or end with a blank or a line break: a client sends it as it is")
	case placeholder.MatchString(value):
		return errors.New("must be the real value, and looks like a placeholder")
	}
	return nil
}
