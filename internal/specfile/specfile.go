// SPDX-License-Identifier: Apache-2.0

// Package specfile reads the RestateIntegration of a YAML file, for the commands that are given one. The function gets it from its
// host instead, as an item.
package specfile

import (
	"errors"
	"fmt"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/restate-integration/restate-integration/api/v1alpha1"
	"github.com/restate-integration/restate-integration/internal/diag"
	"github.com/restate-integration/restate-integration/internal/source"
	"github.com/restate-integration/restate-integration/internal/yamldoc"
)

// maxFile is the size limit of the file, in bytes: that of one RestateIntegration.
const maxFile = 1 << 20

// Read returns the one RestateIntegration among the documents of the file. Everything that does not fit its type is among the
// findings, and left out of what is returned; they have no Subject. The error is about a file from which nothing can be read.
func Read(data []byte) (*v1alpha1.RestateIntegration, []diag.Diagnostic, error) {
	if len(data) > maxFile {
		return nil, nil, errors.New("must be at most 1 MiB in size")
	}
	all, err := yamldoc.Parse(data)
	if err != nil {
		return nil, nil, err
	}
	docs := slices.DeleteFunc(yamldoc.Roots(all), func(n *yaml.Node) bool { return yamldoc.Text(n, "kind") != v1alpha1.Kind })
	if len(docs) != 1 {
		return nil, nil, fmt.Errorf("must hold one %s, and holds %d", v1alpha1.Kind, len(docs))
	}
	if version := yamldoc.Text(docs[0], "apiVersion"); version != v1alpha1.APIVersion {
		return nil, []diag.Diagnostic{{Code: diag.UnknownValue, Path: "apiVersion", Value: version, Message: "must be " + v1alpha1.APIVersion}}, nil
	}
	in := &v1alpha1.RestateIntegration{}
	doc, ds := source.Read(docs[0], in)
	doc.Sort(ds)
	return in, ds, nil
}
