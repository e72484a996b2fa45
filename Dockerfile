# The image holds Node and what `npm run build` makes: no shell, no package manager, no package. It runs as nobody in
# particular (65532), needs no write access to its file system, and is started as `docker run watchkeeper run --help`.
#
# Tags move. To pin what you build from, give both images by digest:
#   docker build --build-arg NODE_IMAGE=node:24-trixie-slim@sha256:... \
#     --build-arg RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot@sha256:... .
ARG NODE_IMAGE=node:24-trixie-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

# The bundle is the same for every platform, so it is built on the builder's own.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json LICENSE ./
COPY scripts scripts
COPY src src
RUN npm run build

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Watchkeeper" \
      org.opencontainers.image.description="Keeps labels and annotations as WatchPolicy resources say, and reports what breaks a rule." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
COPY --from=build /src/dist/ ./
ENV NODE_ENV=production
USER 65532:65532
EXPOSE 8080
# Regular expressions that backtrack without end, deep in some package, fall back to an engine that cannot. Short-lived
# objects get 2 MiB a half-space instead of 16: buffers are let go sooner, and the whole heap need not be looked at for them.
ENTRYPOINT ["/nodejs/bin/node", "--enable-experimental-regexp-engine-on-excessive-backtracks", "--max-semi-space-size=2", "/app/watchkeeper.js"]
CMD ["run"]
