// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// keyed is the program with the commands that encrypt and decrypt. The function holds no key, so they are not linked into it.
const keyed = "restate-integration-secrets"

// newSecrets has the one command that needs no key, and hands all others to the program that has them.
func newSecrets(version string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secrets COMMAND",
		Short: "Check encrypted Secrets, or run " + keyed,
		Long: `Without a key, check looks at the Secrets of files and directories.

Every other command is one of ` + keyed + `, such as seal, status, rotate and verify. It is looked for beside
this program, and then on PATH. restate-integration secrets --help shows this text; ` + keyed + ` --help shows its own.`,
		// What follows is for the other program to read.
		DisableFlagParsing:    true,
		DisableFlagsInUseLine: true,
		Args:                  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] == "-h" || args[0] == "--help" {
				return cmd.Help()
			}
			program, err := lookKeyed(version)
			if err != nil {
				return err
			}
			return become(program, args)
		},
	}
	cmd.AddCommand(newSecretsCheck())
	return cmd
}

// lookKeyed finds the other program, first where the same release was unpacked.
func lookKeyed(version string) (string, error) {
	if self, err := os.Executable(); err == nil {
		if program, err := exec.LookPath(filepath.Join(filepath.Dir(self), keyed)); err == nil {
			return program, nil
		}
	}
	// A program of the working directory is never run: exec.LookPath refuses it, whatever PATH says.
	if program, err := exec.LookPath(keyed); err == nil {
		return program, nil
	}
	return "", unableError{fmt.Errorf("%s is neither beside this program nor on PATH; install it with: "+
		"go install github.com/restate-integration/restate-integration/cmd/%s@%s", keyed, keyed, installable(version))}
}

// installable is the version as go install takes it: a tag, without what git describe adds between two of them.
func installable(version string) string {
	if strings.HasPrefix(version, "v") && !strings.Contains(version, "-g") && !strings.HasSuffix(version, "-dirty") {
		return version
	}
	return "latest"
}
