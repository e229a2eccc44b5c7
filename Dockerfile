FROM rust:1-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY src src
COPY migrations migrations
COPY tests tests
COPY benches benches
RUN cargo build --profile dist --locked --bin satkeep

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/satkeep satkeep \
    && chmod 0700 /var/lib/satkeep
COPY --from=build /build/target/dist/satkeep /usr/local/bin/satkeep
USER satkeep
WORKDIR /var/lib/satkeep
VOLUME /var/lib/satkeep
ENV SATKEEP_LISTEN=0.0.0.0:5001 \
    SATKEEP_DATA_DIR=/var/lib/satkeep
EXPOSE 5001
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD curl --fail --silent --output /dev/null http://127.0.0.1:5001/api/v1/health/ready
ENTRYPOINT ["satkeep"]
CMD ["serve"]
