// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The time of a pod's end is shortened in proportion: what takes a minute in a cluster takes four seconds here.
const drainFactor = 15

// A cluster takes this long to spread that a pod leaves its Service: the margin that the generated time has over the longest call.
const spreading = 15 * time.Second

// TestDrain: while calls go on one of two gateways ends as the kubelet ends it, and no call fails.
func TestDrain(t *testing.T) {
	t.Parallel()
	s, other, sleep := drainStages(t)
	if err := drain(s, other, sleep/drainFactor); err != nil {
		t.Error(err)
	}
}

// TestDrainTooShort: that test can fail. Envoy ends at once when it is told to, and the margin is needed.
func TestDrainTooShort(t *testing.T) {
	for name, share := range map[string]float64{"at once": 0, "without the margin": 0.8} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, other, sleep := drainStages(t)
			err := drain(s, other, time.Duration(share*float64(sleep/drainFactor)))
			if err == nil {
				t.Error("no call failed")
			}
			t.Logf("found: %v", err)
		})
	}
}

// drainStages are two gateways of one Deployment, and how long its preStop waits.
func drainStages(t testing.TB) (s, other *stage, sleep time.Duration) {
	t.Helper()
	s = newStage(t, setup{gateway: unlimited, answer: http.HandlerFunc(takeTime), change: func(p *pod) {
		for _, r := range p.having(called(p), "host_rewrite_literal") {
			d, err := time.ParseDuration(r["timeout"].(string))
			if err != nil {
				t.Fatal(err)
			}
			r["timeout"] = (d / drainFactor).String()
		}
	}})
	sleep = time.Duration(s.pod.container.Lifecycle.PreStop.Sleep.Seconds) * time.Second
	return s, s.twin(), sleep
}

// takeTime answers just before the timeout.
func takeTime(w http.ResponseWriter, r *http.Request) {
	time.Sleep(time.Minute/drainFactor - 500*time.Millisecond)
	greet(w, r)
}

// twin is another replica.
func (s *stage) twin() *stage {
	p := *s.pod
	p.root, p.address, p.volumes = s.t.TempDir(), nextAddress(), nil
	for _, v := range s.pod.volumes {
		dir, err := filepath.Rel(s.pod.root, v.dir)
		if err != nil {
			s.t.Fatal(err)
		}
		dir = filepath.Join(p.root, dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			s.t.Fatal(err)
		}
		p.volumes = append(p.volumes, &volume{dir: dir, source: v.source, secret: v.secret, items: v.items, mode: v.mode})
	}
	p.write(s.publicCA.pem())
	twin := &stage{t: s.t, ca: s.ca, publicCA: s.publicCA, cloud: s.cloud, pod: &p, host: s.host, clientCerts: s.clientCerts, token: s.token, keys: s.keys}
	twin.envoy = startEnvoy(&p)
	twin.eventually(readyTimeout, "the other gateway is ready", func() bool { return twin.ready() == http.StatusOK })
	return twin
}

// drain ends s as the kubelet does, sleep after its end began, while an exposure calls both. The exposure learns of it some time later.
func drain(s, other *stage, sleep time.Duration) error {
	addresses := []string{s.address(portCalls), other.address(portCalls)}
	var gone atomic.Bool
	var turn atomic.Int64
	l := s.start(traffic{clients: 1, every: 60 * time.Millisecond, address: func() string {
		if gone.Load() {
			return addresses[1]
		}
		return addresses[turn.Add(1)%2]
	}})
	time.Sleep(time.Second)
	time.AfterFunc(spreading/drainFactor, func() { gone.Store(true) })
	time.Sleep(sleep)
	served := len(s.envoy.access.lines(s.t))
	if err := s.envoy.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-s.envoy.done
	if err := l.finish(); err != nil {
		return fmt.Errorf("SIGTERM after %v: %w", sleep, err)
	}
	if served == 0 || len(other.envoy.access.lines(s.t)) == 0 {
		return fmt.Errorf("one of the two was never called")
	}
	return nil
}

// TestTermination: the kubelet gives a pod the time that preStop waits, and some more for SIGTERM.
func TestTermination(t *testing.T) {
	for _, c := range []struct {
		upstream string
		longest  time.Duration
	}{{`{}`, time.Minute}, {`{timeout: 5m}`, 5 * time.Minute}, {`{timeout: 1s}`, time.Second}, {`{streaming: true}`, time.Minute}} {
		t.Run(c.upstream, func(t *testing.T) {
			objects := expand(t, `upstream: `+c.upstream, strings.NewReplacer("UPSTREAM", "443"), false)
			spec := deployments(t, objects)[0].Spec.Template.Spec
			sleep := time.Duration(spec.Containers[0].Lifecycle.PreStop.Sleep.Seconds) * time.Second
			grace := time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second
			if sleep != c.longest+spreading || grace <= sleep {
				t.Errorf("preStop waits %v, and the pod has %v: a call takes up to %v", sleep, grace, c.longest)
			}
		})
	}
}
