// SPDX-License-Identifier: Apache-2.0

//go:build ignore

// Accountjwt signs the account JWTs of the golden cases nats-jwt and error-nats-jwt, with keys that nobody keeps. A JWT holds no secret.
//
// Usage, at the root: go run hack/accountjwt.go. It prints the public keys, which go into the input.yaml of both cases.
package main

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

func main() {
	operator, operatorKey := pair(nkeys.CreateOperator)
	_, peer := pair(nkeys.CreateAccount)
	write("nats-jwt", account(peer), operator)
	broad := account(peer)
	broad.Expires = 0
	broad.Limits.Conn, broad.Limits.MemoryStorage = 4, jwt.NoLimit // of which the bridge needs more, and the spec has none
	broad.Exports[0].TokenReq = false
	broad.Imports[0].LocalSubject = "restate.dlq.$1"
	broad.DefaultPermissions = jwt.Permissions{}
	_, unscoped := pair(nkeys.CreateAccount)
	broad.SigningKeys.Add(unscoped)
	role(broad, "audit", func(p *jwt.Permissions) {
		p.Pub.Deny.Add(">")
		p.Sub.Allow.Add("restate.events.*", "_INBOX_{{name()}}.>")
	})
	broad.AddMapping("restate.events.order", jwt.WeightedMapping{Subject: "restate.admin"})
	write("error-nats-jwt", broad, operator)
	_, other := pair(nkeys.CreateOperator)
	fmt.Printf("operatorPublicKey: %s\npeer: %s\noperatorPublicKey of error-nats-jwt: %s\n", operatorKey, peer, other)
}

// account is the one of the spec in nats-jwt.
func account(peer string) *jwt.AccountClaims {
	_, key := pair(nkeys.CreateAccount)
	c := jwt.NewAccountClaims(key)
	c.Name = "RESTATE"
	c.Expires = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	c.Limits.NatsLimits = jwt.NatsLimits{Subs: 128, Data: jwt.NoLimit, Payload: 65536}
	c.Limits.AccountLimits = jwt.AccountLimits{Imports: 1, Exports: 1, WildcardExports: true, DisallowBearer: true, Conn: 16}
	c.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: 1 << 30, Streams: 2, Consumer: 4}
	c.Imports.Add(&jwt.Import{Name: "orders", Subject: "restate.events.*", Account: peer, Type: jwt.Stream})
	c.Exports.Add(&jwt.Export{Name: "outbox", Subject: "workflow.outbox.*", Type: jwt.Stream, TokenReq: true})
	c.DefaultPermissions = jwt.Permissions{Pub: jwt.Permission{Deny: jwt.StringList{">"}}, Sub: jwt.Permission{Deny: jwt.StringList{">"}}}
	role(c, "orders", func(p *jwt.Permissions) {
		p.Pub.Allow.Add("restate.events.order-created")
		p.Sub.Allow.Add("workflow.outbox.*", "_INBOX_restate.>")
		p.Sub.Deny.Add("workflow.outbox.*.>")
		p.Resp = &jwt.ResponsePermission{MaxMsgs: 1, Expires: 5 * time.Second}
	})
	role(c, "bridge", func(p *jwt.Permissions) {
		p.Pub.Allow.Add(
			"$JS.ACK.RESTATE_EVENTS.restate-bridge-dbc32057.>", "$JS.API.CONSUMER.INFO.RESTATE_EVENTS.restate-bridge-dbc32057",
			"$JS.API.CONSUMER.MSG.NEXT.RESTATE_EVENTS.restate-bridge-dbc32057", "restate.dlq.*",
		)
		p.Sub.Allow.Add("_INBOX.>")
	})
	return c
}

func role(c *jwt.AccountClaims, name string, change func(*jwt.Permissions)) {
	scope := jwt.NewUserScope()
	_, scope.Key = pair(nkeys.CreateAccount)
	scope.Role = name
	change(&scope.Template.Permissions)
	c.SigningKeys.AddScopedSigner(scope)
}

func pair(create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
	kp, err := create()
	must(err)
	public, err := kp.PublicKey()
	must(err)
	return kp, public
}

func write(name string, c *jwt.AccountClaims, operator nkeys.KeyPair) {
	token, err := c.Encode(operator)
	must(err)
	dir := "testdata/golden/" + name + "/files"
	must(os.MkdirAll(dir, 0o755))
	must(os.WriteFile(dir+"/account.jwt", []byte(token+"\n"), 0o644))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
