// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"bytes"
	"regexp"

	sdk "github.com/kptdev/krm-functions-sdk/go/fn"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// results is the YAML list of a ResourceList's results. A value never stands in a field of its own: kpt keeps results in the
// Kptfile, and so in Git.
func results(ds []diag.Diagnostic) []byte {
	if len(ds) == 0 {
		return nil
	}
	var list []sdk.Result
	for _, d := range ds {
		list = append(list, result(d))
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := encoder.Encode(list); err != nil {
		panic(err) // a list of strings always marshals
	}
	return out.Bytes()
}

func result(d diag.Diagnostic) sdk.Result {
	r := sdk.Result{Message: d.Text(), Severity: sdk.Severity(d.Severity()), Tags: map[string]string{"code": string(d.Code)}}
	s := d.Subject
	if s.Kind != "" {
		r.ResourceRef = &sdk.ResourceRef{APIVersion: redact.Text(s.APIVersion), Kind: redact.Text(s.Kind), Name: redact.Text(s.Name), Namespace: redact.Text(s.Namespace)}
		if d.Path != "" { // the specification allows a field together with a resource only
			r.Field = &sdk.Field{Path: d.Field()}
		}
	}
	if s.File != "" {
		r.File = &sdk.File{Path: redact.Path(s.File), Index: s.Index}
	}
	return r
}

// ownFrame matches a line of a stack trace that names one of our functions.
var ownFrame = regexp.MustCompile(`restate-integration/((?:fn|generators|internal/[a-z]+)\.[^(\n]+)`)

// place names the function that failed, from a stack trace: enough to report, and nothing of the input.
func place(stack []byte) string {
	frames := ownFrame.FindAllSubmatch(stack, -1)
	for _, f := range frames {
		if name := string(f[1]); name != "fn.Run.func1" {
			return name
		}
	}
	return "an unknown place"
}
