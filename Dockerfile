# One image with all programs in one static file, without a shell; the process runs as nobody. Whichever program it is, it listens
# on 8080. Writers accept each other's commands on 8090, which nobody else needs to reach. Metrics are on 9090, without credentials:
# publish that port to nobody but what scrapes it.
#
#   docker build --build-arg VERSION="$(git describe --tags --always)" -t passbook .
#   docker run -p 8080:8080 -v passbook:/data passbook                         the whole bank, embedded
#   docker run -p 8081:8080 -e AWS_REGION -e PASSBOOK_BUCKET passbook withdraw  one service, on AWS
#
# For both architectures, with a bill of materials and the provenance of the build:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --sbom=true --provenance=true --build-arg VERSION=... -t REGISTRY/passbook --push .
#
# compact, which keeps the events table, has a separate image, since it is larger than all others together:
#
#   docker build --target compact -t passbook-compact .
#   docker run -e AWS_REGION -e PASSBOOK_BUCKET passbook-compact --store aws --to TABLES --every 5m
#
# /app/modules.txt lists the modules in the program with their checksums, as `go version -m` reads them from it.
#
# It needs BuildKit, which Docker 23 and later use. Builds for release name the base by its digest: --build-arg BASE=golang@sha256:..., which
# `docker buildx imagetools inspect golang:1.26` prints. The tag below is for everything else.
ARG BASE=golang:1.26

# The build runs on the machine's own architecture and compiles for the image's.
FROM --platform=$BUILDPLATFORM $BASE AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ARG TARGETARCH
RUN make dist ARCHES=${TARGETARCH:-$(go env GOARCH)} VERSION="$VERSION" && mv bin/dist/* /app && mkdir /data

FROM build AS build-compact
ARG VERSION=dev
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=linux GOARCH=${TARGETARCH:-$(go env GOARCH)} go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /compact/compact ./cmd/compact && \
    go version -m /compact/compact >/compact/modules.txt

FROM scratch AS compact
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build-compact /compact /app
ENV PATH=/app PASSBOOK_DATA=/data PASSBOOK_METRICS_LISTEN=0.0.0.0:9090
USER 65532:65532
EXPOSE 9090
ENTRYPOINT ["compact"]

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /app /app
COPY --from=build --chown=65532:65532 /data /data
# Not the loopback interface that programs listen on by default, which cannot be reached from outside the container. A program
# stays under what --memory of docker run (or the limit of the pod) allows, less a fifth; without one, a quarter of the machine.
# Callers need an API key: the first start of the bank prints one, and `docker exec CONTAINER bank key create` makes others.
ENV PATH=/app PASSBOOK_DATA=/data PASSBOOK_LISTEN=0.0.0.0:8080 PASSBOOK_PEER_LISTEN=0.0.0.0:8090 PASSBOOK_METRICS_LISTEN=0.0.0.0:9090 PASSBOOK_AUTH=apikey TMPDIR=/data
USER 65532:65532
VOLUME /data
EXPOSE 8080 8090 9090
# For programs that serve; a job ends before its first failure counts.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["passbook", "healthcheck"]
CMD ["bank", "serve"]
