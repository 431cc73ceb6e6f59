# syntax=docker/dockerfile:1
# The base images are arguments, so that a build can pin digests or use mirrors of its own.
ARG RUST_IMAGE=rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${RUST_IMAGE} AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin aicore-registry-operator \
    && cp target/release/aicore-registry-operator /aicore-registry-operator

FROM ${RUNTIME_IMAGE}
COPY --from=build /aicore-registry-operator /aicore-registry-operator
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/aicore-registry-operator"]
CMD ["run"]
