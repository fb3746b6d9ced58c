// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/x509"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// pod is what the kubelet makes of a Deployment's template: files below root, which stands for the root of the container's file system,
// and the arguments of the container. Nothing in it is known from elsewhere than the generated objects.
type pod struct {
	t    testing.TB
	root string
	// config has the files of the ConfigMap. A case may change them before they are written; they still have the container's paths.
	config map[string]map[string]any
	args   []string
	// address takes the place of 0.0.0.0 and 127.0.0.1, so that many gateways have the same ports side by side.
	address   string
	container corev1.Container
	volumes   []*volume
	// secrets are the Secrets of the namespace.
	secrets map[string]map[string][]byte
	// prefixes are the paths that are moved below root.
	prefixes []string
}

// systemCAs is the bundle of Envoy's image. The CA of the run's public servers takes its place.
const systemCAs = "/etc/ssl/certs/ca-certificates.crt"

func newPod(t testing.TB, objects []object, d appsv1.Deployment, secrets map[string]map[string][]byte) *pod {
	t.Helper()
	spec := d.Spec.Template.Spec
	p := &pod{t: t, root: t.TempDir(), container: spec.Containers[0], args: slices.Clone(spec.Containers[0].Args), address: nextAddress(), secrets: secrets}
	p.config = map[string]map[string]any{}
	for _, mount := range p.container.VolumeMounts {
		at := slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })
		if at < 0 || mount.SubPath != "" {
			t.Fatalf("volume %s is not there, or mounted by subPath, which is never updated", mount.Name)
		}
		v, err := newVolume(filepath.Join(p.root, mount.MountPath), spec.Volumes[at])
		if err != nil {
			t.Fatal(err)
		}
		p.volumes, p.prefixes = append(p.volumes, v), append(p.prefixes, mount.MountPath)
		if !v.secret {
			for name, text := range configMap(t, objects, v.source) {
				var file map[string]any
				if err := yaml.UnmarshalStrict([]byte(text), &file); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				p.config[name] = file
			}
		}
	}
	p.prefixes = append(p.prefixes, systemCAs)
	return p
}

// addresses counts the loopback addresses that were given out.
var addresses atomic.Uint32

// nextAddress is one of 127.0.0.0/8 that no other gateway of this run has, and no other run that has another process id.
func nextAddress() string {
	id := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 1+id%250, 1+id/250%250, 1+(addresses.Add(1)-1)%250)
}

// write lays out the files: those of the ConfigMap moved below root, and those of the Secrets.
func (p *pod) write(publicCA []byte) {
	p.t.Helper()
	p.mkfile(systemCAs, publicCA)
	for _, v := range p.volumes {
		if err := v.project(p.data(v)); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *pod) mkfile(path string, data []byte) {
	p.t.Helper()
	path = filepath.Join(p.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pod) data(v *volume) map[string][]byte {
	if v.secret {
		return p.secrets[v.source]
	}
	out := map[string][]byte{}
	for name, file := range p.config {
		out[name] = []byte(marshal(p.t, p.moved(file)))
	}
	return out
}

// update changes keys of a Secret, and then the files of the volumes that have it, as the kubelet does.
func (p *pod) update(secret string, keys map[string][]byte) {
	p.t.Helper()
	if p.secrets[secret] == nil {
		p.t.Fatalf("no Secret %s", secret)
	}
	maps.Copy(p.secrets[secret], keys)
	for _, v := range p.volumes {
		if v.secret && v.source == secret {
			if err := v.project(p.secrets[secret]); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

// arguments are those of the container, with the configuration below root.
func (p *pod) arguments() []string {
	var out []string
	for _, arg := range p.args {
		out = append(out, p.movedText(arg))
	}
	return out
}

// moved is a copy of a part of the configuration with paths below root, and listening on the pod's address.
func (p *pod) moved(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			out[key] = p.moved(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = p.moved(value)
		}
		return out
	case string:
		return p.movedText(v)
	}
	return v
}

func (p *pod) movedText(s string) string {
	if s == "0.0.0.0" || s == "127.0.0.1" {
		return p.address
	}
	for _, prefix := range p.prefixes {
		if s == prefix || strings.HasPrefix(s, prefix+"/") {
			return p.root + s
		}
	}
	return s
}

// port is that of the container by its name.
func (p *pod) port(name string) int32 {
	p.t.Helper()
	for _, port := range p.container.Ports {
		if port.Name == name {
			return port.ContainerPort
		}
	}
	p.t.Fatalf("the container has no port %s", name)
	return 0
}

// issued are the Secrets that cert-manager makes for the Certificates.
func issued(ca *authority, certs []certificate) map[string]map[string][]byte {
	out := map[string]map[string][]byte{}
	for _, c := range certs {
		p := ca.issue(usageOf(c), c.Spec.DNSNames)
		out[c.Spec.SecretName] = map[string][]byte{corev1.TLSCertKey: p.certPEM, corev1.TLSPrivateKeyKey: p.keyPEM, corev1.ServiceAccountRootCAKey: ca.pem()}
	}
	return out
}

func usageOf(c certificate) []x509.ExtKeyUsage {
	if slices.Contains(c.Spec.Usages, "client auth") {
		return clientAuth
	}
	return serverAuth
}

// filled adds the Secrets that users make. What belongs into a key is told by the name of the file that it becomes in the pod.
func filled(t testing.TB, secrets map[string]map[string][]byte, d appsv1.Deployment, contents map[string][]byte) {
	t.Helper()
	for _, v := range d.Spec.Template.Spec.Volumes {
		if v.Secret == nil {
			continue
		}
		for _, item := range v.Secret.Items {
			data := secrets[v.Secret.SecretName]
			if data[item.Key] != nil {
				continue
			}
			value, found := contents[item.Path]
			if !found {
				t.Fatalf("what is file %s of volume %s?", item.Path, v.Name)
			}
			if data == nil {
				data = map[string][]byte{}
				secrets[v.Secret.SecretName] = data
			}
			data[item.Key] = value
		}
	}
}
