# A peer in a container, for linux/amd64 and linux/arm64: every package with native code brings both.
# No image is built by the tests; they run these steps in a folder (test/pack.test.ts).
FROM node:24-bookworm-slim AS build
WORKDIR /opt/sotto
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts
COPY src ./src
COPY scripts ./scripts
RUN node scripts/build.ts

FROM node:24-bookworm-slim
WORKDIR /opt/sotto
COPY --from=build /opt/sotto/package.json ./
COPY --from=build /opt/sotto/node_modules ./node_modules
COPY --from=build /opt/sotto/dist ./dist
COPY --from=build /opt/sotto/scripts/launch.mjs /opt/sotto/scripts/sotto.mjs ./scripts/
RUN ln -s /opt/sotto/scripts/sotto.mjs /usr/local/bin/sotto \
 && chmod 755 /opt/sotto/scripts/sotto.mjs \
 && install -d -m 0700 -o node -g node /data
USER node
# Contacts have to know where it can be called: give --address, or SOTTO_ADDRESS.
ENV SOTTO_DATA_DIR=/data SOTTO_HOST=0.0.0.0 SOTTO_PORT=5000
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:5000/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["sotto"]
CMD ["up"]
