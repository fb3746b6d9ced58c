// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"io"
	"testing"

	"github.com/restate-integration/restate-integration/fn"
	"github.com/restate-integration/restate-integration/internal/golden"
)

const goldenDir = "../testdata/golden"

func function(stdin io.Reader, stdout, stderr io.Writer, files golden.Files) int {
	return fn.Main(stdin, stdout, stderr, files)
}

func TestGolden(t *testing.T) { golden.Run(t, goldenDir, function) }
