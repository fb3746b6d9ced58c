// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

// TestConnections: a pod has one connection for each route and one for dead letters, by which the function reckons the account's limit.
// With -v it says what routes cost. The idle time is 3 s, so that clients are replaced meanwhile.
func TestConnections(t *testing.T) {
	t.Parallel()
	for _, routes := range []int{1, 8} {
		t.Run(fmt.Sprint(routes), func(t *testing.T) {
			t.Parallel()
			st := newStage(t, setup{routes: routes, replace: map[string]string{"idle_timeout: 1m": "idle_timeout: 3s"}})
			for i := range 200 * routes {
				st.publish(fmt.Sprintf("restate.events.r%d", i%routes), created)
			}
			st.settle(60 * time.Second)
			st.eventually(30*time.Second, "the clients are replaced twice", func() bool { return st.bridges[0].says("Idle timeout reached") >= 2*routes })
			spec := v1alpha1.Bridge{Replicas: new(int32), Routes: map[string]v1alpha1.Route{}}
			*spec.Replicas = 1
			for i := range routes {
				spec.Routes[fmt.Sprint(i)] = v1alpha1.Route{}
			}
			open, want := 0, int(spec.Connections()/2) // which has room for a second pod in a rollout
			if !st.wait(5*time.Second, func() bool { open = st.nats.connections(st.bridge); return open == want }) {
				t.Errorf("the bridge has %d connections, want %d", open, want)
			}
			t.Logf("%d routes: %d connections, %d MiB", routes, open, memory(t, st.bridges[0]))
		})
	}
}

// memory is what a process has in memory, in MiB, and 0 where there is no /proc.
func memory(t *testing.T, b *bento) int {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.process.Pid))
	if err != nil {
		return 0
	}
	match := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if match == nil {
		t.Fatalf("no VmRSS in\n%s", status)
	}
	kib, err := strconv.Atoi(string(match[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib / 1024
}
