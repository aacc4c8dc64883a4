# Two images from one file: `--target operator` and `--target serving`. docs/images.md says how they are built.
#
# The optional build secrets `pip` (a pip configuration) and `ca` (a CA bundle, /run/secrets/ca) are for networks that
# need them. They are mounted while pip runs and leave nothing in any layer.
ARG BASE=python:3.12.12-slim-bookworm

FROM ${BASE} AS python
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1


# What shall be installed, as two plain lists, the operator's with what the dashboard needs, which is deployed from the same
# image, and with what tells people in chats: an edit of pyproject.toml that leaves them alone installs nothing again.
FROM python AS requirements
WORKDIR /build
COPY pyproject.toml ./
RUN python3 -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
extras = project['optional-dependencies']; \
open('operator.txt', 'w').write('\n'.join(project['dependencies'] + extras['dashboard'] + extras['notify'])); \
open('serving.txt', 'w').write('\n'.join(extras['training']))" \
    # buildah's cache looks at file times too
    && touch -d @0 operator.txt serving.txt


# The images grow on their dependencies and do not copy them from a builder: hashing a gigabyte at each build is slow.
# pip only lives while the step runs. Bytecode is made once, here, and never compared with file times later: nothing can
# be written when a pod starts.
FROM python AS operator-dependencies
COPY constraints.txt /opt/requirements/
COPY --from=requirements /build/operator.txt /opt/requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip --mount=type=secret,id=ca \
    python3 -m venv --without-pip /opt/venv && python3 -m venv /tmp/pip \
    && PIP_CONFIG_FILE=/run/secrets/pip /tmp/pip/bin/pip --python /opt/venv/bin/python install \
       --no-compile -r /opt/requirements/operator.txt -c /opt/requirements/constraints.txt \
    && rm -r /tmp/pip \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

FROM operator-dependencies AS operator-source
WORKDIR /build
COPY pyproject.toml ./
COPY operator operator
# The description that pyproject.toml reads is of no use inside an image. The package gets a folder of its own, so that a
# change of the source is one small layer on top of the dependencies.
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip --mount=type=secret,id=ca \
    touch README.md && python3 -m venv /tmp/pip \
    && PIP_CONFIG_FILE=/run/secrets/pip PIP_CONSTRAINT=/opt/requirements/constraints.txt \
       /tmp/pip/bin/pip --python /opt/venv/bin/python install --no-compile --no-deps --target /opt/modelalias . \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/modelalias


FROM python AS serving-dependencies
COPY constraints.txt /opt/requirements/
COPY --from=requirements /build/serving.txt /opt/requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip --mount=type=secret,id=ca \
    python3 -m venv --without-pip /opt/venv && python3 -m venv /tmp/pip \
    && PIP_CONFIG_FILE=/run/secrets/pip /tmp/pip/bin/pip --python /opt/venv/bin/python install \
       --no-compile -r /opt/requirements/serving.txt -c /opt/requirements/constraints.txt \
    && rm -r /tmp/pip \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

FROM python AS serving-source
COPY training /app/training
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app


# Nothing in either image writes outside /tmp, so a pod may have a read-only root file system and an emptyDir there.
FROM operator-dependencies AS operator
ENV PATH=/opt/modelalias/bin:/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/modelalias \
    HOME=/tmp
COPY --from=operator-source /opt/modelalias /opt/modelalias
WORKDIR /opt/modelalias
USER 65532:65532
ENTRYPOINT ["python", "-m", "modelalias"]
# last, so that another label builds no layer again
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="modelalias operator" \
      org.opencontainers.image.description="Promotes MLflow models by alias in Kubernetes; with its dashboard and command line." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"


# Also the image of the demonstration's training jobs and of its MLflow server, so there is a command and no entry point.
FROM serving-dependencies AS serving
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    HOME=/tmp \
    GIT_PYTHON_REFRESH=quiet \
    MLFLOW_DISABLE_TELEMETRY=true
COPY --from=serving-source /app /app
WORKDIR /app
USER 65532:65532
CMD ["python", "-m", "training.serve"]
EXPOSE 8080
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="modelalias serving" \
      org.opencontainers.image.description="Full MLflow and the example pipelines of modelalias: training, serving, a tracking server." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
