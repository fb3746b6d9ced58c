// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// totals are what the stages of this run counted, for the table at its end.
var totals struct {
	cases, objects, arrows int
	scanners               []scannerTotal
}

type scannerTotal struct {
	name                       string
	objects, findings, excepts int
}

// printTotals shows what was judged: a stage that judged nothing must not look like one that found nothing.
func printTotals(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "stage\tjudged\tfindings\texcepted with a reason\n")
	fmt.Fprintf(table, "API server\t%d cases, %d objects\t\t\n", totals.cases, totals.objects)
	fmt.Fprintf(table, "connectivity\t%d arrows\t\t\n", totals.arrows)
	for _, s := range totals.scanners {
		fmt.Fprintf(table, "%s\t%d objects\t%d\t%d\n", s.name, s.objects, s.findings, s.excepts)
	}
	return table.Flush()
}
