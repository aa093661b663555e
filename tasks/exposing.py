"""The figures over HTTP, for Prometheus: /metrics, and /health for whoever restarts what stands still."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prefect.logging import get_run_logger

from landbridge import prometheus
from landbridge.errors import PlanError
from landbridge.figures import FRESH
from tasks.metering import Metering

_PATIENCE = 10
"""Seconds that a client may take over its request."""


@contextmanager
def exposing(metering: Metering, port: int | None) -> Iterator[int | None]:
    """The port in use; none without a port in the plan or given. 0 takes any that is free. Raises PlanError."""
    settings = metering.plan.metrics
    wanted = settings.port if port is None else port
    if wanted is None:
        yield None
        return
    try:
        server = ThreadingHTTPServer((settings.host, wanted), _handler(metering))
    except OSError as error:
        raise PlanError(
            f"metrics cannot be served on {settings.host}:{wanted}: {error.strerror}",
            mend="choose another metrics.port, or leave it out",
        ) from None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    get_run_logger().info("figures at http://%s:%d/metrics", settings.host, server.server_port)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _text(metering: Metering, figures: dict[str, Any] | None) -> str:
    return prometheus.text(metering.plan.name, metering.run, figures, frozenset(metering.alarms))


def _handler(metering: Metering) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE

        def do_GET(self) -> None:
            latest = metering.latest
            fresh = latest is not None and time.time() - latest.at < FRESH
            if self.path == "/metrics":
                figures = latest.as_dict() | {"running": True} if latest is not None and fresh else None
                self._say(200, _text(metering, figures), prometheus.CONTENT_TYPE)
            elif self.path == "/health":
                self._say(200 if fresh else 503, "ok\n" if fresh else "no figures\n", "text/plain")
            else:
                self._say(404, "see /metrics and /health\n", "text/plain")

        def _say(self, status: int, text: str, kind: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """A line a scrape would fill a log that is to stay small."""

    return Handler
