# Two images from one file: `--target operator` and `--target serving`. docs/images.md says how they are built.
#
# The optional build secrets `pip` (a pip configuration) and `ca` (a CA bundle, /run/secrets/ca) are for networks that
# need them. They are mounted while pip runs and leave nothing in any layer.
ARG BASE=python:3.12.12-slim-bookworm

FROM ${BASE} AS python
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1


# What shall be installed, as two plain lists: an edit of pyproject.toml that leaves them alone installs nothing again.
FROM python AS requirements
WORKDIR /build
COPY pyproject.toml ./
RUN python3 -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
open('operator.txt', 'w').write('\n'.join(project['dependencies'])); \
open('serving.txt', 'w').write('\n'.join(project['optional-dependencies']['training']))"


FROM python AS builder
WORKDIR /build
# pip stays out of the images: it lives here and installs over there.
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/venv
COPY constraints.txt ./


FROM builder AS operator-dependencies
COPY --from=requirements /build/operator.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=ca \
    /opt/pip/bin/pip --python /opt/venv/bin/python install --no-compile -r operator.txt -c constraints.txt \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

FROM operator-dependencies AS operator-source
COPY pyproject.toml ./
COPY operator operator
# The description that pyproject.toml reads is of no use inside an image. The package gets a folder of its own, so that a
# change of the source is one small layer on top of the dependencies.
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=ca \
    touch README.md \
    && PIP_CONSTRAINT=constraints.txt /opt/pip/bin/pip --python /opt/venv/bin/python install \
       --no-compile --no-deps --target /opt/modelalias . \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/modelalias


FROM builder AS serving-dependencies
COPY --from=requirements /build/serving.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=ca \
    /opt/pip/bin/pip --python /opt/venv/bin/python install --no-compile -r serving.txt -c constraints.txt \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

FROM builder AS serving-source
COPY training /app/training
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app


# Nothing writes outside /tmp, so a pod may have a read-only root file system with an emptyDir there.
FROM python AS runtime
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp
WORKDIR /app
USER 65532:65532


FROM runtime AS operator
ENV PATH=/opt/modelalias/bin:$PATH \
    PYTHONPATH=/opt/modelalias
COPY --from=operator-dependencies /opt/venv /opt/venv
COPY --from=operator-source /opt/modelalias /opt/modelalias
ENTRYPOINT ["python", "-m", "modelalias"]


# Also the image of the demonstration's training jobs and of its MLflow server, so there is a command and no entry point.
FROM runtime AS serving
ENV PYTHONPATH=/app \
    GIT_PYTHON_REFRESH=quiet \
    MLFLOW_DISABLE_TELEMETRY=true
COPY --from=serving-dependencies /opt/venv /opt/venv
COPY --from=serving-source /app /app
CMD ["python", "-m", "training.serve"]
EXPOSE 8080
