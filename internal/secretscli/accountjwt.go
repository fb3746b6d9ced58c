// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"path/filepath"
	"time"

	"github.com/nats-io/jwt/v2"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// accountStatus is what is known of the account's JWT. It is no Secret: it is signed, and not sealed. Its JSON form is API.
type accountStatus struct {
	// File is relative to the directory of the spec.
	File string `json:"file"`
	// State is OK, Missing where the file holds no account JWT with a valid signature, or Overdue.
	State state `json:"state"`
	// Due is when it ends; empty when it has no end.
	Due string `json:"due"`
}

// accountJWTOf is the file that the spec names, empty when the mode asks for none.
func accountJWTOf(in *v1alpha1.RestateIntegration) string {
	n := in.Spec.NATS
	if n == nil || n.Account.Mode != v1alpha1.AccountJWT || n.Account.JWT == nil || n.Account.JWT.File == "" {
		return ""
	}
	return clean(n.Account.JWT.File)
}

// accountStatus is nil without an account that is signed elsewhere. What else the function asks of it is for the function to say, which has
// no clock.
func (p *project) accountStatus(now time.Time) *accountStatus {
	if p.accountJWT == "" {
		return nil
	}
	s := &accountStatus{File: p.accountJWT, State: stateMissing}
	data, err := p.root.ReadFile(filepath.FromSlash(p.accountJWT))
	if err != nil {
		return s
	}
	token, err := jwt.ParseDecoratedJWT(data) // or as it is, without the lines that nsc writes around it
	if err != nil {
		return s
	}
	claims, err := jwt.DecodeAccountClaims(token)
	if err != nil {
		return s
	}
	if claims.Expires <= 0 {
		s.State = stateOverdue // the function refuses it
		return s
	}
	end := time.Unix(claims.Expires, 0).UTC()
	s.State, s.Due = stateOK, end.Format(time.RFC3339)
	if !now.Before(end) {
		s.State = stateOverdue
	}
	return s
}
