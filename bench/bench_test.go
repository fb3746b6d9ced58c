// SPDX-License-Identifier: Apache-2.0

// Package bench measures the function: its stages in the process, and its start as a process next to a function on the same SDK
// that does nothing. Nothing here asserts a time: machines differ, and ratios are for people to read.
package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/emit"
	"github.com/restate-integration/restate-integration/internal/source"
)

const quickstart = "../examples/quickstart"

// spec is the quickstart's RestateIntegration.
func spec(b *testing.B) *yaml.Node {
	b.Helper()
	raw, err := os.ReadFile(filepath.Join(quickstart, "integration.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		b.Fatal(err)
	}
	return doc.Content[0]
}

func read(b *testing.B, node *yaml.Node) *v1alpha1.RestateIntegration {
	b.Helper()
	in := &v1alpha1.RestateIntegration{}
	if _, ds := source.Read(node, in); diag.HasError(ds) {
		b.Fatal(ds)
	}
	return in
}

func resolve(b *testing.B, in *v1alpha1.RestateIntegration) generators.Model {
	b.Helper()
	m, ds := generators.Resolve(in, generators.Input{})
	if diag.HasError(ds) {
		b.Fatal(ds)
	}
	return m
}

func BenchmarkRead(b *testing.B) {
	node := spec(b)
	for b.Loop() {
		read(b, node)
	}
}

func BenchmarkResolve(b *testing.B) {
	node := spec(b)
	for b.Loop() {
		b.StopTimer()
		in := read(b, node)
		b.StartTimer()
		resolve(b, in)
	}
}

func BenchmarkBuild(b *testing.B) {
	m := resolve(b, read(b, spec(b)))
	for b.Loop() {
		generators.Build(m)
	}
}

func BenchmarkEmit(b *testing.B) {
	built := generators.Build(resolve(b, read(b, spec(b))))
	for b.Loop() {
		for _, o := range built {
			if _, err := emit.YAML(o.Object); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// list is what kustomize sends: the quickstart as functionConfig, and foreign items besides.
func list(b *testing.B, foreign int) []byte {
	b.Helper()
	raw, err := os.ReadFile(filepath.Join(quickstart, "integration.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	out.WriteString("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n")
	for i := range foreign {
		fmt.Fprintf(&out, "- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: foreign-%d\n    namespace: shop\n  data:\n    key: value # kept\n", i)
	}
	if foreign == 0 {
		out.Truncate(out.Len() - len("\n"))
		out.WriteString(" []\n")
	}
	out.WriteString("functionConfig:\n  " + strings.ReplaceAll(strings.TrimSpace(string(raw)), "\n", "\n  ") + "\n")
	return out.Bytes()
}

func BenchmarkFunction(b *testing.B) {
	root, err := os.OpenRoot(quickstart)
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	input := list(b, 0)
	b.SetBytes(int64(len(input)))
	for b.Loop() {
		if _, ds := fn.Run(input, root); diag.HasError(ds) {
			b.Fatal(ds)
		}
	}
}

// BenchmarkForeignItems is a package of 2000 objects, none of them ours, with a spec that names no file.
func BenchmarkForeignItems(b *testing.B) {
	input := bytes.ReplaceAll(list(b, 2000), []byte("tunnel: {files: [secrets/restate-identity.yaml]}"), []byte("tunnel: {source: External, rolloutKey: a}"))
	b.SetBytes(int64(len(input)))
	for b.Loop() {
		if _, ds := fn.Run(input, nil); diag.HasError(ds) {
			b.Fatal(ds)
		}
	}
}

// BenchmarkColdStart starts the function on the quickstart and the peer on the same list in turn, and reports the median of each
// and their ratio.
func BenchmarkColdStart(b *testing.B) {
	function, peer := build(b, "../cmd/restate-integration"), build(b, "./noop")
	input := list(b, 0)
	var ours, theirs sample
	for b.Loop() {
		ours.run(b, function, input)
		theirs.run(b, peer, input)
	}
	b.ReportMetric(0, "ns/op") // the sum of both says nothing
	b.ReportMetric(ours.wall(), "function-ms")
	b.ReportMetric(theirs.wall(), "noop-ms")
	b.ReportMetric(ours.wall()/theirs.wall(), "wall-ratio")
	b.ReportMetric(ours.cpu()/theirs.cpu(), "cpu-ratio")
}

// build makes a binary as `make build` does.
func build(b *testing.B, pkg string) string {
	b.Helper()
	out := filepath.Join(b.TempDir(), "binary")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-gcflags=all=-l", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build %s: %v\n%s", pkg, err, text)
	}
	return out
}

// sample collects the runs of one binary, in milliseconds.
type sample struct{ walls, cpus []float64 }

func (s *sample) run(b *testing.B, binary string, input []byte) {
	b.Helper()
	cmd := exec.Command(binary)
	cmd.Dir, cmd.Stdin = quickstart, bytes.NewReader(input)
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s: %v", binary, err)
	}
	s.walls = append(s.walls, milliseconds(time.Since(start)))
	s.cpus = append(s.cpus, milliseconds(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()))
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (s *sample) wall() float64 { return median(s.walls) }

func (s *sample) cpu() float64 { return median(s.cpus) }

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
