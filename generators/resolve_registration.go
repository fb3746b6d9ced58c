// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

// registeredByJob reports whether a Job registers the service. The spec need not be defaulted.
func registeredByJob(spec *v1alpha1.RestateIntegrationSpec, s v1alpha1.Service) bool {
	if s.Deployment != nil || s.Registration.Mode == v1alpha1.RegistrationNone {
		return false
	}
	switch spec.Tunnel.Mode {
	case v1alpha1.TunnelStandalone, v1alpha1.TunnelExisting:
		return true
	case "", v1alpha1.TunnelOperator:
		return spec.Tunnel.Operator.UID != ""
	}
	return false
}

// registration warns when nobody registers the service: nothing else would say so before the first call fails.
func (r *resolver) registration(path *field.Path, s *Service) {
	mode := s.Registration.Mode
	s.ByJob = registeredByJob(r.spec, s.Service)
	switch {
	case s.Deployment != nil:
		if mode != v1alpha1.RegistrationAuto {
			r.problem(diag.NotInMode, path.Child("mode"), string(mode), "remove it, or remove deployment", "must be Auto with deployment, because the operator registers what it runs")
		}
	case mode == v1alpha1.RegistrationNone, s.ByJob:
	case mode == v1alpha1.RegistrationJob && r.m.Tunnel == nil:
		r.problem(diag.NotInMode, path.Child("mode"), string(mode), "set it to None when something else registers the service", "must not be Job without a tunnel, because its name is part of the URL")
	case mode == v1alpha1.RegistrationJob:
		r.problem(diag.NotInMode, path.Child("mode"), string(mode), "apply once, then set spec.tunnel.operator.uid to the uid of the RestateCloudEnvironment",
			"must not be Job while spec.tunnel.operator.uid is not set, because that uid is part of the URL")
	case diag.HasError(r.ds): // the URL would be made of what is wrong
	case r.m.Tunnel == nil:
		r.problem(diag.NotRegistered, path.Child("mode"), "", "set it to None when something else registers the service", "registers nothing without a tunnel")
	default:
		r.problem(diag.NotRegistered, path.Child("mode"), "", "add deployment, set spec.tunnel.operator.uid once it is known, or register "+r.byHand(s)+" yourself and set it to None",
			"registers nothing, because the operator registers only what it runs")
	}
	if s.ByJob {
		if r.m.Registration == nil {
			r.m.Registration = &Registration{Image: r.imageFor("restateCli", r.spec.Images.RestateCLI)}
		}
		r.job(path, s)
	} else {
		r.withoutJob(path, s)
	}
}

// byHand is what to register: the URL and, where it matters, the option of the Restate CLI.
func (r *resolver) byHand(s *Service) string {
	if s.UseHTTP11 {
		return r.m.RegistrationURL(*s) + " with --use-http1.1"
	}
	return r.m.RegistrationURL(*s)
}

// revisionPattern keeps a revision readable in one line of a log, and one word.
var revisionPattern = newPattern(`^[A-Za-z0-9]([A-Za-z0-9._+-]{0,61}[A-Za-z0-9])?$`)

func (r *resolver) job(path *field.Path, s *Service) {
	g := s.Registration
	if g.Revision != "" && !revisionPattern().MatchString(g.Revision) {
		r.problem(diag.BadName, path.Child("revision"), g.Revision, "write a version like 1.4.2", "must be at most 63 letters, digits, -, _, + or ., and begin and end with a letter or digit")
	}
	if g.Force {
		r.problem(diag.ForcedRegistration, path.Child("force"), "true", "give the service a new path or Service name instead, and remove it",
			"overwrites what Restate knows of the URL, so that running workflows may go on in code that they did not begin in")
	}
	if g.Revision == "" && versioned(s.Path) {
		r.problem(diag.UnversionedURL, path.Child("revision"), "", "set it to the version of the service, so that the Job fails when a new one meets an old URL",
			"is not set, while the path has a version")
	}
	r.podTemplate(path.Child("podTemplate"), g.PodTemplate, r.m.registrationLabels())
}

// withoutJob refuses what a Job alone would act on.
func (r *resolver) withoutJob(path *field.Path, s *Service) {
	g := s.Registration
	for _, f := range []struct {
		name string
		set  bool
	}{{"revision", g.Revision != ""}, {"force", g.Force}, {"podTemplate", !isZero(g.PodTemplate)}} {
		if f.set {
			r.problem(diag.NoEffect, path.Child(f.name), "", "remove it", "must not be set while no Job registers the service")
		}
	}
}

// versionSegment is a part of a path like v1, v2beta1 or 1.4.2.
var versionSegment = newPattern(`^(v[0-9][A-Za-z0-9._+-]*|[0-9]+(\.[0-9]+)+[A-Za-z0-9._+-]*)$`)

func versioned(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), versionSegment().MatchString)
}

// versions warns of services on one host and port that differ in a path without version: the next version has no place to go but
// into a URL that is known already.
func (r *resolver) versions() {
	first := map[string]*Service{}
	for i := range r.m.Services {
		s := &r.m.Services[i]
		if s.Deployment != nil {
			continue // the operator gives each version a Service of its own
		}
		at := s.endpoint()
		other := first[at]
		if other == nil {
			first[at] = s
			continue
		}
		for _, one := range []*Service{other, s} {
			if !versioned(one.Path) && other.Path != s.Path { // with one path they have one URL, which is an error of its own
				r.problem(diag.UnversionedURL, entry(specPath.Child("services"), s.Key).Child("path"), "", "add a version to the path of each, like greeter/v1",
					"shares host and port with service %q, and the path of %q has no version: a new version would have to overwrite a registered URL", other.Key, one.Key)
				break
			}
		}
	}
}
