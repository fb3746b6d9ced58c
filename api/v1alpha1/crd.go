// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import _ "embed"

// CRD is the schema of a RestateIntegration as a CustomResourceDefinition, generated from the types. It is never installed: it
// describes the schema to editors and to the reference.
//
//go:embed crd.yaml
var CRD []byte
