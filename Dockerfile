# The build stage bundles the service (rolldown.config.ts); the runtime stage holds only what runs. All production dependencies
# are installed there, although most are bundled: the rest is loaded from node_modules, and vulnerability scanners read it.
FROM node:26-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && chmod -R a+rX bin dist package.json


FROM node:26-trixie-slim

WORKDIR /app
COPY --from=build /app/package.json /app/package-lock.json /app/.npmrc ./
# npm itself stays out: what is not there needs no updates, and runs nothing for an intruder.
RUN npm ci --ignore-scripts --omit=dev --no-audit --no-fund && npm cache clean --force \
    && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
       /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-* /usr/local/include /root/.npm
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

# After all layers, so that another revision rebuilds none of them.
# x-release-please-start-version
ARG VERSION=0.1.0
# x-release-please-end
ARG REVISION=unknown
# RFC 3339; the default marks an image whose builder did not say.
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=
# As in server.json: by this label the MCP registry knows that the image is the publisher's.
ARG MCP_NAME=io.github.OWNER/azure-image-editor-mcp
LABEL io.modelcontextprotocol.server.name="${MCP_NAME}" \
      org.opencontainers.image.title="azure-image-editor-mcp" \
      org.opencontainers.image.description="MCP server and JSON-RPC API that generates and edits images with the models of Azure AI Foundry" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="docker.io/library/node:26-trixie-slim"

# Arguments are flags of the service: docker run IMAGE --check. The script sets Node's permission flags from the variables.
ENTRYPOINT ["/bin/sh", "bin/entrypoint.sh"]
CMD []
