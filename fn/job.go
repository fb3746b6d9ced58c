// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"fmt"
	"slices"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/generators"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/source"
)

// maxIntegration is the size limit of one RestateIntegration, in bytes.
const maxIntegration = 1 << 20

// job is one integration to expand.
type job struct {
	entry
	files secretFiles
	// ambiguous says that the config could be one of several items.
	ambiguous bool
	// Set by render:
	model generators.Model
	built []generators.Built
	// sealed holds the encrypted Secrets that were read from files and are passed on verbatim.
	sealed [][]byte
}

// render turns the integration into objects. Everything that is wrong with it is in the result.
func (j *job) render(p *pkg) []diag.Diagnostic {
	doc, ds := j.resolve(p)
	doc.Sort(ds)
	for i := range ds {
		ds[i].Subject = subject(j.meta)
	}
	return ds
}

func (j *job) resolve(p *pkg) (source.Document, []diag.Diagnostic) {
	if j.Size() > maxIntegration {
		return source.Document{}, []diag.Diagnostic{{Code: diag.TooLarge, Message: "must be at most 1 MiB in size"}}
	}
	if j.meta.APIVersion != v1alpha1.APIVersion {
		return source.Document{}, []diag.Diagnostic{{Code: diag.UnknownValue, Path: "apiVersion", Value: j.meta.APIVersion, Message: "must be " + v1alpha1.APIVersion}}
	}
	var in v1alpha1.RestateIntegration
	doc, ds := source.Read(j.Node(), &in)
	if slices.ContainsFunc(ds, func(d diag.Diagnostic) bool { return d.Code == diag.TooLarge }) {
		return doc, ds // nothing was read
	}
	if !j.staysLocal() {
		ds = append(ds, diag.Diagnostic{
			Code: diag.NotLocal, Path: "metadata.annotations", Hint: `add the annotation config.kubernetes.io/local-config: "true"`,
			Message: "do not keep the RestateIntegration out of the cluster, which does not know its kind",
		})
	}
	input, problems := j.secrets(p, &in)
	ds = append(ds, problems...)
	model, resolved := generators.Resolve(&in, input)
	ds = append(ds, withoutEchoes(doc, resolved)...)
	if diag.HasError(ds) {
		return doc, ds
	}
	j.model, j.built = model, generators.Build(model)
	for _, problem := range generators.CheckLinks(j.model, j.built) {
		ds = append(ds, diag.Diagnostic{Code: diag.InternalError, Message: problem, Hint: "please report it with this RestateIntegration"})
	}
	built, patched := generators.Patch(j.model, j.built, in.Spec.Patches)
	if j.built, ds = built, append(ds, patched...); diag.HasError(ds) {
		return doc, ds
	}
	return doc, append(ds, diag.Diagnostic{Code: diag.Summary, Message: fmt.Sprintf("%s: %s", j.meta.Name, objects(len(j.built)+len(j.sealed)))})
}

func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

// withoutEchoes drops findings that only follow from a value that could not be read: it, or a part of it, is absent, or has its
// default.
func withoutEchoes(doc source.Document, ds []diag.Diagnostic) []diag.Diagnostic {
	return slices.DeleteFunc(ds, func(d diag.Diagnostic) bool {
		return doc.Unread(d.Path) || d.Code == diag.NotInMode && doc.Unread("spec.tunnel.mode") ||
			d.Code == diag.OutOfRange && doc.UnreadBelow(d.Path)
	})
}
