// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/nats-io/jwt/v2"
)

// flaw is what a signer could get wrong in an account.
type flaw struct {
	name string
	sign func(*signer, *jwt.AccountClaims)
}

// subjectLists are the lists of a role.
func subjectLists(p *jwt.Permissions) map[string]*jwt.StringList {
	return map[string]*jwt.StringList{
		"publish allow": &p.Pub.Allow, "publish deny": &p.Pub.Deny, "subscribe allow": &p.Sub.Allow, "subscribe deny": &p.Sub.Deny,
	}
}

// flaws take away every entry of every allow and deny, every answer, export and import, and widen every allow, one at a time.
func flaws(s *signer) []flaw {
	s.Helper()
	out := []flaw{
		{"no export", func(_ *signer, c *jwt.AccountClaims) { c.Exports = nil }},
		{"no import", func(_ *signer, c *jwt.AccountClaims) { c.Imports = nil }},
	}
	claims := s.claims()
	for _, role := range slices.Sorted(maps.Keys(s.roles)) {
		p := &s.template(claims, role).Permissions
		change := func(name string, change func(*jwt.Permissions)) {
			out = append(out, flaw{role + " " + name, func(s *signer, c *jwt.AccountClaims) { change(&s.template(c, role).Permissions) }})
		}
		if p.Resp != nil {
			change("without answers", func(p *jwt.Permissions) { p.Resp = nil })
			change("with two answers", func(p *jwt.Permissions) { p.Resp.MaxMsgs = 2 })
		}
		lists := subjectLists(p)
		for _, list := range slices.Sorted(maps.Keys(lists)) {
			if list == "publish deny" && p.Resp != nil {
				continue // the server itself lets nothing out but answers then: the deny is for users without them, like silent
			}
			for k, subject := range *lists[list] {
				change(fmt.Sprintf("%s without %s", list, subject), func(p *jwt.Permissions) {
					l := subjectLists(p)[list]
					*l = slices.Delete(slices.Clone(*l), k, k+1)
				})
			}
		}
		if len(p.Pub.Allow) > 0 {
			change("publish allow with >", func(p *jwt.Permissions) { p.Pub.Allow.Add(">") })
		}
		if role != "witness" { // who hears what any user could
			change("subscribe allow with >", func(p *jwt.Permissions) { p.Sub.Allow.Add(">") })
		}
	}
	return out
}

// TestAccountJWTIsSharp: a matrix that passes with a flaw would not notice that what the function asks of a signer is not what the server
// holds users to.
func TestAccountJWTIsSharp(t *testing.T) {
	all := flaws(newSigner(t))
	if len(all) < 60 {
		t.Fatalf("%d flaws: the account has more to get wrong", len(all))
	}
	for _, f := range append(all, flaw{"none", func(*signer, *jwt.AccountClaims) {}}) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := newSigner(t)
			claims := s.claims()
			f.sign(s, claims)
			c := newConfig(t)
			s.operatorConf(c, map[string]string{"resolver_preload.conf": s.public(s.account) + ": \"" + s.sign(claims, s.operator) + "\"\n"})
			srv, err := c.load(t)
			if err != nil {
				return // noticed by the server
			}
			if d := s.world(srv).deviations(jwtTrials()); (len(d) == 0) != (f.name == "none") {
				t.Errorf("the matrix notices %q", d)
			}
		})
	}
}
