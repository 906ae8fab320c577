# One image with all programs, static and without a shell; the process runs as nobody. Whichever it is, it listens on 8080.
# Writers take each other's commands on 8090, which nobody else needs to reach.
#
#   docker build --build-arg VERSION="$(git describe --tags --always)" -t passbook .
#   docker run -p 8080:8080 -v passbook:/data passbook                         the whole bank, embedded
#   docker run -p 8081:8080 -e AWS_REGION -e PASSBOOK_BUCKET passbook withdraw  one service, on AWS
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /app/ \
    ./cmd/bank ./cmd/withdraw ./cmd/credit ./cmd/balance ./cmd/creditlimit ./cmd/archiver ./cmd/replay ./cmd/audit
RUN mkdir /data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /app /app
COPY --from=build --chown=65532:65532 /data /data
# not the loopback interface that programs listen on by default, which nobody outside of the container reaches
# a program takes what --memory of docker run (or the limit of the pod) allows, less a fifth; without one a quarter of the machine
ENV PATH=/app PASSBOOK_DATA=/data PASSBOOK_LISTEN=0.0.0.0:8080 PASSBOOK_PEER_LISTEN=0.0.0.0:8090 TMPDIR=/data
USER 65532:65532
VOLUME /data
EXPOSE 8080 8090
CMD ["bank", "serve"]
