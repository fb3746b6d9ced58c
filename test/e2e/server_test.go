// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"

	"github.com/restate-integration/restate-integration/test/e2e/cluster"
)

// server is the control plane that all stages share.
var server *judge

// judge applies objects the way a careful pipeline does.
type judge struct {
	*cluster.Cluster
	client dynamic.Interface
	mapper meta.RESTMapper
	// folder has the CRDs; empty when there is none.
	folder string
}

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	bin := os.Getenv("E2E_BIN")
	if bin == "" {
		return 1, errors.New("E2E_BIN is not set: run make e2e, which builds the servers")
	}
	dir, err := os.MkdirTemp("", "restate-integration-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	c, err := cluster.Start(ctx, cluster.Binaries{
		Etcd:              filepath.Join(bin, "etcd"),
		APIServer:         filepath.Join(bin, "kube-apiserver"),
		ControllerManager: filepath.Join(bin, "kube-controller-manager"),
	}, dir)
	defer c.Stop()
	if err != nil {
		return 1, err
	}
	if server, err = newJudge(ctx, c); err != nil {
		return 1, err
	}
	code := m.Run()
	return code, printTotals(os.Stdout)
}

func newJudge(ctx context.Context, c *cluster.Cluster) (*judge, error) {
	client, err := dynamic.NewForConfig(c.Config)
	if err != nil {
		return nil, err
	}
	j := &judge{Cluster: c, client: client, folder: CRDFolder()}
	if j.folder == "" {
		fmt.Println("e2e: no folder with CRDs ($CRDS, ../shared/crds): custom resources are skipped by name")
		return j, j.refresh()
	}
	fmt.Println("e2e: CRDs from", filepath.Base(filepath.Dir(j.folder))+"/"+filepath.Base(j.folder))
	if err := j.refresh(); err != nil {
		return nil, err
	}
	for _, crd := range CRDs {
		files, err := crd.Files(j.folder)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if err := j.installCRD(ctx, file); err != nil {
				return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
			}
		}
	}
	return j, j.refresh()
}

func (j *judge) installCRD(ctx context.Context, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	objects, err := decode(data)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if _, err := j.apply(ctx, o); err != nil {
			return err
		}
		if err := j.established(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// established waits until the server serves the kind.
func (j *judge) established(ctx context.Context, crd *unstructured.Unstructured) error {
	client, err := j.resource(crd)
	if err != nil {
		return err
	}
	for range 100 {
		got, err := client.Get(ctx, crd.GetName(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		conditions, _, _ := unstructured.NestedSlice(got.Object, "status", "conditions")
		for _, c := range conditions {
			if c, ok := c.(map[string]any); ok && c["type"] == "Established" && c["status"] == "True" {
				return nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("not established")
}

// refresh asks the server anew which kinds it knows.
func (j *judge) refresh() error {
	client, err := discovery.NewDiscoveryClientForConfig(j.Config)
	if err != nil {
		return err
	}
	groups, err := restmapper.GetAPIGroupResources(client)
	if err != nil {
		return err
	}
	j.mapper = restmapper.NewDiscoveryRESTMapper(groups)
	return nil
}

func (j *judge) resource(o *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	gvk := o.GroupVersionKind()
	mapping, err := j.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return j.client.Resource(mapping.Resource).Namespace(o.GetNamespace()), nil
	}
	return j.client.Resource(mapping.Resource), nil
}

// fieldManager owns what the tests apply.
const fieldManager = "restate-integration-e2e"

// apply is a server-side apply in which unknown and duplicate fields are errors.
func (j *judge) apply(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	client, err := j.resource(o)
	if err != nil {
		return nil, err
	}
	data, err := o.MarshalJSON()
	if err != nil {
		return nil, err
	}
	force := true
	return client.Patch(ctx, o.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{
		FieldManager: fieldManager, FieldValidation: metav1.FieldValidationStrict, Force: &force,
	})
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
