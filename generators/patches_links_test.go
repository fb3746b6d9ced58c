// SPDX-License-Identifier: Apache-2.0

package generators

import "testing"

const (
	tunnelPods = "kind: Deployment"
	// noWeakness is what a container needs so that Pod Security finds nothing new.
	noWeakness = "securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}"
)

func tunnelPod(fields string) string { return "spec: {template: {spec: {" + fields + "}}}" }

// TestPatchOfPods: what is the user's own need not be among the objects; what the function wrote must stay.
func TestPatchOfPods(t *testing.T) {
	container := func(fields string) string {
		return tunnelPod("containers: [{name: restate-cloud-tunnel-client, " + fields + "}]")
	}
	for _, tt := range []guardCase{
		{"a Secret of the user's", standaloneBase, tunnelPods, tunnelPod("volumes: [{name: ca, secret: {secretName: corporate-ca}}]"), ""},
		{"a ConfigMap of the user's", standaloneBase, tunnelPods, tunnelPod("volumes: [{name: ca, configMap: {name: corporate-ca}}], containers: [{name: restate-cloud-tunnel-client, volumeMounts: [{name: ca, mountPath: /etc/ca}]}]"), ""},
		{"an account of the user's", standaloneBase, tunnelPods, tunnelPod("serviceAccountName: own"), ""},
		{"no account", standaloneBase, tunnelPods, tunnelPod("serviceAccountName: null"), `uses ServiceAccount ""`},
		{"our volume with another Secret", standaloneBase, tunnelPods, tunnelPod("volumes: [{name: token, secret: {secretName: other}}]"), "mounts another Secret than the spec names"},
		{"another volume in its place", standaloneBase, tunnelPods, "[{op: add, path: /spec/template/spec/volumes/-, value: {name: a, secret: {secretName: other}}}, {op: replace, path: /spec/template/spec/containers/0/volumeMounts/0/name, value: a}]", `container "restate-cloud-tunnel-client" no longer mounts volume "token"`},
		{"another volume on top of it", standaloneBase, tunnelPods, tunnelPod("volumes: [{name: a, emptyDir: {}}], containers: [{name: restate-cloud-tunnel-client, volumeMounts: [{name: a, mountPath: /var/run/secrets/restate.cloud/a}]}]"), `mounts volume "a" over volume "token"`},
		{"a configuration that is no ConfigMap", gatewayBase(t), tunnelPods, tunnelPod("volumes: [{name: config, configMap: null, emptyDir: {}}]"), `volume "config" is no ConfigMap any more`},
		{"an init container's mount", standaloneBase, tunnelPods, tunnelPod(`initContainers: [{name: a, image: "b:1", volumeMounts: [{name: nowhere, mountPath: /a}], ` + noWeakness + `}]`), `mounts volume "nowhere", which is not there`},
		{"a container that is not there", standaloneBase, tunnelPods, tunnelPod("containers: [{name: tunnel, tty: true, " + noWeakness + "}]"), `RI1103 spec.patches[0]: must leave the objects fitting together: Deployment restate/prod-tunnel: container "tunnel" has no image: no container had that name`},
		{"an image that is gone", standaloneBase, tunnelPods, container("image: null"), `container "restate-cloud-tunnel-client" has no image any more`},
		{"a service's container", operatorBase, "kind: RestateDeployment", "[{op: add, path: /spec/template/spec/containers/-, value: {name: other, " + noWeakness + "}}]", `container "other" has no image: no container had that name`},
		{"a probe by number", standaloneBase, tunnelPods, container("readinessProbe: {httpGet: {port: 9090}}"), ""},
		{"a probe of another number", standaloneBase, tunnelPods, container("livenessProbe: {tcpSocket: {port: 9999}}"), `probes port "9999", which no container has`},
		{"a probe of another name", standaloneBase, tunnelPods, container("startupProbe: {httpGet: {port: nowhere}}"), `probes port "nowhere"`},
		{"a sidecar that declares no port", standaloneBase, tunnelPods, tunnelPod(`containers: [{name: a, image: "b:1", livenessProbe: {tcpSocket: {port: 9999}}, ` + noWeakness + `}]`), ""},
	} {
		tt.check(t)
	}
}

// TestPatchOfPorts: a port is a name or a number, and a rule may have a range, or say nothing and mean all.
func TestPatchOfPorts(t *testing.T) {
	calling := basedOn(t, usesBase(t), `{wasmcloud: {handlers: {inventory: {isolate: true}}}, services: {greeter: {uses: {restate: true, handlers: [inventory]}}}}`)
	target := func(port string) string {
		return "[{op: replace, path: /spec/ports/0/targetPort, value: " + port + "}]"
	}
	ingress := func(rule string) string { return "[{op: replace, path: /spec/ingress, value: [" + rule + "]}]" }
	egress := func(rule string) string { return "[{op: replace, path: /spec/egress/2, value: " + rule + "}]" }
	const (
		service = "kind: NetworkPolicy, component: service"
		tunnel  = "kind: NetworkPolicy, component: tunnel"
		from    = "from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: restate}}, podSelector: {matchLabels: {app.kubernetes.io/name: restate-cloud-tunnel-client}}}]"
	)
	for _, tt := range []guardCase{
		{"a target by number", standaloneBase, "kind: Service", target("9090"), ""},
		{"another number", standaloneBase, "kind: Service", target("9091"), `leads to port "9091", which no container has`},
		{"the port itself", standaloneBase, "kind: Service", "[{op: remove, path: /spec/ports/0/targetPort}]", ""},
		{"a number in place of a port that nobody has", standaloneBase, "kind: Service", "[{op: replace, path: /spec/ports/0, value: {name: a, port: 1}}]", `leads to port "1"`},
		{"every port and peer", standaloneBase, service, ingress("{}"), ""},
		{"a range around it", standaloneBase, service, ingress("{" + from + ", ports: [{port: 9000, endPort: 9100}]}"), ""},
		{"a range beside it", standaloneBase, service, ingress("{" + from + ", ports: [{port: 9081, endPort: 9100}]}"), "does not admit the tunnel"},
		{"every port of the protocol", standaloneBase, service, ingress("{" + from + ", ports: [{protocol: TCP}]}"), ""},
		{"another protocol", standaloneBase, service, ingress("{" + from + ", ports: [{protocol: UDP, port: 9080}]}"), "does not admit the tunnel"},
		{"a name, of pods that nobody knows", standaloneBase, service, ingress("{" + from + ", ports: [{port: http}]}"), ""},
		{"every pod of the namespace", standaloneBase, service, ingress("{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: restate}}}]}"), ""},
		{"the pods of its own namespace alone", standaloneBase, service, ingress("{from: [{podSelector: {}}]}"), "does not admit the tunnel"},
		{"addresses alone", standaloneBase, service, ingress("{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}"), "does not admit the tunnel"},
		{"out to all", standaloneBase, tunnel, egress("{}"), ""},
		{"out to a range", standaloneBase, tunnel, egress("{ports: [{port: 1, endPort: 65535}]}"), ""},
		{"out to addresses", standaloneBase, tunnel, egress("{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}"), `does not reach service "greeter"`},
		{"in by the name of a port", standaloneBase, tunnel, ingress("{ports: [{port: health}]}"), ""},
		{"in by a name that no container has", standaloneBase, tunnel, ingress("{ports: [{port: nowhere}]}"), "opens port nowhere, which no container has"},
		{"in by a range", standaloneBase, tunnel, ingress("{ports: [{port: 9000, endPort: 9100}]}"), ""},
		{"in by a range of none", standaloneBase, tunnel, ingress("{ports: [{port: 1, endPort: 2}]}"), "opens port 1, which no container has"},
		{"hosts that admit all", calling, "kind: NetworkPolicy, component: wasmcloud", ingress("{}"), ""},
	} {
		tt.check(t)
	}
}

// TestPatchOfExposure: every way from outside leads to a port that is there, and a list that is empty is found.
func TestPatchOfExposure(t *testing.T) {
	nginx, shared := string(merge(t, gatewayBase(t), byIngress)), string(merge(t, gatewayBase(t), sharedGateway))
	for _, tt := range []guardCase{
		{"no paths", nginx, "kind: Ingress", "[{op: remove, path: /spec/rules/0/http}]", "has a rule without paths"},
		{"a path without Service", nginx, "kind: Ingress", "[{op: replace, path: /spec/rules/0/http/paths, value: [{path: /, pathType: Prefix, backend: {resource: {kind: a, name: b}}}]}]", "has a path that leads to no Service"},
		{"a port by another name", nginx, "kind: Ingress", "[{op: replace, path: /spec/rules/0/http/paths/0/backend/service/port/name, value: web}]", `leads to port "web" of Service "prod-gateway", which has no such port`},
		{"a port by its number", nginx, "kind: Ingress", "[{op: replace, path: /spec/rules/0/http/paths/0/backend/service/port, value: {number: 443}}]", ""},
		{"no backend at all", gatewayBase(t), "kind: HTTPRoute", "[{op: remove, path: /spec/rules}]", "has no backendRefs"},
		{"a rule that redirects", gatewayBase(t), "kind: HTTPRoute", "[{op: add, path: /spec/rules/-, value: {filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]}}]", ""},
		{"a second backend that is not there", gatewayBase(t), "kind: HTTPRoute", "[{op: add, path: /spec/rules/0/backendRefs/-, value: {kind: Service, name: other, port: 443}}]", `leads to Service "other", which is not there`},
		{"another port of it", gatewayBase(t), "kind: HTTPRoute", "[{op: replace, path: /spec/rules/0/backendRefs/0/port, value: 80}]", `leads to port "80" of Service "prod-gateway"`},
		{"no parent", gatewayBase(t), "kind: HTTPRoute", "spec: {parentRefs: []}", "has no parentRefs"},
		{"a policy of nothing", gatewayBase(t), "kind: BackendTLSPolicy", "spec: {targetRefs: null}", "has no targetRefs"},
		{"a policy of another port", gatewayBase(t), "kind: BackendTLSPolicy", "[{op: replace, path: /spec/targetRefs/0/sectionName, value: web}]", `leads to port "web"`},
		{"certificates of the system", gatewayBase(t), "kind: BackendTLSPolicy", "spec: {validation: {caCertificateRefs: null, wellKnownCACertificates: System}}", ""},
		{"leave to read nothing", shared, "kind: ReferenceGrant", "spec: {to: []}", "has no to"},
		{"no rule of an Ingress", nginx, "kind: Ingress", "metadata: {annotations: {nginx.ingress.kubernetes.io/proxy-ssl-secret: null}}", `names Secret "", which no certificate makes`},
	} {
		tt.check(t)
	}
}

// TestPatchOfServicePorts: a port that the exposure names cannot be renamed or renumbered alone.
func TestPatchOfServicePorts(t *testing.T) {
	const service = "kind: Service, component: gateway"
	for _, tt := range []guardCase{
		{"renamed, below a policy", gatewayBase(t), service, "[{op: replace, path: /spec/ports/0/name, value: web}]", `BackendTLSPolicy restate/prod-gateway: leads to port "https"`},
		{"renumbered, below a route", gatewayBase(t), service, "[{op: replace, path: /spec/ports/0/port, value: 8443}]", `HTTPRoute restate/prod-gateway: leads to port "443"`},
		{"one more", gatewayBase(t), service, "[{op: add, path: /spec/ports/-, value: {name: more, port: 9102, targetPort: 9102}}]", ""},
	} {
		tt.check(t)
	}
}
