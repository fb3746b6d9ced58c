// SPDX-License-Identifier: Apache-2.0

package secretscli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// credential is one of spec.credentials, that of a gateway's domain, the API keys of a gateway's callers, or that of a user of the NATS
// account. No two have one name (generators).
type credential struct {
	generators.Role
	// user is set for a user of the NATS account.
	user bool
	// kind is its name in kinds.
	kind string
	// maker says why the Secret is somebody else's to make; empty when it is ours.
	maker string
	// public is where the public keys of an nkey stand in the spec. Nil when they stand nowhere.
	public *keyList
}

// keyList is a list of public keys in the spec.
type keyList struct {
	path []string
	keys []string
}

// field is the path of the list as findings have it.
func (l keyList) field() string {
	if n := len(l.path); l.path[n-3] == "users" {
		return strings.Join(l.path[:n-2], ".") + "[" + l.path[n-2] + "]." + l.path[n-1]
	}
	return strings.Join(l.path, ".")
}

// title is how messages call a credential.
func (c credential) title() string {
	switch {
	case c.user:
		return "user " + c.Name
	case c.kind == kindAPIKeys:
		return "gateway"
	}
	return "role " + c.Name
}

// credentialsOf lists what the spec has a consumer for: the roles, and the users whose secretRef says where their seed is kept.
func credentialsOf(in *v1alpha1.RestateIntegration) []credential {
	var out []credential
	for _, role := range generators.Roles(in) {
		c := credential{Role: role, kind: role.Name}
		place := "spec.credentials"
		switch {
		case role.Callers:
			c.kind, place = kindAPIKeys, role.Path().String()
		case role.Domain != "":
			c.kind, place = kindIngress, role.Path().String()
		}
		if role.Source == v1alpha1.SourceExternal {
			c.maker = place + " says source: External"
		}
		if role.Name == "nats" {
			c.nats(in)
		}
		out = append(out, c)
	}
	if in.Spec.NATS == nil {
		return out
	}
	users := in.Spec.NATS.Account.Users
	for _, name := range slices.Sorted(maps.Keys(users)) {
		if ref := users[name].SecretRef; ref != nil {
			out = append(out, userCredential(in, name, *ref, users[name].PublicKeys))
		}
	}
	return out
}

// nats completes the role of the bridge.
func (c *credential) nats(in *v1alpha1.RestateIntegration) {
	mode := in.Spec.NATS.Account.Mode
	switch {
	case mode == v1alpha1.AccountNauth && c.maker == "" && len(c.Files) == 0:
		c.maker = "nauth makes it (spec.nats.account.mode: Nauth)"
	case in.Spec.Credentials.NATS.Type == v1alpha1.NATSCreds || mode == v1alpha1.AccountNauth:
		c.kind = kindCreds
	default:
		c.kind = kindNKey
		c.public = &keyList{[]string{"spec", "nats", "bridge", "publicKeys"}, in.Spec.NATS.Bridge.PublicKeys}
	}
}

func userCredential(in *v1alpha1.RestateIntegration, name string, ref v1alpha1.SecretKeyRef, keys []string) credential {
	c := credential{user: true, kind: kindNKey, Role: generators.Role{
		Name: name, Credential: v1alpha1.Credential{Name: ref.Name, Key: ref.Key, Source: v1alpha1.SourceSOPS}, Namespaces: []string{or(ref.Namespace, in.Namespace)},
	}}
	if in.Spec.NATS.Account.Mode == v1alpha1.AccountJWT {
		c.kind = kindCreds
	} else {
		c.public = &keyList{[]string{"spec", "nats", "account", "users", name, "publicKeys"}, keys}
	}
	return c
}

// credential is the one of a name, an empty one when there is none.
func (p *project) credential(name string) credential {
	for _, c := range p.credentials {
		if c.Name == name {
			return c
		}
	}
	return credential{}
}

// kindOf is that of the credential of a name.
func (p *project) kindOf(name string) kind { return kindOf(p.credential(name).kind) }

// tellOrder says in which order a changed seed has to reach the servers and what connects with it, where another key is in use (run:
// nats-server 2.15.2 and Bento 1.20: the servers refuse a key before they know it, and a client whose key is removed does not come back).
func (p *project) tellOrder(streams IO, n need, file string, edits []specEdit) {
	for _, e := range edits {
		if len(e.of.public.keys) == 0 || !slices.Contains(n.keys, needKey{e.of.Name, e.of.Key}) {
			continue
		}
		restart := "which restarts the bridge"
		if e.of.user {
			restart = "and restart what connects with it"
		}
		fmt.Fprintf(streams.Err, `in this order, or the servers refuse the new seed:
  1. deploy %s, and wait until the NATS servers have reloaded
  2. deploy %s, %s
  3. restate-integration-secrets rotate --finish %s, and deploy %[1]s again
`, redact.Path(p.base), redact.Path(file), restart, e.of.Name)
	}
}
