// SPDX-License-Identifier: Apache-2.0

package v1alpha1

//go:generate sh -c "controller-gen crd paths=. output:crd:stdout > crd.yaml.tmp && mv crd.yaml.tmp crd.yaml"
//go:generate go run gen.go
