# syntax=docker/dockerfile:1
# The first stage installs with pip. The second has no shell, no package manager and no root user. Both base images are
# Debian 12 with Python 3.11, so that the installed libraries run in the second stage. Give them by digest:
#   docker build $(sed 's/^/--build-arg /' deploy/images.env) .      (deploy/pin_images.py writes that file)
ARG BUILD_IMAGE
ARG RUNTIME_IMAGE

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes --target /opt/sodan -r requirements.lock
COPY service service
COPY mailrules mailrules
COPY migrations migrations
# remove the build tools; skip a file of olefile that is Python 2 and does not compile
RUN PYTHONPATH=/opt/sodan pip install --no-cache-dir --no-deps --no-build-isolation --target /opt/sodan . \
 && rm -rf /opt/sodan/bin /opt/sodan/hatchling* /opt/sodan/editables* /opt/sodan/packaging* /opt/sodan/pathspec* \
    /opt/sodan/pluggy* /opt/sodan/tomlkit* /opt/sodan/trove_classifiers* \
 && python -m compileall -q -x 'olefile/olefile2\.py' /opt/sodan \
 && mkdir /data

FROM ${RUNTIME_IMAGE}
LABEL org.opencontainers.image.title="sodan" \
      org.opencontainers.image.description="Email-driven case intake for IT teams between end users and vendor support" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/sodan /opt/sodan
COPY --from=build --chown=65532:65532 /data /data
ENV PYTHONPATH=/opt/sodan \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SODAN_DATABASE_URL=sqlite:////data/sodan.db \
    SODAN_SMTP_LISTEN=0.0.0.0:8025 \
    SODAN_HTTP_LISTEN=0.0.0.0:8080
USER 65532
WORKDIR /data
# all that is written: the root file system may be read-only (`docker run --read-only`)
VOLUME /data
EXPOSE 8025 8080
# Outside loopback the HTTP interface refuses to start without a token: `migrate`, then `token create NAME` first.
# `smtp` and `worker` alone have no HTTP: deploy/compose.yaml asks them otherwise.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["python3", "-m", "service"]
CMD ["serve"]
