# The build stage bundles the service (rolldown.config.ts); the runtime stage holds only what runs. All production dependencies
# are installed there, although most are bundled: the rest is loaded from node_modules, and vulnerability scanners read it.
FROM node:26-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && chmod -R a+rX bin dist package.json


FROM node:26-bookworm-slim

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="azure-image-editor-mcp" \
      org.opencontainers.image.description="MCP server and JSON-RPC API that generates and edits images with the models of Azure AI Foundry" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/node:26-bookworm-slim"

WORKDIR /app
COPY --from=build /app/package.json /app/package-lock.json /app/.npmrc ./
RUN npm ci --ignore-scripts --omit=dev --no-audit --no-fund && npm cache clean --force
COPY --from=build /app/bin ./bin
COPY --from=build /app/dist ./dist

# World-writable with the sticky bit, like /tmp, so that any --user can write here. A mounted volume brings its own owner.
RUN install -d -o 1000 -g 1000 -m 1777 images logs

# By default glibc keeps freed memory per thread, hundreds of megabytes after hostile images. These return large blocks
# to the system (docs/performance.md).
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=1048576 \
    MALLOC_TRIM_THRESHOLD_=1048576 \
    MCP_SERVER_HOST=0.0.0.0 \
    MCP_SERVER_PORT=8000 \
    IMAGES_DIR=/app/images \
    LOG_DIR=/app/logs \
    LOG_FORMAT=json

# A number, because Kubernetes' runAsNonRoot cannot resolve names; 1000 is the image's "node".
USER 1000:1000
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=5s --retries=3 CMD ["node", "bin/healthcheck.js"]

# Arguments are flags of the service: docker run IMAGE --check. The script sets Node's permission flags from the variables.
ENTRYPOINT ["/bin/sh", "bin/entrypoint.sh"]
CMD []
