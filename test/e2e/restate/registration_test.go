// SPDX-License-Identifier: Apache-2.0

package restate

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
)

// scenario is a service and the Jobs that run for it, one after the other.
type scenario struct {
	name string
	// slow waits for time-outs, and so is run with one shell only.
	slow  bool
	steps []step
}

// step is one Job, and what is so after it.
type step struct {
	reason string
	// prepare changes the world before the Job runs.
	prepare func(*stage)
	fields  string // of the service in the spec
	exit    int
	// last is the log's last line, with KEY, URL, ADMIN, SECRET and ID in place of theirs.
	last string
	// knows is what the server knows of the service afterwards, and asked how often the service was asked for it.
	knows []string
	asked int32
	// answer is what a call of greet says; empty: nothing is called.
	answer string
}

// stage is the world of one scenario: a service behind the tunnel, and the pod that its Jobs run in.
type stage struct {
	*testing.T
	service
	pod
	key      string // in spec.services
	adminURL string
	// edit changes a Job before it runs.
	edit func(*batchv1.Job)
}

func newStage(t *testing.T, name string, p pod) *stage {
	t.Helper()
	key := strings.Join([]string{strings.ReplaceAll(name, " ", "-"), p.cli.version, p.shell.name}, "-")
	p.token = &cloudAdmin.token
	s := &stage{T: t, key: key, adminURL: cloudAdmin.url, pod: p}
	s.name = strings.ReplaceAll(key, "-", "_")
	s.host = key + ".shop.svc.cluster.local"
	s.versions = map[string]http.Handler{"v1": s.version(t, "one", "greet"), "v2": s.version(t, "two", "greet")}
	s.serve(t, protocols(true, true))
	return s
}

func TestRegistration(t *testing.T) {
	for _, scenario := range scenarios {
		for _, host := range hosts() {
			if scenario.slow && host.shell.name != shells[0].name {
				continue
			}
			t.Run(strings.Join([]string{scenario.name, host.cli.version, host.shell.name}, "/"), func(t *testing.T) {
				t.Parallel()
				totals.cases.Add(1)
				s := newStage(t, scenario.name, host)
				for _, step := range scenario.steps {
					for _, problem := range s.judge(step) {
						t.Errorf("%s: %s", step.reason, problem)
					}
				}
			})
		}
	}
}

// url is where the services of the stage are registered, without a path.
func (s *stage) url() string {
	return "http://" + tunnelHost + "/" + environment + "/" + tunnelName + "/http/" + s.host + "/9080"
}

// judge runs a step and returns what is not as it must be.
func (s *stage) judge(want step) (problems []string) {
	s.Helper()
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if want.prepare != nil {
		want.prepare(s)
	}
	before := s.discoveries.Load()
	job := registrationJob(s.T, s.key, want.fields, s.adminURL)
	if s.edit != nil {
		s.edit(job)
	}
	got := s.run(s.T, job)
	totals.jobs.Add(1)
	direct := strings.Replace(s.url(), tunnelHost, s.direct, 1)
	names := strings.NewReplacer(s.url(), "URL", direct, "DIRECT", s.key, "KEY", s.adminURL, "ADMIN", "restate/restate-admin, key token", "SECRET")
	if last := got.last(names); got.code != want.exit || last != want.last {
		problem("the Job must end so, -want, +got: %s\n%s", cmp.Diff(fmt.Sprintf("exit %d, %s", want.exit, want.last), fmt.Sprintf("exit %d, %s", got.code, last)), got.log)
	}
	for _, secret := range cloudAdmin.tokens() {
		if strings.Contains(got.log, secret) {
			problem("a token is in the log")
		}
	}
	if diff := cmp.Diff(want.knows, restateServer.knows(s.T, s.name, s.host)); diff != "" {
		problem("what the server knows, -want, +got:\n%s\n%s", diff, got.log)
	}
	if asked := s.discoveries.Load() - before; asked != want.asked {
		problem("the service must be asked %d times, not %d", want.asked, asked)
	}
	if want.answer != "" {
		totals.calls.Add(1)
		quoted := fmt.Sprintf("%q", want.answer)
		if answer := restateServer.call(s.T, s.name, "greet", quoted); answer != quoted {
			problem("a call must answer %s, not %s", quoted, answer)
		}
	}
	return problems
}
