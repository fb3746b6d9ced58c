// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
)

func (r *resolver) nats() {
	n := r.spec.NATS
	if n == nil {
		return
	}
	path := specPath.Child("nats")
	r.selector(path.Child("podSelector"), n.PodSelector)
	if everything(n.PodSelector) {
		r.problem(diag.BadPeer, path.Child("podSelector"), "", "name a label of the NATS servers", "must not be empty, which selects every pod of the namespace")
	}
	if len(n.Servers) == 0 {
		r.problem(diag.Required, path.Child("servers"), "", "remove it for nats://nats.nats.svc:4222", "must name at least one server")
	}
	out := &NATS{URL: strings.Join(n.Servers, ","), TLS: n.TLS, JetStream: n.JetStream}
	type place struct {
		namespace string
		port      int32
	}
	seen := map[place]bool{}
	for i, server := range n.Servers {
		namespace, port, ok := r.natsServer(path.Child("servers").Index(i), server)
		if at := (place{namespace, port}); ok && !seen[at] { // the pods are the same
			seen[at] = true
			out.Namespace = or(out.Namespace, namespace)
			out.Servers = append(out.Servers, NATSServer{podsIn(namespace, *n.PodSelector), port})
		}
	}
	r.m.NATS = out
	r.natsTLS(path.Child("tls"), n.TLS)
	r.jetStream(path.Child("jetstream"))
	r.bridge(path.Child("bridge"))
	r.account(path.Child("account"))
}

func (r *resolver) natsTLS(path *field.Path, t *v1alpha1.NATSTLS) {
	if t == nil {
		return
	}
	r.localSecretKey(path.Child("caSecretRef"), t.CASecretRef)
	if t.CertSecretRef != nil {
		r.domain(path.Child("certSecretRef", "name"), t.CertSecretRef.Name)
	}
	if r.spec.NATS.Bridge == nil {
		r.problem(diag.NoEffect, path, "", "remove it", "must not be set without spec.nats.bridge, whose connection it is for")
	}
	for i, server := range r.spec.NATS.Servers {
		if strings.HasPrefix(server, "nats://") {
			r.problem(diag.NoEffect, path, "", fmt.Sprintf("write tls:// in spec.nats.servers[%d]", i), "must not be set while a server has the scheme nats")
			return
		}
	}
}

// natsPort is the port of a URL that names none (docs.nats.io, client connections).
const natsPort = 4222

// natsServer reads the namespace and the port out of the URL of a Service. An address outside of the cluster has no pods that a
// policy could select.
func (r *resolver) natsServer(path *field.Path, raw string) (string, int32, bool) {
	const hint = "write nats://<service>.<namespace>.svc:4222"
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || raw != u.Scheme+"://"+u.Host || strings.HasSuffix(u.Host, ":") {
		r.problem(diag.BadURL, path, "", hint, "must be a nats:// or tls:// URL with a host and a port alone")
		return "", 0, false
	}
	namespace, ok := r.serviceNamespace(u.Hostname())
	if !ok {
		r.problem(diag.BadURL, path, u.Hostname(), hint, "must lead to a Service of this cluster, whose pods a network policy can name")
		return "", 0, false
	}
	port := natsPort
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			r.problem(diag.BadPort, path, p, "", "must have a port between 1 and 65535")
			return "", 0, false
		}
	}
	if u.Scheme == "nats" {
		r.problem(diag.PlainNATS, path, "", "write tls:// when the servers offer it", "carries events in plain text")
	}
	return namespace, int32(port), true
}

// serviceNamespace is that of a Service of this cluster, <service>.<namespace>.svc with or without the cluster's domain.
func (r *resolver) serviceNamespace(host string) (string, bool) {
	labels := strings.SplitN(strings.TrimSuffix(host, "."+r.spec.ClusterDomain), ".", 3)
	if len(labels) != 3 || labels[2] != "svc" || len(validation.IsDNS1035Label(labels[0]))+len(validation.IsDNS1123Label(labels[1])) > 0 {
		return "", false
	}
	return labels[1], true
}
