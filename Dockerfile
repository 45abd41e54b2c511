# The image of operator and relay: docker build -t registry.example.net/posthouse:0.1.0 .
# Pin the base by its digest: --build-arg NODE_DIGEST=sha256:...
ARG NODE_IMAGE=node:26.10.0-bookworm-slim
ARG NODE_DIGEST=

FROM ${NODE_IMAGE}${NODE_DIGEST:+@${NODE_DIGEST}} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Versions are those of the lock file. It names the optional packages of the platform that it was written on alone, which npm ci refuses.
RUN npm install --omit=dev --loglevel=error && npm cache clean --force

FROM ${NODE_IMAGE}${NODE_DIGEST:+@${NODE_DIGEST}}
LABEL org.opencontainers.image.title="Posthouse" \
      org.opencontainers.image.description="Mail relay infrastructure: an operator and a relay." \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY crds ./crds
COPY runtime ./runtime
COPY net ./net
COPY contract ./contract
COPY cluster ./cluster
COPY operator ./operator
COPY relay ./relay
COPY cli ./cli
# Short to type in kubectl exec.
RUN ln -s /app/cli/main.ts /usr/local/bin/posthouse && mkdir /var/lib/posthouse /app/.compiled && chown 1000:1000 /var/lib/posthouse /app/.compiled
USER 1000:1000
# Compiled once, here: a process starts a second sooner, and has no compiler in memory. All files of our own are: some are loaded late,
# by few settings. Node keeps users apart, and options that make other code, which those of the chart do not.
ENV NODE_COMPILE_CACHE=/app/.compiled
RUN files=$(find crds runtime net contract cluster operator relay cli -name "*.ts" ! -name "*.*.ts" ! -path "*/port-suite/*" ! -name main.ts ! -name generate.ts -printf 'import "./%p"; ') && \
    node cli/main.ts --help >/dev/null && node --input-type=module --eval "$files"
EXPOSE 25 465 587 2525 8025
ENTRYPOINT ["node", "/app/cli/main.ts"]
CMD ["--help"]
