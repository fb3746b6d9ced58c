// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// group is a gateway and what must hold of it.
type group struct {
	setup  setup
	checks func(*stage) []check
}

// check is a request, and what must become of it. A mutant's run of it must find something wrong.
type check struct {
	name    string
	request request
	// want is the status; 0: TLS refuses the client. Only what is answered with 200 may reach Restate Cloud, and each once.
	want int
	// counter must count one more.
	counter string
	// answered and arrived judge further.
	answered func(response) error
	arrived  func(arrival) error
	// ops asks the plain port instead.
	ops bool
	// run replaces all of this.
	run func(*stage) error
}

// try says what is wrong.
func (c check) try(s *stage) error {
	if c.run != nil {
		return c.run(s)
	}
	s.cloud.take()
	before := 0.0
	if c.counter != "" {
		before = s.metric(c.counter)
	}
	got := c.send(s)
	if got.status != c.want {
		return fmt.Errorf("status %d, must be %d: %v %s", got.status, c.want, got.err, got.body)
	}
	if c.counter != "" {
		if after := s.metric(c.counter); after != before+1 {
			return fmt.Errorf("%s was %v, and is %v", c.counter, before, after)
		}
	}
	if c.answered != nil {
		if err := c.answered(got); err != nil {
			return err
		}
	}
	return c.judge(s.cloud.take())
}

func (c check) send(s *stage) response {
	if !c.ops {
		return s.do(c.request)
	}
	method := c.request.method
	if method == "" {
		method = http.MethodGet
	}
	return s.ops(method, c.request.path)
}

func (c check) judge(arrivals []arrival) error {
	want := 0
	if c.want == http.StatusOK && !c.ops {
		want = 1
	}
	if len(arrivals) != want {
		return fmt.Errorf("%d requests reached Restate Cloud, must be %d: %+v", len(arrivals), want, arrivals)
	}
	if c.arrived != nil {
		return c.arrived(arrivals[0])
	}
	return nil
}

// groups are the gateways of the matrix.
var groups = map[string]group{}

// TestMatrix goes through every check of every group.
func TestMatrix(t *testing.T) {
	if len(groups) == 0 {
		t.Fatal("no groups")
	}
	for name, g := range groups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, g.setup)
			for _, c := range g.checks(s) {
				t.Run(c.name, func(t *testing.T) {
					if err := c.try(s); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// hasHeader and hasNot judge what arrived.
func hasHeader(name, value string) func(arrival) error {
	return func(a arrival) error {
		if got := a.header.Values(name); !slices.Equal(got, []string{value}) {
			return fmt.Errorf("%s arrived as %q, must be %q", name, got, value)
		}
		return nil
	}
}

func hasNot(names ...string) func(arrival) error {
	return func(a arrival) error {
		for _, name := range names {
			if got := a.header.Values(name); len(got) > 0 {
				return fmt.Errorf("%s arrived as %q", name, got)
			}
		}
		return nil
	}
}

func hasPath(path string) func(arrival) error {
	return func(a arrival) error {
		if a.path != path {
			return fmt.Errorf("path %q arrived, must be %q", a.path, path)
		}
		return nil
	}
}

func contains(text string) func(response) error {
	return func(r response) error {
		if !strings.Contains(r.body, text) {
			return fmt.Errorf("the answer must contain %q: %s", text, r.body)
		}
		return nil
	}
}
