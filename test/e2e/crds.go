// SPDX-License-Identifier: Apache-2.0

// Package e2e judges the function's output by the real servers that will meet it.
package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// CRDSet is the CustomResourceDefinitions of one upstream project. The files themselves are other projects' and are not committed.
type CRDSet struct {
	// Folder below the CRD folder, with the files of one project.
	Folder string
	// Source and Version say where the files come from: a Go module where there is one, else a repository, and a folder in it.
	Source, Version, Path string
	// Module says that Source is a Go module, so that the module proxy has the files too.
	Module bool
	// Names are what the server gets; the projects have more.
	Names []string
}

// CRDs lists what the generated kinds need.
var CRDs = []CRDSet{
	{
		Folder: "restate", Source: "github.com/restatedev/restate-operator", Version: "v3.1.0", Path: "crd",
		Names: []string{"restatecloudenvironments.restate.dev", "restatedeployments.restate.dev"},
	},
	{
		Folder: "cert-manager", Source: "github.com/cert-manager/cert-manager", Version: "v1.21.2", Path: "deploy/crds", Module: true,
		Names: []string{"certificates.cert-manager.io"},
	},
	{
		Folder: "step-issuer", Source: "github.com/smallstep/step-issuer", Version: "v0.12.0", Path: "config/crd/bases", Module: true,
		Names: []string{"stepclusterissuers.certmanager.step.sm", "stepissuers.certmanager.step.sm"},
	},
	{
		Folder: "gateway-api", Source: "sigs.k8s.io/gateway-api", Version: "v1.7.0", Path: "config/crd/standard", Module: true,
		Names: []string{
			"backendtlspolicies.gateway.networking.k8s.io", "gatewayclasses.gateway.networking.k8s.io", "gateways.gateway.networking.k8s.io",
			"grpcroutes.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io", "listenersets.gateway.networking.k8s.io",
			"referencegrants.gateway.networking.k8s.io", "tcproutes.gateway.networking.k8s.io", "tlsroutes.gateway.networking.k8s.io",
			"udproutes.gateway.networking.k8s.io",
		},
	},
	{
		Folder: "envoy-gateway", Source: "github.com/envoyproxy/gateway", Version: "v1.9.1",
		Path: "charts/gateway-helm/charts/crds/crds/generated", Module: true,
		Names: []string{
			"backends.gateway.envoyproxy.io", "backendtrafficpolicies.gateway.envoyproxy.io", "clienttrafficpolicies.gateway.envoyproxy.io",
			"httproutefilters.gateway.envoyproxy.io", "securitypolicies.gateway.envoyproxy.io",
		},
	},
	{
		Folder: "monitoring", Source: "github.com/prometheus-operator/prometheus-operator", Version: "v0.93.0",
		Path: "example/prometheus-operator-crd", Module: true,
		Names: []string{"podmonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com", "servicemonitors.monitoring.coreos.com"},
	},
	{
		Folder: "nack", Source: "github.com/nats-io/nack", Version: "v0.22.4", Path: "deploy", Module: true,
		Names: []string{
			"accounts.jetstream.nats.io", "consumers.jetstream.nats.io", "keyvalues.jetstream.nats.io", "objectstores.jetstream.nats.io",
			"streams.jetstream.nats.io", "streamtemplates.jetstream.nats.io",
		},
	},
	{
		Folder: "nauth", Source: "github.com/WirelessCar/nauth", Version: "v0.7.3", Path: "charts/nauth-crds/crds",
		Names: []string{
			"accountexports.nauth.io", "accountimports.nauth.io", "accounts.nauth.io", "accountsigningkeys.nauth.io",
			"natsclusters.nauth.io", "users.nauth.io",
		},
	},
	{
		// The module of the repository github.com/wasmCloud/wasmCloud, folder runtime-operator.
		Folder: "wasmcloud", Source: "go.wasmcloud.dev/runtime-operator/v2", Version: "v2.7.0", Path: "config/crd/bases", Module: true,
		Names: []string{
			"artifacts.runtime.wasmcloud.dev", "hosts.runtime.wasmcloud.dev", "workloaddeployments.runtime.wasmcloud.dev",
			"workloadreplicasets.runtime.wasmcloud.dev", "workloads.runtime.wasmcloud.dev",
		},
	},
}

func (s CRDSet) String() string { return s.Folder + " " + s.Version }

// Groups are the API groups of the set.
func (s CRDSet) Groups() []string {
	var groups []string
	for _, name := range s.Names {
		_, group, _ := strings.Cut(name, ".")
		groups = append(groups, group)
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// CRDFolder is the folder that has the files: $CRDS, else the one beside the project. It is empty when there is none, which an empty
// folder in $CRDS says too.
func CRDFolder() (string, error) {
	if dir := os.Getenv("CRDS"); dir != "" {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return "", fmt.Errorf("CRDS must name a folder: %w", err)
		}
		if len(entries) == 0 {
			return "", nil
		}
		return dir, nil
	}
	beside := filepath.Join("..", "..", "..", "shared", "crds")
	if _, err := os.Stat(beside); err != nil {
		return "", nil
	}
	return beside, nil
}

// FromFolder reads the set below the CRD folder.
func (s CRDSet) FromFolder(folder string) ([]*unstructured.Unstructured, error) {
	return s.read(os.DirFS(filepath.Join(folder, s.Folder)))
}

// FromModule reads the set out of the zip of its module, which download finds.
func (s CRDSet) FromModule(ctx context.Context, download Download) ([]*unstructured.Unstructured, error) {
	if !s.Module {
		return nil, errors.New("no Go module has it")
	}
	file, err := download(ctx, s.Source, s.Version)
	if err != nil {
		return nil, err
	}
	files, err := zip.OpenReader(file)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	folder, err := fs.Sub(files, path.Join(s.Source+"@"+s.Version, s.Path))
	if err != nil {
		return nil, err
	}
	return s.read(folder)
}

// read finds the named definitions. Files have the ending yaml or yml.
func (s CRDSet) read(folder fs.FS) ([]*unstructured.Unstructured, error) {
	files, err := fs.Glob(folder, "*.y*ml")
	if err != nil {
		return nil, err
	}
	found := map[string]*unstructured.Unstructured{}
	for _, file := range files {
		data, err := fs.ReadFile(folder, file)
		if err != nil {
			return nil, err
		}
		objects, err := decode(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, o := range objects {
			if o.GetKind() == "CustomResourceDefinition" {
				found[o.GetName()] = o
			}
		}
	}
	var out []*unstructured.Unstructured
	for _, name := range s.Names {
		if found[name] == nil {
			return nil, fmt.Errorf("%s has no %s", s, name)
		}
		out = append(out, found[name])
	}
	return out, nil
}

// Download returns the zip of a version of a Go module.
type Download func(ctx context.Context, module, version string) (string, error)

// GoModDownload asks the module proxy, unless the module cache has the zip. It has been compared with the checksum database.
func GoModDownload(ctx context.Context, module, version string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module+"@"+version)
	cmd.Dir = os.TempDir() // the module is none of ours
	out, failed := cmd.Output()
	var got struct{ Zip, Error string }
	if err := json.Unmarshal(out, &got); err != nil {
		return "", errors.Join(failed, err)
	}
	// A module that needs a newer Go is an error with a zip. Nothing of it is built here.
	if got.Zip == "" {
		return "", errors.New(strings.Join(strings.Fields(got.Error), " "))
	}
	return got.Zip, nil
}

// decode reads a stream of YAML documents.
func decode(data []byte) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	var out []*unstructured.Unstructured
	for {
		o := &unstructured.Unstructured{}
		switch err := decoder.Decode(&o.Object); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		case len(o.Object) > 0:
			out = append(out, o)
		}
	}
}
