# No `syntax` line: it would have BuildKit fetch a frontend by a tag that moves, and the built-in one is enough.
# `make image` builds this. What is compiled, and how, is in deploy/image/build.sh.
#
# The base images are arguments, so that a build can pin them and use mirrors of its own. A release pins both by digest: it is
# given  --build-arg RUST_IMAGE=docker.io/library/rust:1.95.0-bookworm@sha256:…
# and    --build-arg RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot@sha256:…
#
# The runtime has glibc, libgcc, the roots of public certificate authorities and time zones; no shell and no package manager.
# A static build with musl would save 20 MB of image, but its resolver has no settings of /etc/nsswitch.conf, and aws-lc would
# need a C compiler for musl of each architecture. Both images are of
# Debian 12, so that the binary finds the glibc that it was linked with.
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

# On the architecture of the building machine, for that of the image.
FROM --platform=$BUILDPLATFORM ${RUST_IMAGE} AS build
ARG TARGETARCH
WORKDIR /src
COPY deploy/image/build.sh /build.sh
RUN /build.sh tools
# A layer for the dependencies, which an external cache can hold; cache mounts cannot leave the building machine.
COPY Cargo.toml Cargo.lock ./
COPY benches/Cargo.toml benches/
COPY tests/testbed/Cargo.toml tests/testbed/
RUN /build.sh dependencies
COPY . .
RUN /build.sh binary /aicore-registry-operator

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.0.0-dev
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=https://github.com/aicore-registry/aicore-registry-operator
LABEL org.opencontainers.image.title="aicore-registry-operator" \
      org.opencontainers.image.description="Keeps docker registry secrets in SAP AI Core up to date from Kubernetes Secrets" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.documentation="${SOURCE}/tree/main/docs" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY LICENSE /LICENSE
COPY --from=build /aicore-registry-operator /aicore-registry-operator
# Numeric, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/aicore-registry-operator"]
CMD ["run"]
