"""
The Prefect server of this machine's user: started when PREFECT_API_URL names no other, with a database of its own,
and kept for the next command.
"""

import contextlib
import hashlib
import json
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from landbridge.endpoints import embedded, processes
from landbridge.errors import Terminal
from tasks.home import home

_STOP = ((signal.SIGTERM, 8.0), (signal.SIGKILL, 5.0))
_HEADER = "x-landbridge"
_ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True)
class Server:
    pid: int
    port: int

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def ui(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def folder() -> Path:
    return home() / "prefect"


def running() -> Server | None:
    """The server, if it runs and answers, its database too."""
    try:
        server = Server(**json.loads((folder() / "server.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return server if processes.alive(server.pid, _marker()) and _answers(server.port) else None


def ensure(starting: Callable[[], None] = lambda: None) -> Server:
    """The running server, or a new one; `starting` is called before the wait for a new one."""
    server = running()
    if server:
        return server
    with processes.locked(folder()):
        server = running()
        if server:
            return server
        starting()
        _end()
        return _start()


def stop() -> bool:
    """Stops server and database; False when neither was there."""
    if not folder().is_dir():
        return False
    with processes.locked(folder()):
        return _end()


def _end() -> bool:
    """Also ends what is left of a server that was killed or no longer answers."""
    pid = processes.number_in(folder() / "pid")
    was = pid is not None and processes.alive(pid, _marker())
    if pid is not None:
        processes.stop(pid, _marker(), _STOP)
    for name in ("pid", "server.json"):
        (folder() / name).unlink(missing_ok=True)
    database = embedded().running(folder() / "database")
    if database:
        database.stop()
    return was or database is not None


def _start() -> Server:
    made = folder() / "made"
    if not made.exists():
        embedded().remove(folder() / "database")
    log, said = folder() / "server.log", ""
    for _ in range(_ATTEMPTS):
        port = processes.choose_port(folder())
        offset = log.stat().st_size if log.exists() else 0
        server = Server(pid=processes.launch(_command(port), log, cwd=folder()), port=port)
        (folder() / "pid").write_text(str(server.pid))
        if _comes_up(server):
            _remember(server)
            made.touch()
            return server
        _end()
        said = processes.tail(processes.log_since(log, offset))
        if "address already in use" not in said:
            break
        (folder() / "port").unlink(missing_ok=True)
    raise Terminal(
        f"the local Prefect server did not start:\n{said}",
        mend=f"see its log {log}; or remove the folder {folder()} (it holds no progress of any migration); "
        "or name another server in PREFECT_API_URL",
    )


def _comes_up(server: Server) -> bool:
    return processes.wait(lambda: _answers(server.port), lambda: processes.alive(server.pid, _marker()))


def _remember(server: Server) -> None:
    (folder() / "port").write_text(str(server.port))
    part = folder() / "server.json.part"
    part.write_text(json.dumps(asdict(server)))
    part.rename(folder() / "server.json")


def _command(port: int) -> list[str]:
    """`env` sets the settings: none of the user's own for Prefect may reach this server."""
    dropped = [name for name in os.environ if name.startswith("PREFECT_")]
    dropped.append("PYTHONDONTWRITEBYTECODE")  # it would parse all of Prefect at each start
    unset = [part for name in dropped for part in ("-u", name)]
    settings = [f"{name}={value}" for name, value in _settings(port).items()]
    serve = ["-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--app-dir", ""]
    listen = ["--host", "127.0.0.1", "--port", str(port), "--timeout-keep-alive", "5", "--log-level", "error"]
    header = ["--header", _marker(), "--timeout-graceful-shutdown", "5"]
    return ["env", *unset, *settings, sys.executable, *serve, *listen, *header]


def _settings(port: int) -> Mapping[str, object]:
    database = embedded().start(folder() / "database", options=("synchronous_commit=off",))
    embedded().create_database(database, "prefect")
    return {
        "PREFECT_HOME": folder() / "home",
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": port,
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": embedded().url(database, "prefect", driver="asyncpg"),
        "PREFECT_SERVER_UI_API_URL": "/api",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": folder() / "ui",
        "PREFECT_SERVER_UI_V2_ENABLED": "false",  # its pages ask a host on the internet for their settings
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT__SERVER_FINAL": "1",
        "DO_NOT_TRACK": "1",
    }


def _marker() -> str:
    """Stands in the server's command line and in its answers, so that another program is never taken for it."""
    return f"{_HEADER}:{hashlib.sha256(os.fsencode(folder())).hexdigest()[:16]}"


def _answers(port: int) -> bool:
    """/api/ready also asks the database, /api/health does not."""
    with contextlib.suppress(OSError, urllib.error.URLError, ValueError):
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"http://127.0.0.1:{port}/api/ready", timeout=5) as answer:
            return f"{_HEADER}:{answer.headers.get(_HEADER)}" == _marker()
    return False
