# One image for all programs: the operator (the default), the REST API, and the pods of executors.
# `make image` builds it with docker, podman or buildah, with or without a registry. See docs/image.md.
# The base is pinned only here; `make pin-base` reads the current digest from the registry and writes it.
ARG BASE=docker.io/library/python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${BASE} AS dependencies
# The builder configures how pip finds packages: pip.conf may be passed as a secret, which no layer keeps.
ENV PIP_CONFIG_FILE=/run/secrets/pip.conf PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# pip has a Python of its own, so that the one that is copied holds what runs and nothing else.
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/dkron
COPY requirements/build.txt requirements/image.txt requirements/
# Only wheels: the stage has no compiler and needs none.
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=certificates \
    /opt/build/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements/build.txt
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=certificates \
    /opt/build/bin/pip --python /opt/dkron/bin/python install --quiet --require-hashes --only-binary :all: --no-compile \
      -r requirements/image.txt
COPY hack/image/trim.py .
RUN python3 trim.py dependencies /opt/dkron

FROM dependencies AS build
COPY . .
# Installed under a root of its own: a change of ours makes a small layer, and the layer of the dependencies stays. The
# import at the end fails where something was left out, or the base lacks a library.
RUN /opt/build/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/build/bin/pip --python /opt/dkron/bin/python install --quiet --no-index --no-deps --no-compile --root /own \
      --no-warn-script-location /wheels/*.whl \
 && python3 trim.py compile /own/opt/dkron /opt/dkron \
 && cd /own/opt/dkron/lib/python3*/site-packages \
 && PYTHONPATH="$PWD" /opt/dkron/bin/python -c "import dkron_operator.main, dkron_api.main, dkron_cli.main, dkron_archive.opening, dkron_archive.migrating, aiosqlite, dkron_runtime.tracing.sdk, grpc"

FROM ${BASE} AS system
COPY hack/image/trim.py /
RUN python3 /trim.py system

FROM scratch
# The programs write nothing at run time, not even bytecode: the root file system may be read-only.
ENV PATH=/opt/dkron/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Three layers, by how often they change.
COPY --from=system / /
COPY --from=dependencies /opt/dkron /opt/dkron
COPY --from=build /own/opt/dkron /opt/dkron
# What changes with each build (version, commit, base) is added by `make image`, see hack/image/building.py.
LABEL org.opencontainers.image.title="dkron-operator" \
      org.opencontainers.image.description="Dkron jobs as Kubernetes custom resources: operator, REST API and executors" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The dkron-operator authors" \
      org.opencontainers.image.url="https://dkron-operator.github.io/dkron-operator/" \
      org.opencontainers.image.documentation="https://dkron-operator.github.io/dkron-operator/" \
      org.opencontainers.image.source="https://github.com/dkron-operator/dkron-operator"
# A number, so that Kubernetes can check that it is not root. Any other number works as well.
USER 65532:65532
WORKDIR /
CMD ["dkron-operator"]
