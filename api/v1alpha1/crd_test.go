// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"os"
	"testing"
)

// TestCRDIsTheFile: what people read in the repository is what the function prints.
func TestCRDIsTheFile(t *testing.T) {
	text, err := os.ReadFile("crd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(CRD(), text) {
		t.Error("crd.yaml.gz is not crd.yaml: run make generate")
	}
}
