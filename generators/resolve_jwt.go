// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"strings"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// AccountJWTPath is the field whose file the edge reads.
const AccountJWTPath = "spec.nats.account.jwt.file"

// accountJWT verifies an account that an operator signed, with public keys alone. Whether its time has passed is not known here: only
// that it has an end.
func (r *resolver) accountJWT(path *field.Path, a *v1alpha1.NATSAccount) {
	switch {
	case a.Mode != v1alpha1.AccountJWT && a.JWT != nil:
		r.problem(diag.NoEffect, path, "", "remove it, or set mode: JWT", "must not be set when the mode is %s", a.Mode)
		return
	case a.Mode != v1alpha1.AccountJWT:
		return
	}
	r.publicPeers(specPath.Child("nats", "account", "peers"), a.Peers)
	if a.JWT == nil || a.JWT.File == "" {
		r.problem(diag.Required, path.Child("file"), "", "", "must be set in mode JWT: the file with the account's JWT")
		return
	}
	operator := nkeys.IsValidPublicOperatorKey(a.JWT.OperatorPublicKey)
	if !operator {
		r.problem(diag.OtherNKey, path.Child("operatorPublicKey"), "", "take the public key that signed the account: O and 55 more characters", "must be an operator's public nkey with a valid checksum")
	}
	if r.input.AccountJWT == "" {
		return // the edge has said why
	}
	token := plainToken(r.input.AccountJWT)
	claims, ok := r.accountClaims(path.Child("file"), token)
	if !ok {
		return
	}
	if operator && claims.Issuer != a.JWT.OperatorPublicKey {
		r.problem(diag.BadJWT, path.Child("operatorPublicKey"), a.JWT.OperatorPublicKey, "", "must be the key that signed the account, which is %s", claims.Issuer)
	}
	if claims.Expires <= 0 {
		r.problem(diag.JWTWithoutExpiry, path.Child("file"), "", "sign it again with an expiry", "must hold a JWT that expires")
	}
	for _, difference := range r.broader(claims, token) {
		r.problem(diag.BroaderJWT, path.Child("file"), "", "sign it again within the spec, or widen the spec", "must not hold an account that is broader than the spec: %s", difference)
	}
	for _, lack := range r.tooLittleForBridge(claims.Limits) {
		r.problem(diag.BadLimit, path.Child("file"), "", "sign it again with the limits of the spec", "must hold an account with room for the bridge: %s", lack)
	}
	r.m.NATS.JWT = &AccountJWT{Subject: claims.Subject, Token: token}
}

// The lines around an account JWT in a file that nsc has written; its terminal output has none (github.com/nats-io/jwt/v2,
// creds_utils.go).
const (
	beginAccount = "-----BEGIN NATS ACCOUNT JWT-----"
	endAccount   = "------END NATS ACCOUNT JWT------"
)

func plainToken(text string) string {
	text = strings.TrimSpace(text)
	if inner, found := strings.CutPrefix(text, beginAccount); found {
		if inner, found = strings.CutSuffix(inner, endAccount); found {
			return strings.TrimSpace(inner)
		}
	}
	return text
}

// accountClaims never quotes the file, nor what the library says of it: a creds file has a seed.
func (r *resolver) accountClaims(path *field.Path, token string) (*jwt.AccountClaims, bool) {
	for _, text := range []string{token, payload(token)} {
		if kind, found := redact.Find(text); found {
			r.problem(diag.BadJWT, path, "", "take the account's JWT, which is public; rotate the secret if it was committed", "must not hold %s", kind)
			return nil, false
		}
	}
	claims, err := jwt.DecodeAccountClaims(token)
	switch {
	case err != nil:
		r.problem(diag.BadJWT, path, "", "export it again with nsc describe account --raw", "must hold one account JWT whose signature is valid")
		return nil, false
	case claims.Version < 2 || !nkeys.IsValidPublicAccountKey(claims.Subject):
		r.problem(diag.BadJWT, path, "", "sign it again with a current nsc", "must hold a JWT of version 2 for an account's public key")
		return nil, false
	}
	return claims, true
}

// publicPeers: in mode JWT the server knows an account by nothing but its public key.
func (r *resolver) publicPeers(path *field.Path, peers map[string]v1alpha1.NATSPeer) {
	for _, name := range sortedKeys(peers) {
		if !nkeys.IsValidPublicAccountKey(name) {
			r.problem(diag.OtherNKey, entry(path, name), "", "take A and 55 more characters", "must be an account's public nkey in mode JWT, where accounts have no other name")
		}
		if peers[name].Managed == v1alpha1.PeerEmit {
			r.problem(diag.NoEffect, entry(path, name).Child("managed"), "", "remove it", "must not be Emit in mode JWT: the function signs nothing, and a peer has a JWT of its own")
		}
	}
}
