// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
)

func init() {
	groups["traces without collector"] = group{checks: func(*stage) []check {
		return slices.Concat(contextChecks(), []check{{name: "the log has the trace", run: logsTrace}})
	}}
	groups["traces, none of our own"] = group{setup: setup{otlp: true}, checks: func(*stage) []check {
		return slices.Concat(contextChecks(), []check{{name: "spans of callers alone", run: spansOfCallers}})
	}}
	groups["traces, all of our own"] = group{setup: setup{otlp: true, sampling: 100}, checks: func(*stage) []check {
		return []check{{name: "a span for each side", run: spansOfOurs}, {name: "a caller who says no", run: noSpan}}
	}}
	groups["collector down"] = group{setup: setup{otlp: true, sampling: 100, change: func(p *pod) {
		p.having(p.named("clusters", "otel_collector"), "port_value")[0]["port_value"] = 1 // nobody listens there
	}}, checks: collectorDownChecks}
}

const (
	traceID  = "0af7651916cd43dd8448eb211c80319c"
	callerID = "b7ad6b7169203331"
)

// traced calls with header lines, and returns the context that arrives.
func traced(s *stage, lines ...string) (parent []string, state string, err error) {
	s.cloud.take()
	if got := s.do(calls(append(lines, s.key("partner-a"))...)); got.status != http.StatusOK {
		return nil, "", fmt.Errorf("answered %d", got.status)
	}
	arrived := s.cloud.take()
	if len(arrived) != 1 || len(arrived[0].header.Values("traceparent")) != 1 {
		return nil, "", fmt.Errorf("arrived: %v", arrived)
	}
	header := arrived[0].header
	if parent = parentPattern.FindStringSubmatch(header.Get("traceparent")); parent == nil {
		return nil, "", fmt.Errorf("no context: %q", header.Get("traceparent"))
	}
	return parent, header.Get("tracestate"), nil
}

// parentPattern is that of version 00 (www.w3.org/TR/trace-context): the id of the trace, that of the span, and the decision.
var parentPattern = regexp.MustCompile("^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$")

// contextChecks hold whether or not spans are exported: Restate continues a caller's trace, and has one when the caller has none.
func contextChecks() []check {
	kept := func(decision string) func(*stage) error {
		return func(s *stage) error {
			parent, state, err := traced(s, "traceparent: 00-"+traceID+"-"+callerID+"-"+decision, "tracestate: vendor=a,other=b")
			if err != nil {
				return err
			}
			if parent[1] != traceID || parent[2] == callerID || parent[3] != decision || state != "vendor=a,other=b" {
				return fmt.Errorf("arrived as %s with state %q", parent[0], state)
			}
			return nil
		}
	}
	return []check{
		{name: "kept, sampled", run: kept("01")},
		{name: "kept, not sampled", run: kept("00")},
		{name: "broken", run: func(s *stage) error { // it is Restate's to judge
			if _, _, err := traced(s, "traceparent: 00-xyz"); err == nil || !strings.Contains(err.Error(), `no context: "00-xyz"`) {
				return fmt.Errorf("arrived otherwise: %w", err)
			}
			return nil
		}},
		{name: "made", run: func(s *stage) error {
			first, state, err := traced(s)
			if err != nil {
				return err
			}
			second, _, err := traced(s)
			if err != nil {
				return err
			}
			if first[1] == second[1] || strings.Trim(first[1], "0") == "" || state != "" || first[3] != "00" {
				return fmt.Errorf("made %s and %s with state %q", first[0], second[0], state)
			}
			return nil
		}},
	}
}

// logsTrace: what a caller knows of its call finds the line.
func logsTrace(s *stage) error {
	parent, _, err := traced(s, "traceparent: 00-"+strings.Replace(traceID, "0", "1", 1)+"-"+callerID+"-01")
	if err != nil {
		return err
	}
	_, err = s.logged(func(line map[string]any) bool { return line["trace_id"] == parent[1] && line["span_id"] != nil })
	return err
}

// spans waits for those of a trace.
func spans(s *stage, trace string, n int) ([]*tracev1.Span, error) {
	var out []*tracev1.Span
	ok := s.wait(15*time.Second, func() bool { // they leave every 5 s
		out = nil
		for _, span := range s.collector.received() {
			if hex.EncodeToString(span.TraceId) == trace {
				out = append(out, span)
			}
		}
		return len(out) >= n
	})
	if !ok {
		return nil, fmt.Errorf("%d spans of trace %s have come, must be %d", len(out), trace, n)
	}
	return out, nil
}

// spansOfCallers: a caller's decision counts, and traces that begin here are not exported at 0 %.
func spansOfCallers(s *stage) error {
	own, _, err := traced(s)
	if err != nil {
		return err
	}
	sampled := strings.Replace(traceID, "0", "2", 1)
	if _, _, err := traced(s, "traceparent: 00-"+sampled+"-"+callerID+"-01"); err != nil {
		return err
	}
	if _, err := spans(s, sampled, 2); err != nil {
		return err
	}
	return notExported(s, own[1])
}

func notExported(s *stage, trace string) error {
	for _, span := range s.collector.received() {
		if hex.EncodeToString(span.TraceId) == trace {
			return fmt.Errorf("a span of trace %s was exported", trace)
		}
	}
	return nil
}

func spansOfOurs(s *stage) error {
	parent, _, err := traced(s, "x-workflow-id: order-7")
	if err != nil {
		return err
	}
	if parent[3] != "01" {
		return fmt.Errorf("the decision is %s", parent[3])
	}
	got, err := spans(s, parent[1], 2)
	if err != nil {
		return err
	}
	for _, span := range got {
		tags := map[string]string{}
		for _, tag := range span.Attributes {
			tags[tag.Key] = tag.Value.GetStringValue()
		}
		if tags["restate.invocation_id"] != "inv_1test" || tags["restate.workflow_id"] != "order-7" {
			return fmt.Errorf("span %s of kind %s has the tags %v", span.Name, span.Kind, tags)
		}
		for name, value := range tags {
			s.notice("the tag "+name, value)
		}
	}
	if !slices.ContainsFunc(got, func(span *tracev1.Span) bool { return hex.EncodeToString(span.SpanId) == parent[2] }) {
		return errors.New("Restate continues a span that was not exported")
	}
	return nil
}

func noSpan(s *stage) error {
	unsampled := strings.Replace(traceID, "0", "3", 1)
	if _, _, err := traced(s, "traceparent: 00-"+unsampled+"-"+callerID+"-00"); err != nil {
		return err
	}
	later, _, err := traced(s) // which leaves after it
	if err != nil {
		return err
	}
	if _, err := spans(s, later[1], 2); err != nil {
		return err
	}
	return notExported(s, unsampled)
}

func collectorDownChecks(*stage) []check {
	return []check{{name: "calls go on", run: func(s *stage) error {
		const lost = "envoy_cluster_upstream_cx_connect_fail"
		for start := time.Now(); s.metric(lost, "otel_collector") == 0; time.Sleep(100 * time.Millisecond) {
			began := time.Now()
			if _, _, err := traced(s); err != nil {
				return err
			}
			if took := time.Since(began); took > 2*time.Second {
				return fmt.Errorf("a call took %v", took)
			}
			if time.Since(start) > 15*time.Second {
				return errors.New("no span was sent")
			}
		}
		_, _, err := traced(s)
		return err
	}}}
}
