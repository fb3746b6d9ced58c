// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

func (r *resolver) services() {
	path := specPath.Child("services")
	seen := map[string]string{}
	for _, key := range sortedKeys(r.spec.Services) {
		s := Service{Key: key, Service: r.spec.Services[key]}
		p := entry(path, key)
		r.label(p, key, maxName)
		r.service(p, &s)
		if s.Deployment == nil { // the operator's Services have names of their own
			url := fmt.Sprintf("%s/%s/%d/%s", s.Namespace, s.Service.Service, *s.Port, s.Path)
			if other, found := seen[url]; found {
				r.problem(diag.SameURL, p, "", "change namespace, service, port or path of one of them", "must not have the URL of service %q as well", other)
			}
			seen[url] = key
		}
		r.m.Services = append(r.m.Services, s)
	}
}

func (r *resolver) service(path *field.Path, s *Service) {
	r.required(path.Child("namespace"), s.Namespace, "the namespace in which the service runs")
	r.label(path.Child("namespace"), s.Namespace, maxName)
	r.port(path.Child("port"), *s.Port)
	if *s.TargetPort != *s.Port { // its default
		r.port(path.Child("targetPort"), *s.TargetPort)
	}
	if s.MetricsPort != 0 {
		r.port(path.Child("metricsPort"), s.MetricsPort)
	}
	r.urlPath(path.Child("path"), s.Path)
	r.selector(path.Child("podSelector"), s.PodSelector)
	if everything(s.PodSelector) {
		r.problem(diag.BadPeer, path.Child("podSelector"), "", "name a label of the service's pods", "must not be empty, which selects every pod of the namespace")
	}
	r.notTheTunnel(path.Child("podSelector"), s)
	if len(s.PodSelector.MatchExpressions) == 0 {
		s.Labels = s.PodSelector.MatchLabels
	}
	r.peers(path.Child("allowFrom"), s.AllowFrom)
	r.egressRules(path.Child("egressTo"), s.EgressTo)
	if s.Deployment == nil {
		r.serviceName(path.Child("service"), s.Service.Service)
	} else {
		r.deployment(path, s)
	}
	r.isolation(path, s)
	if !diag.HasError(r.ds) { // its URL would be made of what is wrong
		r.registration(path.Child("registration"), s)
	}
}

// notTheTunnel refuses a selector that matches our own tunnel's pods: the service's policy would open them to its peers.
func (r *resolver) notTheTunnel(path *field.Path, s *Service) {
	t := r.m.Tunnel
	if t == nil || s.Namespace != t.Namespace {
		return
	}
	if matchesSet(s.PodSelector, r.m.tunnelLabels(t)) {
		r.problem(diag.BadPeer, path, "", "name a label that the service's pods alone have", "must not select the tunnel's own pods")
	}
}

// pathSegment has the characters of RFC 3986, without $, which a shell would expand.
var pathSegment = regexp.MustCompile(`^([A-Za-z0-9._~!&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+$`)

func (r *resolver) urlPath(path *field.Path, p string) {
	if p == "" {
		return
	}
	for _, segment := range strings.Split(p, "/") {
		if segment == "." || segment == ".." || !pathSegment.MatchString(segment) {
			r.problem(diag.BadPath, path, "", "write v1, or greeter/v1", "must be segments of RFC 3986 characters without $, separated by single slashes, with none at either end")
			return
		}
	}
}

// isolation decides which directions of the pods' traffic are closed, and says so where nobody asked for it.
func (r *resolver) isolation(path *field.Path, s *Service) {
	covered := r.closesNamespace(s.Namespace)
	s.Isolated = ptr.Deref(s.Isolate, s.Deployment != nil || covered)
	s.ClosedEgress = len(s.EgressTo) > 0
	switch {
	case covered && !s.Isolated:
		r.problem(diag.NoEffect, path.Child("isolate"), "false", "remove it, or set spec.networkPolicy.baseline to Owned", "must not be false where the baseline closes every pod of the namespace")
	case !s.Isolated:
		r.problem(diag.OpenService, path.Child("isolate"), "", "set isolate: true to admit the tunnel and allowFrom alone",
			"leaves it to the other policies of namespace %q who can call this service", s.Namespace)
		r.withoutIsolation(path, s)
	}
	if s.ClosedEgress || covered {
		r.problem(diag.EgressClosed, path.Child("egressTo"), "", "add what is missing to egressTo", "closes the egress of these pods to everything but DNS and its rules")
	}
}

// withoutIsolation refuses peers that would be admitted by a policy that is not made.
func (r *resolver) withoutIsolation(path *field.Path, s *Service) {
	if len(s.AllowFrom) > 0 {
		r.problem(diag.NoEffect, path.Child("allowFrom"), "", "set isolate: true, or remove it", "must not be set while the service is not isolated")
	}
	if s.MetricsPort != 0 {
		r.problem(diag.NoEffect, path.Child("metricsPort"), "", "set isolate: true, or remove it", "must not be set while the service is not isolated")
	}
}

// registration warns when nobody registers the service: nothing else would say so before the first call fails.
func (r *resolver) registration(path *field.Path, s *Service) {
	switch {
	case s.Deployment != nil:
		if s.Registration.Mode == v1alpha1.RegistrationNone {
			r.problem(diag.NotInMode, path.Child("mode"), string(s.Registration.Mode), "remove it, or remove deployment", "must be Auto with deployment, because the operator registers what it runs")
		}
	case s.Registration.Mode == v1alpha1.RegistrationNone:
	case r.m.Tunnel == nil:
		r.problem(diag.NotRegistered, path.Child("mode"), "", "set it to None when something else registers the service", "registers nothing without a tunnel")
	case r.m.Tunnel.Mode == v1alpha1.TunnelOperator:
		r.problem(diag.NotRegistered, path.Child("mode"), "", "add deployment, or register "+r.byHand(s)+" yourself and set it to None",
			"registers nothing, because the operator registers only what it runs")
	default:
		r.problem(diag.NotRegistered, path.Child("mode"), "", "register "+r.byHand(s)+" and set it to None", "registers nothing in Standalone mode yet")
	}
}

// byHand is what to register: the URL and, where it matters, the option of the Restate CLI.
func (r *resolver) byHand(s *Service) string {
	if s.UseHTTP11 {
		return r.m.RegistrationURL(*s) + " with --use-http1.1"
	}
	return r.m.RegistrationURL(*s)
}

// deployment checks what the operator's Service decides: name, port and protocol.
func (r *resolver) deployment(path *field.Path, s *Service) {
	d, dp := s.Deployment, path.Child("deployment")
	if s.Service.Service != s.Key {
		r.problem(diag.CannotDeploy, path.Child("service"), s.Service.Service, "remove it", "must not be set with deployment, because the operator names the Service")
	}
	if *s.Port != v1alpha1.ServicePort {
		r.problem(diag.CannotDeploy, path.Child("port"), fmt.Sprint(*s.Port), "remove it, and set targetPort if the pod listens elsewhere", "must be %d with deployment, because the operator makes the Service", v1alpha1.ServicePort)
	}
	if s.Scheme != v1alpha1.SchemeHTTP {
		r.problem(diag.CannotDeploy, path.Child("scheme"), string(s.Scheme), "remove it", "must be http with deployment, because the operator registers no other")
	}
	if len(s.PodSelector.MatchExpressions) > 0 {
		r.problem(diag.CannotDeploy, path.Child("podSelector"), "", "use matchLabels", "must have matchLabels alone with deployment, because they become the pods' labels")
	}
	r.atLeast(dp.Child("replicas"), d.Replicas, 0)
	r.atLeast(dp.Child("minReadySeconds"), d.MinReadySeconds, 0)
	r.atLeast(dp.Child("revisionHistoryLimit"), d.RevisionHistoryLimit, 0)
	if d.Template != nil {
		r.template(dp, s)
	} else {
		r.compact(dp, d)
	}
}

func (r *resolver) compact(path *field.Path, d *v1alpha1.Deployment) {
	r.required(path.Child("image"), d.Image, "the image to run, or template for a whole pod template")
	r.image(path.Child("image"), d.Image)
	r.env(path.Child("env"), d.Env)
	r.resources(path.Child("resources"), d.Resources)
}

// template checks a whole pod template against what the spec says of the service; the rest is passed on as it is.
func (r *resolver) template(path *field.Path, s *Service) {
	d, tp := s.Deployment, path.Child("template")
	for _, f := range []struct {
		name string
		set  bool
	}{{"image", d.Image != ""}, {"env", len(d.Env) > 0}, {"resources", d.Resources != nil}} {
		if f.set {
			r.problem(diag.NotInMode, path.Child(f.name), "", "set it in the template", "must not be set together with template")
		}
	}
	if len(d.Template.Spec.Containers) == 0 {
		r.problem(diag.BadPodTemplate, tp.Child("spec", "containers"), "", "", "must have at least one container")
	}
	for _, key := range sortedKeys(s.Labels) {
		if d.Template.Labels[key] != s.Labels[key] {
			r.problem(diag.BadPodTemplate, entry(tp.Child("metadata", "labels"), key), "", "add the label to the template, or set podSelector", "must have the value in podSelector, or the policies select nothing")
		}
	}
	if port := v1alpha1.OperatorTargetPort(d.Template.Spec); port != *s.TargetPort {
		r.problem(diag.BadPodTemplate, tp.Child("spec", "containers"), "", fmt.Sprintf("name a container port %q, or remove targetPort", v1alpha1.ServicePortName),
			"must have the container port %d of targetPort; the operator's Service would lead to %d", *s.TargetPort, port)
	}
	r.templateMetadata(tp.Child("metadata"), d.Template)
}

// templateMetadata refuses what the operator's CRD has no place for: it would be lost without a word.
func (r *resolver) templateMetadata(path *field.Path, t *corev1.PodTemplateSpec) {
	r.labels(path.Child("labels"), t.Labels)
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"name", t.Name != ""},
		{"generateName", t.GenerateName != ""},
		{"namespace", t.Namespace != ""},
		{"finalizers", len(t.Finalizers) > 0},
		{"ownerReferences", len(t.OwnerReferences) > 0},
	} {
		if f.set {
			r.problem(diag.BadPodTemplate, path.Child(f.name), "", "remove it", "must not be set: a pod template has labels and annotations only")
		}
	}
}
