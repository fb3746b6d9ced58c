// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
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
			url := s.endpoint() + "/" + s.Path
			if other, found := seen[url]; found {
				r.problem(diag.SameURL, p, "", "change namespace, service, port or path of one of them", "must not have the URL of service %q as well", other)
			}
			seen[url] = key
		}
		r.m.Services = append(r.m.Services, s)
	}
	r.versions()
}

// endpoint is the host and port of a service that has a Kubernetes Service of its own.
func (s Service) endpoint() string {
	return fmt.Sprintf("%s/%s/%d", s.Namespace, s.Service.Service, *s.Port)
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
	r.uses(path.Child("uses"), s)
	r.notWasmCloud(path, s)
	if s.Deployment == nil {
		r.serviceName(path.Child("service"), s.Service.Service)
	} else {
		r.deployment(path, s)
	}
	r.isolation(path, s)
	r.registration(path.Child("registration"), s)
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
var pathSegment = newPattern(`^([A-Za-z0-9._~!&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+$`)

func (r *resolver) urlPath(path *field.Path, p string) {
	if p == "" {
		return
	}
	for _, segment := range strings.Split(p, "/") {
		if segment == "." || segment == ".." || !pathSegment().MatchString(segment) {
			r.problem(diag.BadPath, path, "", "write v1, or greeter/v1", "must be segments of RFC 3986 characters without $, separated by single slashes, with none at either end")
			return
		}
	}
}

// isolation decides which directions of the pods' traffic are closed, and says so where nobody asked for it.
func (r *resolver) isolation(path *field.Path, s *Service) {
	covered := r.closesNamespace(s.Namespace)
	s.Isolated = ptr.Deref(s.Isolate, s.Deployment != nil || covered)
	s.ClosedEgress = len(s.EgressTo) > 0 || !isZero(s.Uses) || s.InProcess()
	switch {
	case covered && !s.Isolated:
		r.problem(diag.NoEffect, path.Child("isolate"), "false", "remove it, or set spec.networkPolicy.baseline to Owned", "must not be false where the baseline closes every pod of the namespace")
	case !s.Isolated:
		r.problem(diag.OpenService, path.Child("isolate"), "", "set isolate: true to admit the tunnel and allowFrom alone",
			"leaves it to the other policies of namespace %q who can call this service", s.Namespace)
		r.withoutIsolation(path, s)
	}
	if s.ClosedEgress || covered {
		r.problem(diag.EgressClosed, path.Child("egressTo"), "", "add what is missing to egressTo", "closes the egress of these pods to everything but DNS, what uses and tunnelMode need, and its rules")
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
	if s.InProcess() && len(s.AllowFrom) > 0 {
		r.problem(diag.NotInMode, path.Child("allowFrom"), "", "remove it", "must not be set with tunnelMode InProcess, where the service listens on no port")
	}
	r.atLeast(dp.Child("replicas"), d.Replicas, 0)
	r.drain(dp.Child("drain"), d.Drain)
	r.autoscaling(dp.Child("autoscaling"), d.Autoscaling)
	r.atLeast(dp.Child("minReadySeconds"), d.MinReadySeconds, 0)
	r.atLeast(dp.Child("revisionHistoryLimit"), d.RevisionHistoryLimit, 0)
	if d.Template != nil {
		r.template(dp, s)
	} else {
		r.compact(dp, s)
	}
}

func (r *resolver) drain(path *field.Path, d *v1alpha1.Drain) {
	if d == nil {
		return
	}
	for _, f := range []struct {
		name  string
		value *int64
	}{{"delaySeconds", d.DelaySeconds}, {"timeoutSeconds", d.TimeoutSeconds}} {
		if f.value != nil && *f.value < 0 {
			r.problem(diag.OutOfRange, path.Child(f.name), strconv.FormatInt(*f.value, 10), "", "must be at least 0")
		}
	}
}

// autoscaling is the operator's to read, but for the one field that it fills in itself.
func (r *resolver) autoscaling(path *field.Path, raw *runtime.RawExtension) {
	if raw == nil {
		return
	}
	var spec map[string]any
	if err := json.Unmarshal(raw.Raw, &spec); err != nil {
		r.problem(diag.WrongType, path, "", "write the spec of a HorizontalPodAutoscaler", "must be a map")
	}
	if _, found := spec["scaleTargetRef"]; found {
		r.problem(diag.NoEffect, path.Child("scaleTargetRef"), "", "remove it", "must not be set, because the operator points each version's autoscaler at that version")
	}
}

func (r *resolver) compact(path *field.Path, s *Service) {
	d := s.Deployment
	r.required(path.Child("image"), d.Image, "the image to run, or template for a whole pod template")
	r.image(path.Child("image"), d.Image)
	r.env(path.Child("env"), d.Env)
	r.inProcEnv(path.Child("env"), s, d.Env)
	r.resources(path.Child("resources"), d.Resources)
	r.podTemplate(path.Child("podTemplate"), d.PodTemplate, s.Labels)
}

// inProcEnv refuses variables that the operator sets: it would reject the deployment, and nothing would be registered.
func (r *resolver) inProcEnv(path *field.Path, s *Service, env []corev1.EnvVar) {
	for i, e := range env {
		if s.InProcess() && strings.HasPrefix(e.Name, inProcPrefix) {
			r.problem(diag.BadPodTemplate, path.Index(i).Child("name"), e.Name, "remove it", "must not be set with tunnelMode InProcess: the operator and the function set the variables of this prefix")
		}
	}
}

// template checks a whole pod template against what the spec says of the service; the rest is passed on as it is.
func (r *resolver) template(path *field.Path, s *Service) {
	d, tp := s.Deployment, path.Child("template")
	for _, f := range []struct {
		name string
		set  bool
	}{{"image", d.Image != ""}, {"env", len(d.Env) > 0}, {"resources", d.Resources != nil}, {"podTemplate", !isZero(d.PodTemplate)}} {
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
	r.templateContainers(tp.Child("spec"), s)
}

// templateContainers refuses what would collide with what uses and tunnelMode add.
func (r *resolver) templateContainers(path *field.Path, s *Service) {
	spec := s.Deployment.Template.Spec
	for _, list := range []struct {
		name       string
		containers []corev1.Container
	}{{"initContainers", spec.InitContainers}, {"containers", spec.Containers}} {
		for i, c := range list.containers {
			p := path.Child(list.name).Index(i)
			r.inProcEnv(p.Child("env"), s, c.Env)
			for j, m := range c.VolumeMounts {
				if s.mounts(m.MountPath) {
					r.problem(diag.BadPodTemplate, p.Child("volumeMounts").Index(j).Child("mountPath"), "", "mount the volume elsewhere", "must not be %s, where the function mounts a key", m.MountPath)
				}
			}
		}
	}
	for i, v := range spec.Volumes {
		if v.Name == ingressVolume && s.Uses.Restate || v.Name == inProcVolume && s.InProcess() {
			r.problem(diag.BadPodTemplate, path.Child("volumes").Index(i).Child("name"), v.Name, "rename it", "must not be the name of a volume that the function adds")
		}
	}
}

// mounts reports whether the function mounts a key at the path.
func (s Service) mounts(path string) bool {
	path = strings.TrimRight(path, "/")
	return path == ingressDir && s.Uses.Restate || path == tokenDir && s.InProcess()
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

// isZero reports whether nothing is set in v; an empty list says nothing.
func isZero(v any) bool { return !isSet(reflect.ValueOf(v)) }
