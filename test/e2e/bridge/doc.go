// SPDX-License-Identifier: Apache-2.0

// Package bridge runs the event bridge that the function generates: real Bento between a real nats-server, which has the generated
// account and streams, and a real Restate server behind a proxy that makes faults. What is counted is that no event is lost and none
// is handled twice.
//
// It is a module of its own, because nats-server would raise the dependencies of the other stages.
package bridge
