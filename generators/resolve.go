// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/redact"
)

// Resolve is the one validation pass: it turns a spec into a Model and reports every problem together. The spec is defaulted in
// place. When a diagnostic is an error, the Model must not be used.
func Resolve(in *v1alpha1.RestateIntegration, input Input) (Model, []diag.Diagnostic) {
	r := &resolver{in: in, spec: &in.Spec, input: input, given: in.Spec.Cloud, reported: map[string]bool{}}
	r.checkFields() // before Default, which sets fields that the user did not
	r.unusedCredentials()
	v1alpha1.Default(in)
	r.metadata()
	r.cloud()
	r.pulls()
	r.policy()
	r.tunnel()
	r.handlers()
	r.nats()
	r.gateway()
	r.services()
	r.credentials()
	return r.m, r.ds
}

// resolver collects the model and what is wrong with the spec.
type resolver struct {
	in    *v1alpha1.RestateIntegration
	spec  *v1alpha1.RestateIntegrationSpec
	input Input
	// given is the cloud block as the user wrote it: its URLs are checked, derived ones are not.
	given v1alpha1.Cloud
	m     Model
	ds    []diag.Diagnostic
	// reported has the Secrets whose findings are in ds.
	reported map[string]bool
}

var specPath = field.NewPath("spec")

// problem adds a finding. Value is for enum, number, bool, name and host fields only.
func (r *resolver) problem(code diag.Code, path *field.Path, value, hint, format string, args ...any) {
	r.ds = append(r.ds, diag.Diagnostic{Code: code, Path: path.String(), Value: value, Hint: hint, Message: fmt.Sprintf(format, args...)})
}

// entry is the path of a map entry; a key that holds a secret is masked.
func entry(path *field.Path, key string) *field.Path { return path.Key(redact.Text(key)) }

// sortedKeys makes every walk over a map deterministic.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func sortedUnique(ports []int32) []int32 {
	out := slices.Clone(ports)
	slices.Sort(out)
	return slices.Compact(out)
}

func (r *resolver) metadata() {
	meta := field.NewPath("metadata")
	in, s := r.in, r.spec
	r.required(meta.Child("name"), in.Name, "a name")
	r.required(meta.Child("namespace"), in.Namespace, "the namespace where everything lives that is not bound to another one")
	r.label(meta.Child("name"), in.Name, maxIntegrationName)
	r.label(meta.Child("namespace"), in.Namespace, maxName)
	r.domain(specPath.Child("clusterDomain"), s.ClusterDomain)
	r.commonLabels(specPath.Child("labels"), s.Labels)
	r.commonAnnotations(specPath.Child("annotations"), s.Annotations)
	r.m.Name, r.m.Namespace = in.Name, in.Namespace
	r.m.Labels, r.m.Annotations = s.Labels, s.Annotations
	r.m.ClusterDomain = s.ClusterDomain
	r.m.Retain = s.DeletionPolicy == v1alpha1.DeletionRetain
	r.m.NamespaceSpec = s.Namespace
	r.m.GitOps = s.GitOps.Tool
	if s.GitOps.Tool == v1alpha1.GitOpsFlux {
		r.problem(diag.FluxOrder, specPath.Child("gitops", "tool"), string(s.GitOps.Tool), "order Kustomizations by dependsOn and healthChecks, as the guide page on GitOps shows",
			"changes no object: Flux has no order inside of a Kustomization")
	}
	if !r.m.Retain {
		r.problem(diag.NotRetained, specPath.Child("deletionPolicy"), string(s.DeletionPolicy), "go back to Retain once the removal is done",
			"removes the RestateCloudEnvironment and the Namespace when the spec no longer yields them, which orphans every registered URL")
	}
}
