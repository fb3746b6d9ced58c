# SPDX-License-Identifier: Apache-2.0

# Two images, each a program and nothing else: the function, which a build without --target makes, and restate-integration-secrets.
# `make image` wraps a binary that was built outside: it gives its own folder in place of a build stage, so that no image is pulled.

# Needs Go, make and bash. From a mirror: --build-arg GO_IMAGE=mirror.example.com/golang:1.26.8
ARG GO_IMAGE=docker.io/library/golang:1.26.8

# On the machine's own architecture: Go compiles for the other one, without an emulator.
FROM --platform=$BUILDPLATFORM $GO_IMAGE AS source
# Where the build gets modules from; empty for the default of Go.
ARG GOPROXY=
ENV GOPROXY=$GOPROXY
WORKDIR /src
COPY . .

FROM source AS build
ARG TARGETARCH
ARG VERSION=dev
RUN make image-root ARCH=$TARGETARCH VERSION=$VERSION BIN=

FROM source AS build-secrets
ARG TARGETARCH
ARG VERSION=dev
RUN make image-root PROGRAM=restate-integration-secrets ARCH=$TARGETARCH VERSION=$VERSION BIN=

FROM scratch AS restate-integration-secrets
ARG TARGETARCH
ARG VERSION=dev
ARG SOURCE=https://github.com/restate-integration/restate-integration
LABEL org.opencontainers.image.title="restate-integration-secrets" \
      org.opencontainers.image.description="Seals, rotates and verifies the Secrets of a RestateIntegration" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build-secrets /image/restate-integration-secrets/$TARGETARCH/ /
USER 65534:65534
ENTRYPOINT ["/usr/local/bin/restate-integration-secrets"]

FROM scratch AS restate-integration
ARG TARGETARCH
ARG VERSION=dev
ARG SOURCE=https://github.com/restate-integration/restate-integration
LABEL org.opencontainers.image.title="restate-integration" \
      org.opencontainers.image.description="KRM function that expands a RestateIntegration into the Kubernetes objects that connect a cluster to Restate Cloud" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/restate-integration/$TARGETARCH/ /
# By number, so that Kubernetes can tell that it is not root; kustomize and kpt run it as the name nobody, which is in /etc/passwd.
USER 65534:65534
ENTRYPOINT ["/usr/local/bin/restate-integration"]
