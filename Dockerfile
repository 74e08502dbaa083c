# One file for all images of docker-compose.yml: `app` for Plumbline's own processes, and `consul`, `ceph` and
# `hypervisor` for the parts that have to be what tools/stack runs on Debian 12. Everything comes from the archives that
# the base image is configured for, and from the npm registry that npm is configured for.

FROM node:20-bookworm-slim AS base
WORKDIR /plumbline
# One user everywhere, so that what containers share (sockets, keys) needs no rights for strangers. Volumes take over
# the owner of the folders that they cover.
RUN install -d -o node -g node /var/lib/plumbline /run/plumbline /etc/plumbline

# Alone, so that the modules are installed anew only when one of these files has changed.
FROM base AS manifests
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete && find . -type d -empty -delete

# Without install scripts: none is needed on this platform, and one reports the installation to its maker.
FROM base AS build
COPY --from=manifests /plumbline ./
RUN npm ci --ignore-scripts --no-progress
COPY . .
RUN npm run build \
 && npm prune --omit=dev --ignore-scripts --no-progress \
 && find apps libs tools -type d -name src -prune -exec rm -rf {} + \
 && rm -rf .nx

# Every process of Plumbline; which one, the command says: api, ceph-worker, qemu-worker, billing-worker, scrubber.
FROM base AS app
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends librbd1 librados2 libjemalloc2 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /plumbline ./
USER node
# Each container has a name of its own for logs and boots, however many there are of a service.
ENTRYPOINT ["sh", "-c", "PLUMBLINE_NAME=\"$0-$HOSTNAME\" exec node --max-semi-space-size=8 --heap-growing-percent=100 \"apps/$0/dist/main.js\""]

FROM base AS part
COPY --from=build /plumbline/tools/stack ./tools/stack
ENTRYPOINT ["node", "tools/stack/dist/main.js"]

# Debian 12 has no Consul; that of Debian 11 is one static program. tools/stack fetches it as it does on a bare machine.
FROM part AS consul-fetched
RUN node tools/stack/dist/main.js obtain consul

FROM part AS consul
COPY --from=consul-fetched /plumbline/.plumbline/cache/consul/consul /usr/local/bin/consul
USER node

FROM part AS ceph
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends ceph-mon ceph-osd ceph-mgr ceph-common \
 && rm -rf /var/lib/apt/lists/*
USER node

# The kernel is unpacked, not installed, and packed with busybox into the guest that both VMs boot.
FROM part AS guest
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends busybox-static cpio \
 && node tools/stack/dist/main.js obtain guest \
 && rm -rf .plumbline/cache/apt

FROM part AS hypervisor
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends qemu-system-x86 qemu-block-extra \
 && rm -rf /var/lib/apt/lists/*
COPY --from=guest /plumbline/.plumbline/cache ./.plumbline/cache
USER node
