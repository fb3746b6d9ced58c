// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the schema of a RestateIntegration as a CustomResourceDefinition",
		Long:  "Print the schema of a RestateIntegration as a CustomResourceDefinition, for editors and validators. It is never installed in a cluster.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(v1alpha1.CRD())
			return err
		},
	}
}
