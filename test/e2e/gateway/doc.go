// SPDX-License-Identifier: Apache-2.0

// Package gateway runs the gateway that the function generates: the real Envoy, with the files of the Deployment's volumes laid out as
// the kubelet does, between clients with certificates of a CA of the run and a stand-in for Restate Cloud, behind which a real Restate
// server answers. Certificates, keys and tokens are made for each run.
//
// It is a module of its own, because Envoy's API would raise the dependencies of the other stages.
package gateway
