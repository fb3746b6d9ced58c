// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// seedSize is the length of an nkey seed: 36 bytes in base32 without padding (github.com/nats-io/nkeys, strkey.go).
const seedSize = 58

// newSeed makes a user nkey. What leaves the process is its seed, encrypted, and its public key.
func newSeed() (string, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return "", unableError{errors.New("cannot make an nkey: the machine gives no randomness")}
	}
	defer pair.Wipe()
	seed, err := pair.Seed()
	return string(seed), err
}

// publicKey is that of a seed which checkSeed has passed, and empty for another value.
func publicKey(seed string) string {
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		return ""
	}
	defer pair.Wipe()
	public, err := pair.PublicKey()
	if err != nil || !nkeys.IsValidPublicUserKey(public) {
		return ""
	}
	return public
}

// checkSeed takes the seed of a user alone: that of an account would let its owner make users.
func checkSeed(value string, _ time.Time) (string, error) {
	if err := checkValue(value); err != nil {
		return "", err
	}
	prefix, _, err := nkeys.DecodeSeed([]byte(value))
	switch {
	case nkeys.IsValidPublicKey(value):
		return "", errors.New("must be the seed, which begins with SU, and is a public key")
	case len(value) != seedSize:
		return "", fmt.Errorf("must be a user nkey seed of %d characters, which begins with SU, and has %d characters", seedSize, len(value))
	case err == nil && prefix != nkeys.PrefixByteUser:
		return "", errors.New("must be the seed of a user, which begins with SU, and is that of " + diag.WithArticle(prefix.String()))
	case publicKey(value) == "":
		return "", errors.New("must be a user nkey seed, which begins with SU, with a valid checksum; copy it again")
	}
	return "", nil
}

// checkCreds takes a creds file: the JWT of a user, and the seed that belongs to it (github.com/nats-io/jwt, creds_utils.go). The
// errors of the library are left out, because they may quote.
func checkCreds(value string, now time.Time) (string, error) {
	if value == "" {
		return "", errors.New("must not be empty")
	}
	token, err := jwt.ParseDecoratedJWT([]byte(value))
	if err != nil || !strings.Contains(value, "-----BEGIN NATS USER JWT-----") {
		return "", errors.New("must be a creds file, with the blocks NATS USER JWT and USER NKEY SEED, and has no such JWT")
	}
	pair, err := jwt.ParseDecoratedUserNKey([]byte(value))
	if err != nil {
		return "", errors.New("must be a creds file, with the blocks NATS USER JWT and USER NKEY SEED, and has no such seed")
	}
	defer pair.Wipe()
	public, err := pair.PublicKey()
	claims, errClaims := jwt.DecodeUserClaims(token)
	switch {
	case err != nil || errClaims != nil:
		return "", errors.New("must hold the JWT of a user with a valid signature")
	case claims.Subject != public && !claims.BearerToken:
		return "", errors.New("must hold the seed that belongs to its JWT, and has the seed of another user")
	case claims.Expires != 0 && !now.Before(time.Unix(claims.Expires, 0)):
		return "", fmt.Errorf("must not be past its time: the JWT ended at %s", time.Unix(claims.Expires, 0).UTC().Format(time.RFC3339))
	case claims.Expires == 0:
		return "holds a JWT without an end, so that only the operator can end it", nil
	}
	return "", nil
}
