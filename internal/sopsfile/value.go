// SPDX-License-Identifier: Apache-2.0

package sopsfile

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// encPrefix starts every value that sops encrypted.
const encPrefix = "ENC["

// enc is the form of an encrypted value (github.com/getsops/sops, aes/cipher.go). The expression of sops is anchored at the start
// alone: it decrypts ENC[...] and drops what follows, so that a secret behind the bracket would stay in plain text unnoticed.
var enc = regexp.MustCompile(`^ENC\[AES256_GCM,data:([A-Za-z0-9+/=]+),iv:([A-Za-z0-9+/=]{44}),tag:([A-Za-z0-9+/=]{24}),type:([a-z]+)\]`)

// Sizes of what sops writes: a nonce of 32 bytes, which GCM allows, and the tag of GCM (github.com/getsops/sops, aes/cipher.go).
const (
	ivSize  = 32
	tagSize = 16
)

const encryptHint = "encrypt the file with sops, and rotate the value if it was committed"

// sections are the fields of a v1 Secret that hold values.
var sections = []string{"data", "stringData"}

// check says what can be known of one value. Its digest covers the ciphertext alone, so that labels, recipients, layout and the
// other keys do not change it.
func (r *reader) check(section, key string, value *yaml.Node) generators.SecretKey {
	at := place(section, key)
	switch v := value.Value; {
	case !isText(value):
		r.report(diag.PlaintextSecret, at+" must be encrypted text, and is "+kindOf(value), "put the value in quotes, and encrypt the file with sops")
	case v == "":
		return generators.SecretKey{Empty: true}
	case malformed(v) == "":
		sum := sha256.Sum256([]byte(section + "/" + key + "=" + v))
		return generators.SecretKey{Digest: hex.EncodeToString(sum[:]), Size: plainSize(section, v)}
	case strings.HasPrefix(v, encPrefix):
		r.report(diag.MalformedENC, at+" "+malformed(v), "encrypt the value again, and rotate it if a part of it was in plain text")
	default:
		r.report(diag.PlaintextSecret, at+" is not encrypted", encryptHint)
	}
	return generators.SecretKey{}
}

// malformed says why v is not exactly one piece of ciphertext that yields text. It is empty when v is.
func malformed(v string) string {
	m := enc.FindStringSubmatch(v)
	switch {
	case m == nil:
		return "is not well-formed ciphertext"
	case len(m[0]) < len(v):
		return "has something behind the ciphertext"
	case m[4] != "str" && m[4] != "bytes":
		return "was not text when it was encrypted"
	case size(m[1]) == 0 || size(m[2]) != ivSize || size(m[3]) != tagSize:
		return "is not well-formed ciphertext"
	}
	return ""
}

// plainSize is how many bytes the value has at most when a pod reads it: GCM adds none (github.com/getsops/sops, aes/cipher.go), and
// data holds base64.
func plainSize(section, v string) int {
	n := size(enc.FindStringSubmatch(v)[1])
	if section == "data" {
		n = base64.StdEncoding.DecodedLen(n)
	}
	return n
}

// size is the number of bytes that s encodes, 0 when it is not base64.
func size(s string) int {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return 0
	}
	return len(b)
}
