// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nack/pkg/jetstream/apis/jetstream/v1beta2"
)

// TestGoldenCases loads the account of every golden case in both forms, with the counterpart that stands beside it, and reads the
// streams and consumers by NACK's own types.
func TestGoldenCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "testdata", "golden", "*", "want.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden case found: %v", err)
	}
	accounts, streams, consumers := 0, 0, 0
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			list, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			g := read(t, list)
			streams += len(objectsOf[v1beta2.Stream](t, g.streams))
			consumers += len(objectsOf[v1beta2.Consumer](t, g.consumers))
			if g.account == nil {
				return
			}
			accounts++
			included := maps.Clone(g.account)
			delete(included, "values.yaml")
			c := newConfig(t)
			c.include(t, included)
			c.start(t)
			values := []string{g.account["values.yaml"]}
			for name, text := range included {
				if name != "accounts.conf" {
					peer := name[len("peer-") : len(name)-len(".conf")]
					values = append(values, rawJSON(t, map[string]any{"config": map[string]any{"merge": map[string]any{"accounts": map[string]any{peer: body(t, text, peer)}}}}))
				}
			}
			c = newConfig(t)
			c.helm(t, values...)
			c.start(t)
		})
	}
	if accounts < 2 || streams < 2 || consumers < 2 {
		t.Errorf("%d accounts, %d streams and %d consumers in %d cases, want at least two of each", accounts, streams, consumers, len(files))
	}
}
