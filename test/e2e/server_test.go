// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
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
	// crds are the definitions that the server has.
	crds []*unstructured.Unstructured
	// unjudged has the API groups whose definitions could not be had, and their set.
	unjudged map[string]string
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
	j := &judge{Cluster: c, client: client, unjudged: map[string]string{}}
	if err := j.findCRDs(ctx); err != nil {
		return nil, err
	}
	if err := j.refresh(); err != nil {
		return nil, err
	}
	if err := j.installCRDs(ctx); err != nil {
		return nil, err
	}
	return j, j.refresh()
}

// findCRDs reads every set, and prints which source it used. What the CRD folder does not have is an error; what no module has leaves
// kinds that are not judged.
func (j *judge) findCRDs(ctx context.Context) error {
	folder, err := CRDFolder()
	if err != nil {
		return err
	}
	for _, set := range CRDs {
		var found []*unstructured.Unstructured
		source := "from " + folder
		if folder != "" {
			found, err = set.FromFolder(folder)
		} else {
			source = "out of the Go module " + set.Source
			found, err = set.FromModule(ctx, GoModDownload)
		}
		switch {
		case err == nil:
			fmt.Printf("e2e: CRDs: %s %s\n", set, source)
			j.crds = append(j.crds, found...)
		case folder != "":
			return fmt.Errorf("CRDs: %s: %w", set, err)
		default:
			fmt.Printf("e2e: CRDs: %s could not be had, its kinds are not judged: %v\n", set, err)
			for _, group := range set.Groups() {
				j.unjudged[group] = set.String()
			}
		}
	}
	return nil
}

// installCRDs applies all definitions, then waits for all of them. What the server warns about is upstream's; it must not be counted
// against a case.
func (j *judge) installCRDs(ctx context.Context) error {
	for _, crd := range j.crds {
		if _, err := j.apply(ctx, crd); err != nil {
			return fmt.Errorf("%s: %w", crd.GetName(), err)
		}
		for _, warning := range j.Warnings.Take() {
			fmt.Printf("e2e: CRDs: the server warns about %s: %s\n", crd.GetName(), warning)
		}
	}
	for _, crd := range j.crds {
		if err := j.established(ctx, crd); err != nil {
			return fmt.Errorf("%s: %w", crd.GetName(), err)
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

// apply is a server-side apply that takes what others own.
func (j *judge) apply(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return j.applyAs(ctx, o, fieldManager, true)
}

// applyAs is a server-side apply in which unknown and duplicate fields are errors and, without force, fields that others own.
func (j *judge) applyAs(ctx context.Context, o *unstructured.Unstructured, manager string, force bool) (*unstructured.Unstructured, error) {
	client, err := j.resource(o)
	if err != nil {
		return nil, err
	}
	data, err := o.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return client.Patch(ctx, o.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{
		FieldManager: manager, FieldValidation: metav1.FieldValidationStrict, Force: &force,
	})
}
