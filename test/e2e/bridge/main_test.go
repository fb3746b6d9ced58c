// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bridge:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	bin, server := os.Getenv("E2E_BIN"), restateProgram()
	if bin == "" || server == "" {
		return 1, errors.New("E2E_BIN and E2E_RESTATE are not set: run make e2e, which builds Bento and installs the Restate server")
	}
	bentoProgram = filepath.Join(bin, "bento")
	dir, err := os.MkdirTemp("", "restate-integration-bridge-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	service, err := startService(ctx)
	if err != nil {
		return 1, err
	}
	stop, err := startRestate(ctx, server, dir, service)
	if err != nil {
		return 1, err
	}
	defer stop()
	return m.Run(), nil
}

// restateProgram is the binary $RESTATE_SERVER, or that of the npm packages in $E2E_RESTATE.
func restateProgram() string {
	if program := os.Getenv("RESTATE_SERVER"); program != "" {
		return program
	}
	for _, name := range []string{"server-*", "@restatedev/restate-server-*"} {
		if found, err := filepath.Glob(filepath.Join(os.Getenv("E2E_RESTATE"), "node_modules", name, "bin", "restate-server")); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	return ""
}
