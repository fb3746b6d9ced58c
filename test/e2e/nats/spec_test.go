// SPDX-License-Identifier: Apache-2.0

// Package e2e judges the generated NATS account and streams by the real nats-server and the real JetStream controller.
package e2e

import (
	"maps"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// keyring has the users' keys, made at run time, by the name that stands in braces in a spec.
type keyring map[string]nkeys.KeyPair

// of returns the key of a user, which it makes at the first call.
func (k keyring) of(t testing.TB, user string) nkeys.KeyPair {
	t.Helper()
	if k[user] == nil {
		pair, err := nkeys.CreateUser()
		if err != nil {
			t.Fatal(err)
		}
		k[user] = pair
	}
	return k[user]
}

func (k keyring) public(t testing.TB, user string) string {
	t.Helper()
	public, err := k.of(t, user).PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// fill puts public keys into the places of {name}.
func (k keyring) fill(t testing.TB, spec string) string {
	t.Helper()
	for {
		_, after, found := strings.Cut(spec, "[{")
		if !found {
			return spec
		}
		users, _, _ := strings.Cut(after, "}]")
		var keys []string
		for user := range strings.SplitSeq(users, "}, {") {
			keys = append(keys, k.public(t, user))
		}
		spec = strings.Replace(spec, "[{"+users+"}]", "["+strings.Join(keys, ", ")+"]", 1)
	}
}

// generated is what the function made of a spec.
type generated struct {
	// account is the data of the ConfigMap.
	account map[string]string
	// streams and consumers are the documents of NACK's objects.
	streams, consumers [][]byte
	// nauth are the objects of nauth.io.
	nauth    []map[string]any
	warnings []diag.Code
}

// input is what the function gets: spec.credentials, and spec.nats with {name} for the public key of a user.
func input(t testing.TB, keys keyring, credentials, nats string) []byte {
	t.Helper()
	return []byte(`
apiVersion: config.kubernetes.io/v1
kind: ResourceList
items: []
functionConfig:
  apiVersion: restate-integration.dev/v1alpha1
  kind: RestateIntegration
  metadata: {name: prod, namespace: restate}
  spec:
    cloud: {environmentId: env_201j05r9g0f12ygtphdszbb4scp, region: eu, signingPublicKey: publickeyv1_BBuEJnx28hdGb5Ky6qpvuXQG4aVoWBnubJtHXpznzgQk}
    tunnel: {mode: None}
    credentials: ` + credentials + `
    nats:` + strings.ReplaceAll(keys.fill(t, nats), "\n", "\n      "))
}

// generate runs the function on spec.nats.
func generate(t testing.TB, keys keyring, nats string) generated {
	t.Helper()
	out, ds := fn.Run(input(t, keys, "{}", nats), nil)
	var warnings []diag.Code
	for _, d := range ds {
		if d.Severity() == diag.Error {
			t.Fatalf("%s: %s", d.Path, d.Text())
		}
		warnings = append(warnings, d.Code)
	}
	g := read(t, out)
	g.warnings = warnings
	return g
}

// read takes what concerns NATS out of a list.
func read(t testing.TB, list []byte) generated {
	t.Helper()
	var g generated
	var rl struct {
		Items []map[string]any `json:"items"`
	}
	if err := yaml.Unmarshal(list, &rl); err != nil {
		t.Fatal(err)
	}
	for _, item := range rl.Items {
		text, err := yaml.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		switch item["kind"] {
		case "Account", "User":
			g.nauth = append(g.nauth, item)
		case "Stream":
			g.streams = append(g.streams, text)
		case "Consumer":
			g.consumers = append(g.consumers, text)
		case "ConfigMap":
			var c corev1.ConfigMap
			if err := yaml.Unmarshal(text, &c); err != nil {
				t.Fatal(err)
			}
			if c.Data["accounts.conf"] != "" {
				g.account = maps.Clone(c.Data)
			}
		}
	}
	return g
}
