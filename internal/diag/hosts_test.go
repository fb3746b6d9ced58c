// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"strings"
	"testing"
)

// TestCheckedBy: every finding about Secrets says where it can appear, and no other finding does. That it is true is tested by
// package fn.
func TestCheckedBy(t *testing.T) {
	for _, e := range Catalogue() {
		aboutSecrets := strings.HasPrefix(string(e.Code), "RI04")
		hosts := CheckedBy(e.Code)
		if aboutSecrets != (len(hosts) > 0) {
			t.Errorf("%s (%s): checked by %q", e.Code, e.Title, hosts)
		}
	}
	CheckedBy(KeyOrder)[0] = "changed"
	Hosts()[0] = "changed"
	if CheckedBy(KeyOrder)[0] == "changed" || CheckedBy(PlaintextSecret)[0] == "changed" || Hosts()[0] == "changed" {
		t.Error("the table itself was handed out")
	}
}
