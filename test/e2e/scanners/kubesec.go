// SPDX-License-Identifier: Apache-2.0

package scanners

import (
	"github.com/controlplaneio/kubesec/v2/pkg/ruler"
	"go.uber.org/zap"
)

// Kubesec is kubesec: its advice counts as much as its critical findings.
type Kubesec struct{}

// Name implements Scanner.
func (Kubesec) Name() string { return "kubesec" }

// Scan implements Scanner. Only makers of pods have rules.
func (k Kubesec) Scan(sets [][]*Object) ([]Result, error) {
	return each(sets, k.scan)
}

func (k Kubesec) scan(objects []*Object) (Result, error) {
	rules := ruler.NewRuleset(zap.NewNop().Sugar())
	var out Result
	for _, o := range objects {
		if o.GetKind() != "Deployment" {
			continue
		}
		out.Scanned++
		data, err := o.MarshalJSON()
		if err != nil {
			return Result{}, err
		}
		reports, err := rules.Run("manifest", data, ruler.SchemaConfig{DisableValidation: true})
		if err != nil {
			return Result{}, err
		}
		for _, r := range reports {
			for _, f := range append(r.Scoring.Critical, r.Scoring.Advise...) {
				out.Findings = append(out.Findings, about(o, k.Name(), f.ID, f.Selector+": "+f.Reason))
			}
		}
	}
	return out, nil
}
