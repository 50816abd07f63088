# One image for all programs: the operator (the default), the REST API, and the pods of executors.
# `make image` builds it with what there is: docker, podman or buildah, with or without a registry. See docs/image.md.
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS dependencies
# How pip reaches its packages is the business of who builds: a pip.conf may come in as a secret, and stays in no layer.
ENV PIP_CONFIG_FILE=/run/secrets/pip.conf PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# pip has a Python of its own, so that the one that is copied holds what runs and nothing else.
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/dkron
COPY requirements/build.txt requirements/image.txt requirements/
# Wheels alone: there is no compiler here, and none is needed.
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=certificates \
    /opt/build/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements/build.txt
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=certificates \
    /opt/build/bin/pip --python /opt/dkron/bin/python install --quiet --require-hashes --only-binary :all: \
      -r requirements/image.txt \
 # Most of the client's weight are models and calls that it imports when they are asked for. Nothing here asks.
 && cd /opt/dkron/lib/python3*/site-packages/kubernetes \
 && for part in client/api client/models aio/client/api aio/client/models; do \
      rm $part/[!_]* $part/__pycache__/[!_]* || exit 1; \
    done

FROM dependencies AS build
COPY . .
# Installed under a root of its own: the layer of a change of ours is small, that of the dependencies stays. What is
# imported at the end fails where something was left out, or the base lacks a library.
RUN /opt/build/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/build/bin/pip --python /opt/dkron/bin/python install --quiet --no-index --no-deps --root /own --no-warn-script-location /wheels/*.whl \
 && PYTHONPATH="$(echo /own/opt/dkron/lib/python3*/site-packages)" /opt/dkron/bin/python -c "import dkron_operator.main, dkron_api.main, dkron_tracing.sdk, grpc"

FROM ${BASE}
# Nothing is written at run time, not even bytecode: the root file system may be read-only.
ENV PATH=/opt/dkron/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=dependencies /opt/dkron /opt/dkron
COPY --from=build /own/opt/dkron /opt/dkron
ARG BASE
ARG VERSION=
LABEL org.opencontainers.image.title="dkron-operator" \
      org.opencontainers.image.description="Dkron jobs as Kubernetes custom resources: operator, REST API and executors" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.base.name="${BASE}"
# A number, so that Kubernetes can tell that it is not root. Any other one does as well.
USER 65532:65532
WORKDIR /
CMD ["dkron-operator"]
