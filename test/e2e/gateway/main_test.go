// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// envoyProgram is the real Envoy.
var envoyProgram string

// restateServer answers behind the stand-ins for Restate Cloud whose cases ask for it.
var restateServer *restateProcess

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e gateway:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	envoy, folder := os.Getenv("E2E_ENVOY"), os.Getenv("E2E_RESTATE")
	if envoy == "" || folder == "" {
		return 1, errors.New("E2E_ENVOY and E2E_RESTATE are not set: run make e2e, which installs Envoy and the Restate server")
	}
	envoyProgram = filepath.Join(envoy, "envoy")
	programs, err := filepath.Glob(filepath.Join(folder, "node_modules", "server-*", "bin", "restate-server"))
	if err != nil || len(programs) == 0 {
		return 1, fmt.Errorf("no restate-server in %s: run make e2e, which installs it", folder)
	}
	dir, err := os.MkdirTemp("", "gateway-e2e-") // short: a path of a socket has at most 107 bytes
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if restateServer, err = startRestate(ctx, programs[0], dir); err != nil {
		return 1, err
	}
	defer restateServer.stop()
	return m.Run(), nil
}
