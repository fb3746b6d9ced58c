// SPDX-License-Identifier: Apache-2.0

// Package redact recognises secret material in text, so that it is reported by place and never printed.
//
// It is the one list of what counts as a secret: the spec scan, the checks of encrypted Secrets and every
// printed value go through it.
package redact

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/nats-io/nkeys"
)

// Mask stands wherever a secret would have been printed.
const Mask = "[redacted]"

// MaxPrinted is the number of characters of a user's value that a message shows; the rest is cut.
const MaxPrinted = 64

// Kind names what was recognised, in words that a message can use ("an age identity").
type Kind string

// What is recognised, and where its form comes from.
const (
	// NKeySeed is a NATS nkey seed: 58 characters of base32 that start with S and carry a valid CRC-16
	// (github.com/nats-io/nkeys, strkey.go).
	NKeySeed Kind = "a NATS nkey seed"
	// AgeIdentity is an age private key, classic or post-quantum (filippo.io/age: AGE-SECRET-KEY-1..., AGE-SECRET-KEY-PQ-1...).
	AgeIdentity Kind = "an age identity"
	// RestateKey is a Restate Cloud API key. docs.restate.dev says only that keys start with key_; those in the tests of Restate's
	// web UI are key_, 23 letters and digits, a dot and 44 more.
	RestateKey Kind = "a Restate Cloud API key"
	// CallerKey is an API key of those who call the gateway: rgw_ and 64 hexadecimal digits (internal/secretscli, keyfile.go).
	CallerKey Kind = "an API key of the gateway"
	// PrivatePEM is a PEM block whose type ends in PRIVATE KEY (RFC 7468), an armored OpenPGP private key (RFC 9580), or a NATS
	// creds block (github.com/nats-io/jwt, creds_utils.go).
	PrivatePEM Kind = "a private key in PEM form"
)

// bareKey is key_ and 20 letters and digits, after a first part if there is one. 20 is less than any key seen, and more than what
// follows key_ elsewhere: words (key_fingerprint), and names in a query (?key_id=...).
const bareKey = `key_(?:[A-Za-z0-9]+[.-])?[A-Za-z0-9]{20}`

var (
	// restateKey asks for a boundary before key_, so that idempotency_key_<id> is not taken for a key. An escape is one too:
	// Bearer%20key_..., \nkey_....
	restateKey = regexp.MustCompile(`(?:^|[^A-Za-z0-9_]|%[0-9A-Fa-f]{2}|\\[nrt])` + bareKey)
	gluedKey   = regexp.MustCompile(bareKey)
	callerKey  = regexp.MustCompile(`rgw_[0-9a-f]{64}`)
	privatePEM = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*(?:PRIVATE KEY(?: BLOCK)?|NKEY SEED|USER JWT)-----`)
)

const (
	ageIdentity = "AGE-SECRET-KEY-"
	// seedLen is the length of a NATS nkey seed: 36 bytes in base32 without padding.
	seedLen = 58
	// seedTypes has the second character of a seed, which is the first of its public key: account, cluster, server, operator,
	// user, curve.
	seedTypes = "ACNOUX"
)

// Find reports the first kind of secret in s, and false when there is none.
func Find(s string) (Kind, bool) {
	switch {
	case strings.Contains(strings.ToUpper(s), ageIdentity):
		return AgeIdentity, true
	case privatePEM.MatchString(s):
		return PrivatePEM, true
	case strings.Contains(s, "key_") && restateKey.MatchString(s):
		return RestateKey, true
	case strings.Contains(s, "rgw_") && callerKey.MatchString(s):
		return CallerKey, true
	case hasNKeySeed(s):
		return NKeySeed, true
	}
	return "", false
}

// hasNKeySeed tries every position, because a run of base32 longer than a seed can hold one anywhere. nkeys, which costs far more
// than the look at two characters, is asked only where a seed can start.
func hasNKeySeed(s string) bool {
	for i := 0; i+seedLen <= len(s); i++ {
		if s[i] != 'S' || !strings.Contains(seedTypes, s[i+1:i+2]) {
			continue
		}
		if _, _, err := nkeys.DecodeSeed([]byte(s[i : i+seedLen])); err == nil {
			return true
		}
	}
	return false
}

// Text is s as a message may show it: masked when it holds a secret, else on one line and cut at MaxPrinted characters. It errs on
// the side of hiding, and masks what Find lets pass because a key_ stands inside of a word. Characters that do not print, or that
// change how the rest of a line is shown, become blanks.
func Text(s string) string {
	s = Path(s)
	if runes := []rune(s); len(runes) > MaxPrinted {
		return string(runes[:MaxPrinted]) + "..."
	}
	return s
}

// Path is Text without the cut, for the path of a file: whoever reads the message has to open it.
func Path(s string) string {
	if _, found := Find(s); found || gluedKey.MatchString(s) {
		return Mask
	}
	return OneLine(s)
}

// OneLine puts a blank in the place of each character that does not print, or that changes how the rest of a line is shown.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}
