// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/restate-integration/restate-integration/internal/diag"
)

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:     "explain [CODE]",
		Short:   "Explain the code of an error or warning, or list all codes",
		Example: "  restate-integration explain RI0305",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var codes []string
			for _, e := range diag.Catalogue() {
				codes = append(codes, string(e.Code)+"\t"+e.Title)
			}
			return codes, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listCodes(cmd)
			}
			return explainCode(cmd, args[0])
		},
	}
}

func listCodes(cmd *cobra.Command) error {
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, e := range diag.Catalogue() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", e.Code, e.Severity, e.Title)
	}
	return table.Flush()
}

func explainCode(cmd *cobra.Command, code string) error {
	for _, e := range diag.Catalogue() {
		if strings.EqualFold(string(e.Code), code) {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s (%s)\n\nCause: %s\nFix:   %s\n", e.Code, e.Title, e.Severity, e.Cause, e.Fix)
			return err
		}
	}
	return invalidError{fmt.Errorf("no code %q: restate-integration explain lists all", code)}
}
