# The image of the host, the same for every app: what an app runs is decided by its environment.
#
#   docker build --build-arg VYX_GIT_SHA="$(git rev-parse HEAD)" .

# The C compiler that SQLite and ring need is part of this image.
FROM rust:1.95.0-slim-bookworm AS toolchain
# Of rust-toolchain.toml the compiler is wanted and there; the lints and the target of the guests would be fetched for nothing.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /build

# The manifests, with an empty program in place of each target. What this stage hands on changes with the dependencies only, so
# the layer that compiles them is made anew only then.
FROM toolchain AS manifests
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -path './.cargo/*' \
        ! -path '*/src/lib.rs' ! -path '*/src/main.rs' ! -path '*/benches/*.rs' ! -path '*/examples/*.rs' -delete \
    && find . -type f -name '*.rs' -exec sh -c 'for file; do echo "fn main() { }" > "$file"; done' sh {} + \
    && find . -type d -empty -delete

FROM toolchain AS build
COPY --from=manifests /build .
RUN cargo build --locked --release -p vyx-host
COPY . .
# The host says it at every start and under /version. After the dependencies, which do not change with it.
ARG VYX_GIT_SHA=unknown
# Cargo goes by times, and the sources may be older than the empty programs. An empty program has no version to tell.
RUN find . -type f -name '*.rs' -exec touch {} + \
    && cargo build --locked --release -p vyx-host \
    && test -n "$(target/release/vyx --version)"

FROM debian:12-slim
# The volume holds files of this uid, so it must stay the same in every release. Nobody else may write to DATA_DIR: what lies
# there can make the host load machine code.
RUN groupadd --gid 10001 vyx \
    && useradd --uid 10001 --gid vyx --home-dir /data --no-create-home --no-log-init --shell /usr/sbin/nologin vyx \
    && install --directory --mode=0700 --owner=vyx --group=vyx /data
# TLS trusts the roots of the system.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /build/target/release/vyx /usr/local/bin/vyx
ARG VYX_GIT_SHA=unknown
LABEL org.opencontainers.image.revision=$VYX_GIT_SHA
ENV DATA_DIR=/data LOG_FORMAT=json
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
# In exec form, so that the signal reaches the host and not a shell that keeps it to itself.
CMD ["/usr/local/bin/vyx", "run"]
