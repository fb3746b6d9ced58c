// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

func (r *resolver) handlers() {
	if r.spec.WasmCloud == nil {
		return
	}
	path := specPath.Child("wasmcloud", "handlers")
	for _, key := range sortedKeys(r.spec.WasmCloud.Handlers) {
		h := Handler{key, r.spec.WasmCloud.Handlers[key]}
		p := entry(path, key)
		r.label(p, key, maxName)
		r.required(p.Child("namespace"), h.Namespace, "the namespace in which the hosts run")
		r.label(p.Child("namespace"), h.Namespace, maxName)
		r.serviceName(p.Child("service"), h.Service)
		r.port(p.Child("port"), *h.Port)
		r.port(p.Child("targetPort"), *h.TargetPort)
		r.selector(p.Child("podSelector"), h.PodSelector)
		if everything(h.PodSelector) {
			r.problem(diag.BadPeer, p.Child("podSelector"), "", "name a label of the wasmCloud hosts", "must not be empty, which selects every pod of the namespace")
		}
		h.Isolate = h.Isolate || r.closesNamespace(h.Namespace) // or its callers would not be admitted
		r.m.Handlers = append(r.m.Handlers, h)
	}
	for _, h := range r.m.Handlers {
		r.sharedHosts(entry(path, h.Key).Child("isolate"), h)
	}
}

// sharedHosts says which handlers an isolation closes as well: nothing tells them apart on the hosts' one port.
func (r *resolver) sharedHosts(path *field.Path, h Handler) {
	if !h.Isolate {
		return
	}
	var others []string
	for _, other := range r.m.Handlers {
		if other.Key != h.Key && h.shares(other) {
			others = append(others, other.Key)
		}
	}
	if len(others) > 0 {
		r.problem(diag.SharedHosts, path, "", "give the handler a host group of its own, and name it in podSelector",
			"closes the hosts of %s as well, and whoever may call one of these handlers can call them all", quoted(others))
	}
}

// uses checks what a service calls, and brings its handlers into the model.
func (r *resolver) uses(path *field.Path, s *Service) {
	if s.Uses.NATS && r.spec.NATS == nil {
		r.problem(diag.NoEffect, path.Child("nats"), "", "add spec.nats, which says where the servers are", "must not be true without spec.nats")
	}
	names := path.Child("handlers")
	for i, key := range s.Uses.Handlers {
		at := slices.IndexFunc(r.m.Handlers, func(h Handler) bool { return h.Key == key })
		switch {
		case at < 0:
			r.problem(diag.UnknownValue, names.Index(i), key, "add it there, or correct the name", "must be a key of spec.wasmcloud.handlers")
		case s.calls(r.m.Handlers[at]):
			r.problem(diag.DuplicateKey, names.Index(i), key, "remove one of the two", "must stand once")
		default:
			s.Calls = append(s.Calls, r.m.Handlers[at])
		}
	}
	slices.SortFunc(s.Calls, func(a, b Handler) int { return strings.Compare(a.Key, b.Key) })
}

// notWasmCloud refuses a service whose URL leads to wasmCloud hosts: the tunnel calls <service>.<namespace>.svc.<clusterDomain>, and
// the hosts, which route by that name, know the short forms alone and answer 404.
func (r *resolver) notWasmCloud(path *field.Path, s *Service) {
	if s.Scheme != v1alpha1.SchemeHTTP || s.Deployment != nil {
		return
	}
	toHosts := s.PodSelector.MatchLabels[v1alpha1.WasmCloudHostLabel] == v1alpha1.WasmCloudHostValue
	for _, h := range r.m.Handlers {
		toHosts = toHosts || s.Namespace == h.Namespace && s.Service.Service == h.Service
	}
	if toHosts {
		r.problem(diag.WasmCloudService, path, "", "put a Restate service in front, and let it call the handler by uses.handlers",
			"must not lead to wasmCloud hosts: the tunnel's URL ends in .svc.%s, and the hosts answer only to <service>.<namespace>.svc", r.spec.ClusterDomain)
	}
}
