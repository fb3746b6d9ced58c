// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// benchmark is a gateway and a Restate Cloud that answers at once, called directly or through it.
type benchmark struct {
	*stage
	b *testing.B
}

func newBenchmark(b *testing.B) benchmark {
	s := newStage(b, setup{gateway: unlimited})
	s.cloud.server.Config.Handler = http.HandlerFunc(greet) // does not remember
	return benchmark{s, b}
}

// caller is a call of a client that keeps its connection.
func (b benchmark) caller(direct bool) func() error {
	config, address, credentials := b.clientTLS(), b.address(portCalls), b.key("partner-a")
	if direct {
		config, address, credentials = &tls.Config{RootCAs: b.publicCA.pool(), ServerName: "localhost"}, "localhost:"+b.cloud.port, "authorization: Bearer "+b.token
	}
	client := b.client(keepAlive, config)
	return func() error { return answered(client, newCall(b.b.Context(), address, credentials)) }
}

// quantile of durations that are in order.
func quantile(d []time.Duration, q float64) time.Duration { return d[int(q*float64(len(d)-1))] }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// BenchmarkLatency makes one call at a time, by turns directly and through the gateway.
func BenchmarkLatency(b *testing.B) {
	s := newBenchmark(b)
	names := []string{"direct", "gateway"}
	callers := []func() error{s.caller(true), s.caller(false)}
	took := make([][]time.Duration, 2)
	for range 100 { // connections, and caches
		for _, call := range callers {
			if err := call(); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		for i, call := range callers {
			start := time.Now()
			if err := call(); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(start))
		}
	}
	for i, name := range names {
		slices.Sort(took[i])
		for _, q := range []float64{0.5, 0.99} {
			b.ReportMetric(milliseconds(quantile(took[i], q)), fmt.Sprintf("ms-%s-p%g", name, q*100))
		}
	}
	for _, q := range []float64{0.5, 0.99} {
		direct, through := quantile(took[0], q), quantile(took[1], q)
		b.ReportMetric(milliseconds(through-direct), fmt.Sprintf("ms-added-p%g", q*100))
		b.ReportMetric(float64(through)/float64(direct), fmt.Sprintf("x-p%g", q*100))
	}
}

// BenchmarkCalls counts calls a second of eight clients at once, Envoy with the one thread that the default limit of CPU gives it.
func BenchmarkCalls(b *testing.B) {
	s := newBenchmark(b)
	if !strings.Contains(strings.Join(s.pod.args, " "), "--concurrency 1 ") {
		b.Fatal("Envoy has more than one thread")
	}
	for _, direct := range []bool{true, false} {
		b.Run(map[bool]string{true: "direct", false: "gateway"}[direct], func(b *testing.B) {
			b.SetParallelism(4) // times GOMAXPROCS
			b.RunParallel(func(pb *testing.PB) {
				call := s.caller(direct)
				for pb.Next() {
					if err := call(); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}
