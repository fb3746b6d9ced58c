// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// hastened has every limit of time that calls meet pass sixty times as fast: a minute is a second.
func hastened(p *pod) {
	for _, name := range []string{"stream_idle_timeout", "request_timeout", "timeout", "idle_timeout"} {
		for _, message := range p.having(called(p), name) {
			if text, ok := message[name].(string); ok && (name != "timeout" || message["host_rewrite_literal"] != nil) {
				d, err := time.ParseDuration(text)
				if err != nil {
					p.t.Fatal(err)
				}
				message[name] = fmt.Sprintf("%gs", (d / 60).Seconds())
			}
		}
	}
}

func init() {
	groups["streaming"] = group{setup: setup{gateway: `upstream: {streaming: true}`, change: hastened}, checks: streamingChecks}
	groups["a timeout of ten minutes"] = group{setup: setup{gateway: `upstream: {timeout: 10m}`, change: hastened}, checks: func(*stage) []check {
		return []check{{name: "nothing to see for six minutes", run: func(s *stage) error { return waitLong(s, 6*time.Second) }}}
	}}
	// That the test of streaming can fail. Both directions at once are no case: the timeout counts from the last byte of the body.
	groups["no streaming"] = group{setup: setup{change: hastened}, checks: func(s *stage) []check {
		var out []check
		for _, c := range streamingChecks(s)[:4] {
			out = append(out, check{name: c.name + " is cut", run: func(s *stage) error {
				if c.run(s) == nil {
					return errors.New("a call of three times the timeout is not cut")
				}
				return nil
			}})
		}
		return out
	}}
}

// beats are what goes through a call, one after another, for three times the default timeout.
const (
	beats     = 6
	beatEvery = 500 * time.Millisecond
)

func streamingChecks(*stage) []check {
	return []check{
		{name: "an answer over HTTP/1.1", run: func(s *stage) error { return streamAnswer(s, keepAlive) }},
		{name: "an answer over HTTP/2", run: func(s *stage) error { return streamAnswer(s, multiplex) }},
		{name: "an answer that is long in coming", run: func(s *stage) error { return waitLong(s, beats*beatEvery) }},
		{name: "a body over HTTP/1.1", run: streamBody},
		{name: "both directions over HTTP/2", run: streamBoth},
	}
}

// streamAnswer: each part must have come before the next one is sent.
func streamAnswer(s *stage, protocol string) error {
	next := make(chan struct{}, 1)
	s.cloud.answers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range beats {
			_, _ = io.WriteString(w, "beat\n")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	}))
	resp, err := s.client(protocol, nil).Do(newCall(s.t.Context(), s.address(portCalls), s.key("partner-a")))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", resp.Status)
	}
	body := bufio.NewReader(resp.Body)
	for i := range beats {
		if line, err := body.ReadString('\n'); err != nil {
			return fmt.Errorf("part %d: %q %w", i, line, err)
		}
		time.Sleep(beatEvery)
		next <- struct{}{}
	}
	if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
		return fmt.Errorf("after the last part: %q %w", rest, err)
	}
	return nil
}

func waitLong(s *stage, d time.Duration) error {
	s.cloud.answers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(d); greet(w, r) }))
	if got := s.do(calls(s.key("partner-a"))); got.status != http.StatusOK {
		return fmt.Errorf("answered %d %s", got.status, got.body)
	}
	return nil
}

// streamBoth: Restate answers each part of the body before the next one is sent.
func streamBoth(s *stage) error {
	defer s.echo()()
	parts, body := io.Pipe()
	defer body.Close()
	request := newCall(s.t.Context(), s.address(portCalls), s.key("partner-a"))
	request.Body, request.ContentLength = parts, -1
	resp, err := s.client(multiplex, nil).Do(request)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		return fmt.Errorf("answered %s by %s", resp.Status, resp.Proto)
	}
	lines := bufio.NewReader(resp.Body)
	for i := range beats {
		if _, err := fmt.Fprintf(body, "beat %d\n", i); err != nil {
			return err
		}
		if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("beat %d\n", i) {
			return fmt.Errorf("part %d came back as %q: %w", i, line, err)
		}
		time.Sleep(beatEvery)
	}
	return nil
}

// echo has Restate Cloud send back what it reads at once. The function that it returns ends that.
func (s *stage) echo() func() {
	before := s.cloud.server.Config.Handler
	s.cloud.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.Flush()
		for lines := bufio.NewReader(r.Body); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(w, line)
			_ = control.Flush()
		}
	})
	return func() { s.cloud.server.Config.Handler = before }
}

// streamBody: a body that is long in coming.
func streamBody(s *stage) error {
	s.cloud.answers(http.HandlerFunc(greet))
	parts, body := io.Pipe()
	go func() {
		for range beats {
			_, _ = io.WriteString(body, "beat\n")
			time.Sleep(beatEvery)
		}
		body.Close()
	}()
	request := newCall(s.t.Context(), s.address(portCalls), s.key("partner-a"))
	request.Body, request.ContentLength = parts, -1
	resp, err := s.client(keepAlive, nil).Do(request)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", resp.Status)
	}
	if got := s.cloud.take(); len(got) == 0 || got[len(got)-1].body != strings.Repeat("beat\n", beats) {
		return fmt.Errorf("arrived: %v", got)
	}
	return nil
}
