// SPDX-License-Identifier: Apache-2.0

// Package fn is the KRM function: a ResourceList in, a ResourceList out. It finds the RestateIntegrations that the host wants
// expanded, hands them to the pure core with the Secrets in sight, and puts the objects into the list, leaving what belongs to
// others byte for byte as it came.
package fn

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/resourcelist"
)

// Files reads files below the working directory, which kustomize sets to the kustomization root. *os.Root is one.
type Files interface {
	ReadFile(name string) ([]byte, error)
}

// A process that lives for milliseconds on a few objects should not spend them on collecting garbage; a large list keeps Go's
// default, because memory is what it is short of.
const (
	smallInput   = 256 << 10
	smallInputGC = 400
)

// Main reads standard input, writes the list to stdout and one line for each error and warning to stderr, because kustomize
// throws results away. It returns the exit code: 1 when any finding is an error, whatever else was written.
func Main(stdin io.Reader, stdout, stderr io.Writer, files Files) int {
	// One byte over the limit is enough to see that it is over.
	input, err := io.ReadAll(io.LimitReader(stdin, resourcelist.MaxSize+1))
	if err != nil {
		fmt.Fprintf(stderr, "error: read standard input: %v\n", err)
		return 1
	}
	if len(input) <= smallInput {
		debug.SetGCPercent(smallInputGC)
	}
	output, ds := Run(input, files)
	for _, d := range ds {
		if d.Severity() != diag.Info {
			fmt.Fprintln(stderr, d.Line())
		}
	}
	if _, err := stdout.Write(output); err != nil {
		fmt.Fprintf(stderr, "error: write standard output: %v\n", err)
		return 1
	}
	if diag.HasError(ds) {
		return 1
	}
	return 0
}

// Run is the function without its streams. On an error the output is the input with results, or nothing when the input cannot
// be read as a list.
func Run(input []byte, files Files) (output []byte, ds []diag.Diagnostic) {
	list, err := resourcelist.Parse(input)
	if err != nil {
		return nil, []diag.Diagnostic{unparsable(err)}
	}
	defer func() {
		// A defect of ours must not look like a crash of the host, nor print what the input holds.
		if r := recover(); r != nil {
			ds = []diag.Diagnostic{{Code: diag.InternalError, Message: "the function failed at " + place(debug.Stack())}}
			output = list.Original(results(ds))
		}
	}()
	ds = expand(list, files)
	if diag.HasError(ds) {
		return list.Original(results(ds)), ds
	}
	return list.Bytes(results(ds)), ds
}

func unparsable(err error) diag.Diagnostic {
	if errors.Is(err, resourcelist.ErrTooLarge) {
		return diag.Diagnostic{Code: diag.TooLarge, Message: "standard input: " + err.Error()}
	}
	return diag.Diagnostic{
		Code: diag.Unparsable, Message: "standard input is not a ResourceList: " + err.Error(),
		Hint: "run the function through kustomize or kpt",
	}
}

// expand does the work: list is changed only as far as nothing is wrong, and the caller drops the changes when something is.
func expand(list *resourcelist.List, files Files) []diag.Diagnostic {
	var ds []diag.Diagnostic
	if !list.Cut() {
		ds = append(ds, diag.Diagnostic{Code: diag.FullParser, Message: "items were read and written again: " + list.Reason()})
	}
	p, problems := newPackage(list, files)
	ds = append(ds, problems...)
	if diag.HasError(ds) {
		return ds
	}
	if len(p.jobs) == 0 {
		// What the last one left behind is still pruned below.
		ds = append(ds, diag.Diagnostic{Code: diag.NoIntegration, Message: "no RestateIntegration in the list", Hint: "add one, or remove the function from the pipeline"})
	}
	for _, j := range p.jobs {
		ds = append(ds, j.render(p)...)
	}
	if len(p.jobs) > 0 {
		ds = append(ds, p.leaks()...)
	}
	if diag.HasError(ds) {
		return ds
	}
	return append(ds, p.apply()...)
}
