# The loop and the page: coincast watch, coincast serve. docs/watch.md says how they are run.
#
#   docker build -t coincast .
#   docker run -d -v coincast:/data coincast watch /app/examples/live.toml
#
# No key and no token is part of the image: the loop reads public candles, and the page makes its token at its first start
# and keeps it in the volume.

FROM python:3.11.14-slim-bookworm AS build

WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
# The Python and the packages that constraints.txt was resolved for.
RUN python -m venv /opt/coincast \
    && /opt/coincast/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt '.[exchange,web]'

FROM python:3.11.14-slim-bookworm

# A user without rights and without a shell; all that is kept lies in /data, which is his.
RUN useradd --system --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin coincast \
    && install --directory --owner coincast --group coincast --mode 0700 /data

COPY --from=build /opt/coincast /opt/coincast
COPY examples /app/examples

ENV PATH=/opt/coincast/bin:$PATH \
    COINCAST_HOME=/data \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MPLCONFIGDIR=/tmp/matplotlib

USER coincast
WORKDIR /data
VOLUME /data
EXPOSE 8351

# The loop writes its health file into the volume every second. In the container of the page this tells of the loop, too.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "-m", "coincast.live.watch.health"]

# What `docker stop` sends; the loop ends cleanly at it.
STOPSIGNAL SIGTERM
ENTRYPOINT ["coincast"]
CMD ["watch", "/app/examples/live.toml"]
