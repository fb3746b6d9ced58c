// SPDX-License-Identifier: Apache-2.0

package restate

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
)

// totals are what this run did, for the line at its end: a stage that ran nothing must not look like one that found nothing.
var totals struct{ cases, jobs, calls atomic.Int32 }

func printTotals(w io.Writer) error {
	var names []string
	for _, c := range clis {
		names = append(names, "CLI "+c.version)
	}
	for _, s := range shells {
		names = append(names, s.name)
	}
	_, err := fmt.Fprintf(w, "restate  %d cases, %d Jobs run, %d calls (%s)\n",
		totals.cases.Load(), totals.jobs.Load(), totals.calls.Load(), strings.Join(names, ", "))
	return err
}
