// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
)

// Compressed, because as text it would be a fortieth of the function's binary.
//
//go:embed crd.yaml.gz
var crd []byte

// CRD is the schema of a RestateIntegration as a CustomResourceDefinition, generated from the types. It is never installed: it
// describes the schema to editors and to the reference.
func CRD() []byte {
	r, err := gzip.NewReader(bytes.NewReader(crd))
	if err != nil {
		panic(err) // it is a part of the binary
	}
	text, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	return text
}
