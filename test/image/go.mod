// This module runs the images under the hosts and limits that users give them. It is a module of its own because it needs a container engine:
// make image-test.
module github.com/restate-integration/restate-integration/test/image

go 1.26.0

require github.com/google/go-cmp v0.7.0
