# syntax=docker/dockerfile:1
# Two stages: the first has pip and a compiler, the second only Python, the locked libraries and sodan.

FROM python:3.13-slim-trixie AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md ./
RUN python -m venv /opt/sodan \
 && /opt/sodan/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY service service
COPY mailrules mailrules
COPY migrations migrations
RUN /opt/sodan/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/sodan/bin/pip uninstall --yes pip hatchling editables

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title="sodan" \
      org.opencontainers.image.description="Email-driven case intake for IT teams between end users and vendor support" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin sodan \
 && install --directory --owner=sodan --group=sodan /data
COPY --from=build /opt/sodan /opt/sodan
ENV PATH=/opt/sodan/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SODAN_DATABASE_URL=sqlite:////data/sodan.db \
    SODAN_SMTP_LISTEN=0.0.0.0:8025 \
    SODAN_HTTP_LISTEN=0.0.0.0:8080
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8025 8080
# Outside loopback the HTTP interface refuses to start without a token: `sodan token create NAME` first.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["sodan"]
CMD ["serve"]
