# syntax=docker/dockerfile:1
# One image a program: `docker build --target order-service .`; all of them: scripts/build-docker-images.sh.

FROM rust:1.95.0-slim-bookworm AS build
# librdkafka is built from its source, and speaks TLS by the system's OpenSSL.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ libssl-dev make perl pkg-config python3 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The features that a cloud needs: TLS to Kafka and an AWS identity there, Google's storage without a key, traces, and Amazon's and
# Stripe's services.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist \
      -p analytics-service -p api-gateway -p notification-service -p order-analytics -p order-service \
      -p payment-service -p product-service -p user-service \
      --features analytics-service/otlp,analytics-service/msk-iam,api-gateway/otlp \
      --features notification-service/otlp,notification-service/msk-iam \
      --features notification-service/sns,notification-service/dynamodb,notification-service/lambda \
      --features order-analytics/otlp,order-analytics/msk-iam,order-analytics/gcp-federation \
      --features order-service/otlp,order-service/msk-iam \
      --features payment-service/otlp,payment-service/msk-iam,payment-service/stripe,product-service/otlp \
      --features user-service/otlp,user-service/msk-iam,user-service/dynamodb \
    && install -D -t /out target/dist/analytics-service target/dist/api-gateway target/dist/bootstrap \
      target/dist/notification-service target/dist/order-analytics target/dist/order-service \
      target/dist/payment-service target/dist/product-service target/dist/user-service

# No image: the notification function's program, which scripts/function-archive packs for AWS Lambda.
FROM scratch AS notification-function
COPY --from=build /out/bootstrap /

# What every program runs on: the C library, OpenSSL, the authorities that clouds are known by, and a user who owns nothing.
FROM debian:bookworm-slim AS runtime
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libssl3 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 weir \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin weir
LABEL org.opencontainers.image.title="Weir" \
      org.opencontainers.image.description="An e-commerce platform with a stream at its heart" \
      org.opencontainers.image.licenses="Apache-2.0"
# Whoever scrapes is not in the container.
ENV METRICS_ADDR=0.0.0.0:9090
USER 10001:10001
WORKDIR /tmp

FROM runtime AS analytics-service
COPY --from=build /out/analytics-service /usr/local/bin/
EXPOSE 50055 8005 9090
ENTRYPOINT ["analytics-service"]

FROM runtime AS api-gateway
COPY --from=build /out/api-gateway /usr/local/bin/
EXPOSE 8080 9090
ENTRYPOINT ["api-gateway"]

FROM runtime AS notification-service
COPY --from=build /out/notification-service /usr/local/bin/
EXPOSE 9090
ENTRYPOINT ["notification-service"]

FROM runtime AS order-analytics
ENV ORDER_ANALYTICS_HTTP_ADDR=0.0.0.0:9090
COPY --from=build /out/order-analytics /usr/local/bin/
EXPOSE 9090
ENTRYPOINT ["order-analytics"]
CMD ["run"]

FROM runtime AS order-service
COPY --from=build /out/order-service /usr/local/bin/
EXPOSE 50053 8003 9090
ENTRYPOINT ["order-service"]

FROM runtime AS payment-service
COPY --from=build /out/payment-service /usr/local/bin/
EXPOSE 50054 8004 9090
ENTRYPOINT ["payment-service"]

FROM runtime AS product-service
COPY --from=build /out/product-service /usr/local/bin/
EXPOSE 50052 8001 9090
ENTRYPOINT ["product-service"]

FROM runtime AS user-service
COPY --from=build /out/user-service /usr/local/bin/
EXPOSE 50051 9090
ENTRYPOINT ["user-service"]
