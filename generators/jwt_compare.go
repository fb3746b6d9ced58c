// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/jwt/v2"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// broader names each point in which the account allows more than the spec, and each that the spec cannot say. What the server makes of
// a claim is in github.com/nats-io/nats-server/v2 v2.15.2: server/accounts.go, UpdateAccountClaims, and server/auth.go,
// processUserPermissionsTemplate.
func (r *resolver) broader(claims *jwt.AccountClaims, token string) []string {
	c := comparison{account: &r.spec.NATS.Account, users: r.m.NATS.Users}
	c.limits(claims.Limits)
	c.jetStream(claims.Limits, r.m.NATS.JetStream)
	c.exports(claims.Exports)
	c.imports(claims.Imports)
	c.permissions("its default permissions", claims.DefaultPermissions, c.anyUser())
	c.signingKeys(claims.SigningKeys)
	c.inexpressible(claims)
	for _, path := range unknownFields(payload(token), claims) {
		c.add("it has the field %s, which this version does not know", shown(path))
	}
	return c.differences
}

// tooLittleForBridge names each limit with which the bridge could not do its work. As in limit a negative number is none, and as in
// jetStream 0 streams or consumers are any number. The account has the stream's subjects and users besides, for which nobody can reckon.
func (r *resolver) tooLittleForBridge(l jwt.OperatorLimits) []string {
	b := r.m.NATS.Bridge
	if b == nil {
		return nil
	}
	if len(l.JetStreamTieredLimits) > 0 {
		return nil // which the spec has not, as is said elsewhere
	}
	if !l.IsJSEnabled() {
		return []string{"it has no JetStream"}
	}
	var out []string
	for _, f := range []struct {
		name string
		has  int64
		need need
	}{
		{"conn", l.Conn, connectionsOf(&b.Bridge)},
		// The stream takes events by the limit of the spec, and a dead letter of the largest must pass.
		{"payload", l.Payload, need{*r.spec.NATS.Account.Limits.Payload, "whose dead letters may be as large as spec.nats.account.limits.payload"}},
		{"streams", anyNumber(l.Streams), need{2, "which has one of events and one of dead letters"}},
		{"consumer", anyNumber(l.Consumer), consumersOf(&b.Bridge)},
	} {
		if f.has >= 0 && f.has < f.need.least {
			out = append(out, fmt.Sprintf("its limit %s is %d and must be at least %d with this bridge, %s", f.name, f.has, f.need.least, f.need.why))
		}
	}
	return out
}

// anyNumber makes of a limit of 0 streams or consumers what the server does.
func anyNumber(limit int64) int64 {
	if limit == 0 {
		return jwt.NoLimit
	}
	return limit
}

type comparison struct {
	account     *v1alpha1.NATSAccount
	users       []NATSUser
	differences []string
}

func (c *comparison) add(format string, args ...any) {
	c.differences = append(c.differences, fmt.Sprintf(format, args...))
}

// shown is text of the JWT as a message may show it.
func shown[T ~string](s T) string { return strconv.Quote(redact.Text(string(s))) }

func (c *comparison) limits(l jwt.OperatorLimits) {
	a := c.account
	c.limit("conn", l.Conn, *a.Limits.Connections)
	c.limit("subs", l.Subs, *a.Limits.Subscriptions)
	c.limit("payload", l.Payload, *a.Limits.Payload)
	c.limit("leaf", l.LeafNodeConn, *a.Limits.LeafNodes)
	c.limit("imports", l.Imports, int64(len(a.Imports)))
	c.limit("exports", l.Exports, int64(len(a.Exports)))
	if l.WildcardExports && l.Exports != 0 && !slices.ContainsFunc(sortedKeys(a.Exports), func(key string) bool { return strings.ContainsAny(a.Exports[key].Subject, "*>") }) {
		c.add("its limit wildcards allows exports with * and >, and the spec has none")
	}
	if !l.DisallowBearer {
		c.add("it allows bearer tokens, which need no seed")
	}
}

// limit takes a negative number for no limit, as a JWT does.
func (c *comparison) limit(name string, has, most int64) {
	switch {
	case has < 0:
		c.add("its limit %s is unlimited instead of %d", name, most)
	case has > most:
		c.add("its limit %s is %d instead of %d", name, has, most)
	}
}

// jetStream: 0 bytes are none, and 0 streams or consumers are any number (server/jetstream_api.go, server/consumer.go).
func (c *comparison) jetStream(l jwt.OperatorLimits, j *v1alpha1.JetStream) {
	switch {
	case len(l.JetStreamTieredLimits) > 0:
		c.add("it has tiers of JetStream limits, which the spec has not")
	case !l.IsJSEnabled():
	case j == nil:
		c.add("it has JetStream, which the spec has not")
	default:
		c.limit("disk_storage", l.DiskStorage, *j.Limits.File)
		c.limit("mem_storage", l.MemoryStorage, *j.Limits.Memory)
		for _, count := range []struct {
			name      string
			has, most int64
		}{{"streams", l.Streams, *j.Limits.Streams}, {"consumer", l.Consumer, *j.Limits.Consumers}} {
			c.limit(count.name, anyNumber(count.has), count.most)
		}
	}
}

// exports: without token_req any account of the operator may import, whatever the spec says of peers. An account's place in the
// subject lets each in under its own key, and makes the server overlook token_req.
func (c *comparison) exports(exports jwt.Exports) {
	for _, e := range exports {
		switch {
		case e == nil:
			c.add("it has an export that is null")
		case e.Type != jwt.Stream || !c.exported(string(e.Subject)):
			c.add("it exports %s %s, which the spec does not", e.Type, shown(e.Subject))
		case !e.TokenReq || e.AccountTokenPosition > 0:
			c.add("it exports %s to every account, because token_req is not set or account_token_position is", shown(e.Subject))
		}
	}
}

func (c *comparison) exported(subject string) bool {
	for _, s := range c.account.Exports {
		if within(subject, s.Subject) {
			return true
		}
	}
	return false
}

// imports: under another local subject messages of a peer would come where the spec expects none.
func (c *comparison) imports(imports jwt.Imports) {
	for _, i := range imports {
		switch {
		case i == nil:
			c.add("it has an import that is null")
		case i.Type != jwt.Stream || !c.imported(i.Account, string(i.Subject)):
			c.add("it imports %s %s from account %s, which the spec does not", i.Type, shown(i.Subject), shown(i.Account))
		case i.GetTo() != "":
			c.add("it imports %s below %s, and the spec imports it as it is", shown(i.Subject), shown(i.GetTo()))
		case i.LocalSubject != "" && string(i.LocalSubject) != string(i.Subject):
			c.add("it imports %s as %s, and the spec imports it as it is", shown(i.Subject), shown(i.LocalSubject))
		case i.AllowTrace || i.Share:
			c.add("it lets account %s trace what becomes of %s", shown(i.Account), shown(i.Subject))
		}
	}
}

func (c *comparison) imported(account, subject string) bool {
	for _, s := range c.account.Imports {
		if s.Account == account && within(subject, s.Subject) {
			return true
		}
	}
	return false
}

// anyUser is the most that the spec lets a user have that it does not name.
func (c *comparison) anyUser() NATSUser {
	return NATSUser{Publish: c.account.Subjects, Subscribe: append(slices.Clone(c.account.Subjects), c.account.InboxPrefix+".>"), Answers: true}
}

// signingKeys: a role that is called like a user of the spec may do what that user may, any other what the account's subjects say.
func (c *comparison) signingKeys(keys jwt.SigningKeys) {
	if len(keys) == 0 {
		c.add("it has no signing key with a scope, so that its own key signs users with any permission")
	}
	for _, key := range sortedKeys(keys) {
		scope, ok := keys[key].(*jwt.UserScope)
		if !ok {
			c.add("signing key %s has no scope, so that it may sign users with any permission", shown(key))
			continue
		}
		most := c.anyUser()
		if i := slices.IndexFunc(c.users, func(u NATSUser) bool { return u.Name == scope.Role }); i >= 0 {
			most = c.users[i]
		}
		c.permissions("the permissions of role "+shown(scope.Role), scope.Template.Permissions, most)
		if scope.Template.BearerToken {
			c.add("role %s makes bearer tokens, which need no seed", shown(scope.Role))
		}
	}
}

// permissions holds what is allowed against what one user may have.
func (c *comparison) permissions(whose string, p jwt.Permissions, most NATSUser) {
	if len(p.Pub.Allow) == 0 && p.Resp == nil && !slices.Contains(p.Pub.Deny, ">") { // with resp the server allows answers alone
		c.add("%s to publish are unlimited", whose)
	}
	c.list(whose+" to publish", p.Pub.Allow, most.Publish)
	if len(p.Sub.Allow) == 0 && !slices.Contains(p.Sub.Deny, ">") {
		c.add("%s to subscribe are unlimited", whose)
	}
	c.list(whose+" to subscribe", p.Sub.Allow, most.Subscribe)
	for _, allowed := range p.Sub.Allow {
		for _, s := range deeper([]string{matched(allowed)}) {
			if !isWithin(s, most.Subscribe) && !isWithin(s, p.Sub.Deny) {
				c.add("%s to subscribe include %s without a deny of %s, so that deeper subjects can be subscribed", whose, shown(allowed), shown(s))
			}
		}
	}
	c.answers(whose, p.Resp, most)
}

// answers: 0 is the server's default of one answer within two minutes, and a negative number no limit.
func (c *comparison) answers(whose string, resp *jwt.ResponsePermission, most NATSUser) {
	switch {
	case resp == nil:
	case !most.Answers:
		c.add("%s allow answers to requests", whose)
	case resp.MaxMsgs < 0 || resp.MaxMsgs > 1 || resp.Expires <= 0 || resp.Expires > answerTime:
		c.add("%s allow more than one answer within %s", whose, answerTime)
	}
}

func (c *comparison) list(whose string, allow, most []string) {
	for _, s := range allow {
		if !isWithin(matched(s), most) {
			c.add("%s include %s", whose, shown(s))
		}
	}
}

func isWithin(subject string, outer []string) bool {
	return slices.ContainsFunc(outer, func(o string) bool { return within(subject, o) })
}

// keyTemplate is replaced with a public key, which is part of one token. What any other template is replaced with, the name and the
// tags of a user, is chosen by whoever signs the user, and may be several tokens and a wildcard.
var keyTemplate = newPattern(`(?i)\{\{\s*(?:account-)?subject\(\)\s*\}\}`)

// matched is a pattern that covers whatever a subject of a template can become, without the queue group that may stand behind it.
func matched(subject string) string {
	subject = keyTemplate().ReplaceAllString(subject, "KEY")
	if before, _, found := strings.Cut(subject, "{{"); found {
		return before[:strings.LastIndex(before, ".")+1] + ">"
	}
	if fields := strings.Fields(subject); len(fields) > 0 {
		return fields[0]
	}
	return ""
}

// inexpressible is what no spec asks for.
func (c *comparison) inexpressible(claims *jwt.AccountClaims) {
	for _, from := range slices.Sorted(maps.Keys(claims.Mappings)) { // permissions are asked about the subject that comes out
		c.add("it maps %s to other subjects, so that one event becomes another", shown(from))
	}
	if claims.Trace != nil {
		c.add("it sends traces of messages to %s", shown(claims.Trace.Destination))
	}
	if !reflect.DeepEqual(claims.Authorization, jwt.ExternalAuthorization{}) {
		c.add("it has an authorization service decide who its users are")
	}
	if t := claims.ClusterTraffic; t != "" && t != jwt.ClusterTrafficSystem {
		c.add("it carries the servers' own traffic, cluster_traffic %s", shown(t))
	}
}

// payload is the JSON of a JWT, empty where there is none.
func payload(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	return string(raw)
}

// unknownFields are set in the JSON and not in what the library has read out of it: a later server may act on them.
func unknownFields(raw string, claims *jwt.AccountClaims) []string {
	known, err := json.Marshal(claims)
	if err != nil {
		return []string{"nats"} // a type of export, import or scope that the library has no name for
	}
	has, knows := leaves(raw), leaves(string(known))
	return slices.DeleteFunc(sortedKeys(has), func(path string) bool { return knows[path] })
}

// leaves are the paths of the values of a JSON text that are not zero. The elements of a list share the path of the list, because
// signing keys change their order.
func leaves(text string) map[string]bool {
	out := map[string]bool{}
	var walk func(string, any)
	walk = func(path string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for key, below := range v {
				walk(strings.TrimPrefix(path+"."+key, "."), below)
			}
		case []any:
			for _, below := range v {
				walk(path, below)
			}
		case nil:
		default:
			if !reflect.ValueOf(v).IsZero() {
				out[path] = true
			}
		}
	}
	var value any
	if json.Unmarshal([]byte(text), &value) == nil {
		walk("", value)
	}
	return out
}
