// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
)

// peerConf is the side of the peer, with a user in it.
func peerConf(t testing.TB, keys keyring, g generated) string {
	t.Helper()
	return withUsers(t, keys, g.account["peer-WASMCLOUD.conf"], "WASMCLOUD", "wasmcloud")
}

// TestMatrix holds what each user may do against the server, with the account in both forms.
func TestMatrix(t *testing.T) {
	keys := keyring{}
	g := generate(t, keys, matrixSpec)
	for form, write := range map[string]func(*testing.T, config){
		"included": func(t *testing.T, c config) {
			c.include(t, map[string]string{"accounts.conf": g.account["accounts.conf"], "peer-WASMCLOUD.conf": peerConf(t, keys, g)})
		},
		"helm values": func(t *testing.T, c config) {
			peer := body(t, peerConf(t, keys, g), "WASMCLOUD")
			c.helm(t, g.account["values.yaml"], rawJSON(t, map[string]any{"config": map[string]any{"merge": map[string]any{"accounts": map[string]any{"WASMCLOUD": peer}}}}))
		},
	} {
		t.Run(form, func(t *testing.T) {
			c := newConfig(t)
			write(t, c)
			for reason, diff := range deviations(t, c.start(t), keys) {
				t.Errorf("%s: %s", reason, diff)
			}
		})
	}
}

// deviations are the rows of the matrix that end otherwise than they must.
func deviations(t testing.TB, s *server.Server, keys keyring) map[string]string {
	t.Helper()
	w := newWorld(t, s, keys)
	defer w.hangUp()
	return w.deviations(matrix())
}

// TestMatrixIsSharp takes away every entry of every allow and deny, every answer, limit, export and import, one at a time: a matrix
// that still passes would not notice that the function forgot it.
func TestMatrixIsSharp(t *testing.T) {
	keys := keyring{}
	g := generate(t, keys, matrixSpec)
	peer := peerConf(t, keys, g)
	names := map[string]string{}
	for user := range keys {
		names[keys.public(t, user)] = user
	}
	whole := newConfig(t)
	whole.include(t, map[string]string{"accounts.conf": g.account["accounts.conf"], "peer-WASMCLOUD.conf": peer})
	if d := deviations(t, whole.start(t), keys); len(d) > 0 {
		t.Fatalf("the whole account deviates, so that every mutant would: %q", d)
	}
	mutants := mutants(t, body(t, g.account["accounts.conf"], "RESTATE"), names)
	if len(mutants) < 60 {
		t.Fatalf("%d mutants: the account has more to take away", len(mutants))
	}
	for _, consumer := range []string{consumerCreated, consumerPaid} {
		for _, subject := range []string{"$JS.ACK.RESTATE_EVENTS.%s.>", "$JS.API.CONSUMER.INFO.RESTATE_EVENTS.%s", "$JS.API.CONSUMER.MSG.NEXT.RESTATE_EVENTS.%s"} {
			if name := "bridge publish allow without " + fmt.Sprintf(subject, consumer); mutants[name] == nil {
				t.Errorf("no mutant %q", name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(mutants)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConfig(t)
			c.include(t, map[string]string{"accounts.conf": entry(t, "RESTATE", mutants[name]), "peer-WASMCLOUD.conf": peer})
			s, err := c.load(t)
			if err != nil {
				return // noticed by the server
			}
			if len(deviations(t, s, keys)) == 0 {
				t.Error("the matrix does not notice")
			}
		})
	}
}

// mutants are copies of an account that lack one thing each.
func mutants(t testing.TB, account map[string]any, names map[string]string) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	// without runs a change on a copy.
	without := func(name string, change func(map[string]any)) {
		var mutant map[string]any
		if err := json.Unmarshal([]byte(rawJSON(t, account)), &mutant); err != nil {
			t.Fatal(err)
		}
		change(mutant)
		if cmp.Equal(account, mutant) {
			t.Fatalf("%s changes nothing", name)
		}
		out[name] = mutant
	}
	for _, block := range []string{"limits", "jetstream"} {
		without("no "+block, func(m map[string]any) { delete(m, block) })
		for _, field := range slices.Sorted(maps.Keys(account[block].(map[string]any))) {
			without("no "+block+" "+field, func(m map[string]any) { delete(m[block].(map[string]any), field) })
		}
	}
	for _, list := range []string{"exports", "imports"} {
		without("no "+list, func(m map[string]any) { delete(m, list) })
	}
	for i, u := range account["users"].([]any) {
		name := names[u.(map[string]any)["nkey"].(string)]
		permissions := func(m map[string]any) map[string]any {
			return m["users"].([]any)[i].(map[string]any)["permissions"].(map[string]any)
		}
		if permissions(account)["allow_responses"] != nil {
			without(name+" without answers", func(m map[string]any) { delete(permissions(m), "allow_responses") })
			without(name+" with two answers", func(m map[string]any) { permissions(m)["allow_responses"].(map[string]any)["max"] = 2 })
		}
		for _, way := range []string{"publish", "subscribe"} {
			lists := permissions(account)[way].(map[string]any)
			if way == "publish" && permissions(account)["allow_responses"] != nil && lists["allow"] == nil {
				continue // the server itself lets nothing out but answers then: the deny is for users without them, like silent
			}
			for _, list := range slices.Sorted(maps.Keys(lists)) {
				for k, subject := range lists[list].([]any) {
					without(fmt.Sprintf("%s %s %s without %s", name, way, list, subject), func(m map[string]any) {
						lists := permissions(m)[way].(map[string]any)
						if rest := slices.Delete(lists[list].([]any), k, k+1); len(rest) > 0 {
							lists[list] = rest
						} else {
							delete(lists, list)
						}
					})
				}
			}
		}
	}
	return out
}
