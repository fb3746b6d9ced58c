// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	"sigs.k8s.io/yaml"

	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// The spec of all cases. KEY, NACK and BRIDGE are public keys of each run; one node holds one replica of a stream.
const spec = `
apiVersion: config.kubernetes.io/v1
kind: ResourceList
items: []
functionConfig:
  apiVersion: restate-integration.dev/v1alpha1
  kind: RestateIntegration
  metadata: {name: prod, namespace: restate, annotations: {config.kubernetes.io/local-config: "true"}}
  spec:
    cloud: {environmentId: env_201j05r9g0f12ygtphdszbb4scp, region: eu, signingPublicKey: publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk}
    tunnel: {mode: None}
    credentials: {ingress: {source: External}, nats: {source: External, rolloutKey: a}}
    nats:
      servers: [SERVER]
      tls: TLS
      account:
        users: {orders: {publicKeys: [ORDERS], publish: [restate.events.*], subscribe: []}}
      jetstream: {replicas: 1, duplicateWindow: 2s, nack: {publicKeys: [NACK]}}
      bridge:
        publicKeys: [BRIDGE]
        maxEventAge: 1m
        idleExit: 1m
        routes:
          created: {subject: restate.events.created, service: Orders, handler: created}
          cancelled: {subject: restate.events.cancelled, service: Orders, handler: cancelled}
          absent: {subject: restate.events.absent, service: Absent.v1, handler: h}
          lost: {subject: restate.events.lost, service: Absent.v1, handler: h, key: {header: X-Key}}
          keyed: {subject: restate.events.keyed, service: Order, handler: created, key: {header: X-Key}}
          field: {subject: restate.events.field, service: Order, handler: created, key: {jsonField: order.id}}
`

// withRoutes is the spec with n routes in place of its own, and as it is for 0.
func withRoutes(n int) string {
	if n == 0 {
		return spec
	}
	out, _, _ := strings.Cut(spec, "          created:")
	for i := range n {
		out += fmt.Sprintf("          r%d: {subject: restate.events.r%[1]d, service: Orders, handler: created}\n", i)
	}
	return out
}

// user is one of NATS, with keys made for this run.
type user struct {
	public string
	seed   []byte
	// token is the user's JWT where an operator has signed the account.
	token string
}

// secret is what stands in the file with which the user logs in.
func (u user) secret(t *testing.T) []byte {
	t.Helper()
	if u.token == "" {
		return append(bytes.Clone(u.seed), '\n')
	}
	creds, err := jwt.FormatUserConfig(u.token, u.seed)
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

func newUser(t *testing.T) user {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return user{public: public, seed: seed}
}

// object is a generated one, as far as the tests read it.
type object struct {
	Kind     string            `json:"kind"`
	Metadata metadata          `json:"metadata"`
	Data     map[string]string `json:"data"`
	Spec     map[string]any    `json:"spec"`
}

type metadata struct {
	Name string `json:"name"`
}

type output []object

// render runs the function.
func render(t *testing.T, list string, files fn.Files) output {
	t.Helper()
	out, ds := fn.Run([]byte(list), files)
	if diag.HasError(ds) {
		t.Fatalf("the function refuses the spec: %v", ds)
	}
	return read(t, out)
}

func read(t *testing.T, list []byte) output {
	t.Helper()
	var rl struct {
		Items output `json:"items"`
	}
	if err := yaml.Unmarshal(list, &rl); err != nil {
		t.Fatal(err)
	}
	return rl.Items
}

func (o output) find(t *testing.T, kind, name string) object {
	t.Helper()
	for _, one := range o {
		if one.Kind == kind && one.Metadata.Name == name {
			return one
		}
	}
	t.Fatalf("no %s %s", kind, name)
	return object{}
}

// account is what is to be included in a block of the server's configuration.
func (o output) account(t *testing.T) (block, text string) {
	t.Helper()
	data := o.find(t, "ConfigMap", "prod-nats-account").Data
	if preload, signed := data["resolver_preload.conf"]; signed {
		return "resolver_preload", preload
	}
	return "accounts", data["accounts.conf"]
}

// durable is the name of the consumer of a subject.
func (o output) durable(t *testing.T, subject string) string {
	t.Helper()
	for _, one := range o {
		if one.Kind == "Consumer" && one.Spec["filterSubject"] == subject {
			return one.Spec["durableName"].(string)
		}
	}
	t.Fatalf("no consumer of %s", subject)
	return ""
}

// bridges are the bridges' configurations.
func (o output) bridges() []string {
	var out []string
	for _, one := range o {
		if config, found := one.Data["bridge.yaml"]; found && one.Kind == "ConfigMap" {
			out = append(out, config)
		}
	}
	return out
}

// replaceAll replaces text that must be there.
func replaceAll(t *testing.T, text string, pairs map[string]string) string {
	t.Helper()
	for from, to := range pairs {
		if !strings.Contains(text, from) {
			t.Fatalf("the text to replace is gone: %q in\n%s", from, text)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	return text
}
