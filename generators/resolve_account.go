// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nkeys"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// account checks the account and brings it into the model when it has anybody or anything to let in or out.
func (r *resolver) account(path *field.Path) {
	a, n := &r.spec.NATS.Account, r.m.NATS
	r.accountName(path.Child("name"), a.Name)
	for i, s := range a.Subjects {
		r.subject(path.Child("subjects").Index(i), s)
	}
	r.inboxPrefix(path.Child("inboxPrefix"), a.InboxPrefix)
	r.accountLimits(path.Child("limits"), a.Limits)
	for _, name := range sortedKeys(a.Peers) {
		if a.Mode == v1alpha1.AccountNauth { // the name of an object
			r.label(entry(path.Child("peers"), name), name, maxName)
		} else {
			r.accountName(entry(path.Child("peers"), name), name)
		}
		if name == a.Name {
			r.problem(diag.UndeclaredPeer, entry(path.Child("peers"), name), "", "remove it", "must not be the account itself")
		}
	}
	r.shares(path.Child("imports"), a.Imports)
	r.shares(path.Child("exports"), a.Exports)
	r.circles(path.Child("imports"), a)
	r.idlePeers(path.Child("peers"), a)
	for _, name := range sortedKeys(a.Users) {
		r.user(entry(path.Child("users"), name), name, a.Users[name])
	}
	r.userSecrets(path.Child("users"), a)
	r.generatedUsers()
	r.uniqueKeys(path)
	r.nauth(path.Child("nauth"), a)
	r.accountJWT(path.Child("jwt"), a)
	slices.SortFunc(n.Users, func(a, b NATSUser) int { return strings.Compare(a.Name, b.Name) })
	if len(n.Users) == 0 && len(a.Imports) == 0 && len(a.Exports) == 0 && n.JWT == nil {
		return
	}
	n.Account = a
	if a.Mode == v1alpha1.AccountServerConfig {
		r.problem(diag.FirstAccounts, path, "", "see the guide page on NATS before it reaches a server that has no accounts yet",
			"is an accounts block: the first one on a running server cuts off every client without credentials, and takes JetStream from all others")
	}
}

// accountPattern is what a name may be in the server's configuration, in Helm values and in a key of a ConfigMap alike.
var accountPattern = newPattern(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)

func (r *resolver) accountName(path *field.Path, name string) {
	if !accountPattern().MatchString(name) || name == "SYS" {
		r.problem(diag.BadName, path, name, "", "must begin with a letter and have at most 63 letters, digits, - or _, and not be SYS")
	}
}

// tokenPattern has the characters that no client, URL or file name takes for something else.
var tokenPattern = newPattern(`^[A-Za-z0-9_-]+$`)

// subjectPrefixes are what the integration is about.
var subjectPrefixes = []string{"restate.", "workflow.outbox."}

// subject checks one of the account's subjects.
func (r *resolver) subject(path *field.Path, s string) bool {
	tokens := strings.Split(s, ".")
	last := len(tokens) - 1
	for i, token := range tokens {
		switch {
		case token == ">" && i < last:
			r.problem(diag.BadSubject, path, "", "> stands for all that follows: write it last", "must not have > in the middle")
			return false
		case token == ">" && !r.spec.NATS.Account.AllowDeep:
			r.problem(diag.BadSubject, path, "", "write * for one token, or set spec.nats.account.allowDeep", "must not end in > while allowDeep is not set")
			return false
		case token != ">" && token != "*" && !tokenPattern().MatchString(token):
			r.problem(diag.BadSubject, path, "", "write tokens like restate.events.order-created", "must be tokens of letters, digits, - and _, separated by single dots")
			return false
		}
	}
	if !slices.ContainsFunc(subjectPrefixes, func(p string) bool { return strings.HasPrefix(s, p) }) {
		r.problem(diag.SubjectOutside, path, "", "use one of these prefixes", "must begin with \"restate.\" or \"workflow.outbox.\"")
		return false
	}
	return true
}

// within reports whether every subject that one pattern matches is matched by another one too.
func within(inner, outer string) bool {
	in, out := strings.Split(inner, "."), strings.Split(outer, ".")
	for i, token := range out {
		switch {
		case token == ">":
			return i < len(in)
		case i >= len(in) || in[i] == ">":
			return false
		case token != "*" && token != in[i]:
			return false
		}
	}
	return len(in) == len(out)
}

// overlap reports whether there is a subject that both patterns match.
func overlap(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		switch {
		case x[i] == ">" || y[i] == ">":
			return true
		case x[i] != y[i] && x[i] != "*" && y[i] != "*":
			return false
		}
	}
	return len(x) == len(y)
}

// permitted checks subjects against the account's.
func (r *resolver) permitted(path *field.Path, subjects []string) {
	for i, s := range subjects {
		r.permittedOne(path.Index(i), s)
	}
}

func (r *resolver) permittedOne(path *field.Path, s string) bool {
	if !r.subject(path, s) {
		return false
	}
	if !isWithin(s, r.spec.NATS.Account.Subjects) {
		r.problem(diag.SubjectOutside, path, "", "add it to spec.nats.account.subjects, or narrow it", "must lie within the account's subjects")
		return false
	}
	return true
}

func (r *resolver) inboxPrefix(path *field.Path, prefix string) {
	if tokens := strings.Split(prefix, "."); slices.ContainsFunc(tokens, func(t string) bool { return !tokenPattern().MatchString(t) }) || !strings.HasPrefix(prefix, "_INBOX_") {
		r.problem(diag.BadSubject, path, "", "write a prefix like _INBOX_restate", "must begin with _INBOX_ and consist of tokens of letters, digits, - and _")
	}
}

// accountLimits refuses 0 and what means no limit to the server, which keeps the lower 32 bits of each (nats-server v2.15,
// server/opts.go, parseAccountLimits): of 4294967295 it would make -1.
func (r *resolver) accountLimits(path *field.Path, l v1alpha1.NATSLimits) {
	for _, f := range []struct {
		name  string
		value int64
		min   int64
	}{{"connections", *l.Connections, 1}, {"subscriptions", *l.Subscriptions, 1}, {"payload", *l.Payload, 1}, {"leafNodes", *l.LeafNodes, 0}} {
		if f.value < f.min || f.value > math.MaxInt32 {
			r.problem(diag.BadLimit, path.Child(f.name), strconv.FormatInt(f.value, 10), "", "must be between %d and %d, because any other would mean no limit, or nobody", f.min, math.MaxInt32)
		}
	}
}

// shares checks imports or exports.
func (r *resolver) shares(path *field.Path, shares map[string]v1alpha1.NATSShare) {
	seen := map[v1alpha1.NATSShare]string{}
	for _, key := range sortedKeys(shares) {
		s, p := shares[key], entry(path, key)
		if other, found := seen[s]; found {
			r.problem(diag.BadSubject, p.Child("subject"), "", "remove one of the two", "must not be shared with one account twice, as %q and as %q: the server refuses it", other, key)
		}
		seen[s] = key
		r.label(p, key, maxName)
		if _, declared := r.spec.NATS.Account.Peers[s.Account]; !declared {
			r.problem(diag.UndeclaredPeer, p.Child("account"), s.Account, "add it to spec.nats.account.peers", "must be a key of spec.nats.account.peers: the server refuses one side without the other")
		}
		r.permittedOne(p.Child("subject"), s.Subject)
	}
}

// circles: the server refuses an account that imports from another what it exports to it (run: nats-server 2.15.2).
func (r *resolver) circles(path *field.Path, a *v1alpha1.NATSAccount) {
	for _, key := range sortedKeys(a.Imports) {
		in := a.Imports[key]
		for _, other := range sortedKeys(a.Exports) {
			if out := a.Exports[other]; in.Account == out.Account && overlap(in.Subject, out.Subject) {
				r.problem(diag.BadSubject, entry(path, key).Child("subject"), "", "narrow one of the two", "must not overlap the subject of export %q to the same account: the server refuses the circle", other)
			}
		}
	}
}

// idlePeers are declared for nothing.
func (r *resolver) idlePeers(path *field.Path, a *v1alpha1.NATSAccount) {
	used := map[string]bool{}
	for _, shares := range []map[string]v1alpha1.NATSShare{a.Imports, a.Exports} {
		for _, s := range shares {
			used[s.Account] = true
		}
	}
	for _, name := range sortedKeys(a.Peers) {
		if !used[name] {
			r.problem(diag.NoEffect, entry(path, name), "", "remove it, or import from it or export to it", "must not be declared while nothing is imported from it or exported to it")
		}
	}
}

func (r *resolver) user(path *field.Path, name string, u v1alpha1.NATSUser) {
	r.label(path, name, maxName)
	if slices.Contains([]string{"bridge", "nack", "events", "dead-letters"}, name) {
		r.problem(diag.BadName, path, name, "use another name", "must not be the name of a generated user or object")
	}
	seal := runSeal
	if u.SecretRef == nil {
		seal = "set secretRef and " + runSeal
	}
	r.publicKeys(path.Child("publicKeys"), u.PublicKeys, seal)
	r.permitted(path.Child("publish"), u.Publish)
	r.permitted(path.Child("subscribe"), u.Subscribe)
	r.m.NATS.Users = append(r.m.NATS.Users, NATSUser{
		Name: name, PublicKeys: u.PublicKeys, Publish: u.Publish, Subscribe: append(slices.Clone(u.Subscribe), r.spec.NATS.Account.InboxPrefix+".>"),
		Answers: len(u.Subscribe) > 0,
	})
}

// userSecrets checks where the commands that seal and rotate keep the credential of each user. Nothing else reads it.
func (r *resolver) userSecrets(path *field.Path, a *v1alpha1.NATSAccount) {
	owner := map[v1alpha1.SecretKeyRef]string{}
	for _, role := range Roles(r.in) {
		for _, namespace := range role.Namespaces {
			owner[v1alpha1.SecretKeyRef{Namespace: namespace, Name: role.Credential.Name, Key: role.Key}] = strings.TrimPrefix(role.Path().String(), "spec.")
		}
	}
	for _, name := range sortedKeys(a.Users) {
		if a.Users[name].SecretRef == nil {
			continue
		}
		ref, p := *a.Users[name].SecretRef, entry(path, name).Child("secretRef")
		if a.Mode == v1alpha1.AccountNauth {
			r.problem(diag.NoEffect, p, "", "remove it", "must not be set in mode Nauth, where nauth makes the Secrets of users")
			continue
		}
		r.domain(p.Child("name"), ref.Name)
		if len(validation.IsConfigMapKey(ref.Key)) > 0 {
			r.problem(diag.BadName, p.Child("key"), ref.Key, "", "must be a key of a Secret: letters, digits, -, _ or .")
		}
		if ref.Namespace != "" {
			r.label(p.Child("namespace"), ref.Namespace, maxName)
		}
		if slices.Contains([]string{roleTunnel, roleIngress, roleAdmin, roleNATS, roleCallers}, name) {
			r.problem(diag.BadName, p, name, "rename the user", "must not be set for a user who has the name of a role, by which the commands know the role")
		}
		ref.Namespace = or(ref.Namespace, r.in.Namespace)
		if other, taken := owner[ref]; taken {
			r.problem(diag.BadNKey, p, "", "name a key for each", "must not name the value that %s has: one seed cannot be that of two users", other)
		}
		owner[ref] = "users." + name
	}
}

// runSeal makes a seed, and writes its public key into the spec.
const runSeal = "run restate-integration-secrets seal, or "

// publicKeys tells an account's or server's key from a user's. A seed was refused before: it is a secret in the spec. What seal says is
// how the command makes the key, empty where it does not.
func (r *resolver) publicKeys(path *field.Path, keys []string, seal string) {
	mode := r.spec.NATS.Account.Mode
	switch {
	case mode == v1alpha1.AccountNauth && len(keys) > 0:
		r.problem(diag.NoEffect, path, "", "remove them", "must not be set in mode Nauth, where nauth makes the keys")
	case mode == v1alpha1.AccountServerConfig && len(keys) == 0:
		r.problem(diag.Required, path, "", seal+"make one with nk -gen user -pubout, and keep the seed in an encrypted Secret", "must be set: the public nkey of the user")
	}
	for i, key := range keys {
		switch prefix := nkeys.Prefix(key); {
		case nkeys.IsValidPublicUserKey(key):
		case prefix != nkeys.PrefixByteUnknown && prefix != nkeys.PrefixByteUser:
			r.problem(diag.OtherNKey, path.Index(i), "", "take the user's public key, which begins with U", "must be a user's key, and is the key of %s", diag.WithArticle(prefix.String()))
		default:
			r.problem(diag.BadNKey, path.Index(i), "", "copy the public key again: U and 55 more characters", "must be a public user nkey with a valid checksum")
		}
	}
}

// generatedUsers are those of the bridge and of NACK. They stand outside of the account's subjects: each gets what its program calls.
func (r *resolver) generatedUsers() {
	n := r.m.NATS
	if b := r.spec.NATS.Bridge; b != nil && r.spec.NATS.JetStream != nil {
		seal := runSeal
		if r.spec.Credentials.NATS.Source == v1alpha1.SourceExternal {
			seal = ""
		}
		r.publicKeys(specPath.Child("nats", "bridge", "publicKeys"), b.PublicKeys, seal)
		var publish []string
		for _, route := range n.Bridge.Routes {
			publish = append(publish, consumerSubjects(n.JetStream.Stream, route.durable())...)
		}
		slices.Sort(publish) // so that a new name of a route changes nothing of the user
		n.Users = append(n.Users, NATSUser{
			Name: "bridge", PublicKeys: b.PublicKeys, Publish: append(publish, deadLetterSubjects),
			// Bento cannot set a prefix of its own.
			Subscribe: []string{"_INBOX.>"},
		})
	}
	if j := n.JetStream; j != nil && j.NACK != nil {
		r.publicKeys(specPath.Child("nats", "jetstream", "nack", "publicKeys"), j.NACK.PublicKeys, "")
		n.Users = append(n.Users, NATSUser{Name: "nack", PublicKeys: j.NACK.PublicKeys, Publish: controllerSubjects(j.Stream, j.DeadLetterStream), Subscribe: []string{"_INBOX.>"}})
	}
}

// uniqueKeys: of two users with one key the server takes the last. What is no key has its own finding, and may well stand at several users:
// it is a placeholder then.
func (r *resolver) uniqueKeys(path *field.Path) {
	owner := map[string]string{}
	for _, u := range r.m.NATS.Users {
		for _, key := range u.PublicKeys {
			if !nkeys.IsValidPublicUserKey(key) {
				continue
			}
			if other, found := owner[key]; found {
				r.problem(diag.BadNKey, path.Child("users"), "", "make a key for each user", "must not have one public key twice, in user %q and user %q", other, u.Name)
			}
			owner[key] = u.Name
		}
	}
}

func (r *resolver) nauth(path *field.Path, a *v1alpha1.NATSAccount) {
	switch {
	case a.Mode == v1alpha1.AccountNauth && (a.Nauth == nil || a.Nauth.ClusterRef.Name == ""):
		r.problem(diag.Required, path.Child("clusterRef", "name"), "", "", "must be set in mode Nauth: the NatsCluster")
	case a.Mode != v1alpha1.AccountNauth && a.Nauth != nil:
		r.problem(diag.NoEffect, path, "", "remove it, or set mode: Nauth", "must not be set when the mode is %s", a.Mode)
	}
	if a.Mode == v1alpha1.AccountNauth && slices.ContainsFunc(sortedKeys(a.Peers), func(k string) bool { return a.Peers[k].Managed == v1alpha1.PeerEmit }) {
		r.problem(diag.NoEffect, specPath.Child("nats", "account", "peers"), "", "set managed: External", "must not have managed Emit in mode Nauth: a peer is an Account of nauth by that name")
	}
}
