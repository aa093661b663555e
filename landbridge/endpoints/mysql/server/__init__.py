"""A private MySQL or MariaDB in a folder of its own, for demonstrations and tests."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pymysql

from landbridge.endpoints import processes
from landbridge.endpoints.mysql.server import install
from landbridge.errors import Terminal, Unsupported

_STOP = ((signal.SIGTERM, 60.0), (signal.SIGKILL, 10.0))
_ATTEMPTS = 5
_SETTINGS = (
    "--bind-address=127.0.0.1",
    "--binlog-row-image=FULL",
    "--binlog-row-metadata=FULL",
    "--local-infile=1",
    "--innodb-buffer-pool-size=128M",
)


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
        if _socket(self.folder).parent != self.folder:
            shutil.rmtree(_socket(self.folder).parent, ignore_errors=True)


def find(version: str | None = None) -> Path | None:
    """
    The server program to use. `version` is how its version starts ("10.11", "9"), or a flavour: "mariadb", "mysql".
    LANDBRIDGE_MYSQL_SERVER names one; then PATH and /usr/sbin are searched, then what the tests' script unpacked.
    """
    private = Path(os.environ.get("LANDBRIDGE_SERVERS") or Path.home() / ".cache/landbridge/servers")
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))
    named = os.environ.get("LANDBRIDGE_MYSQL_SERVER")
    on_path = [Path(found) for name in ("mariadbd", "mysqld") if (found := shutil.which(name, path=path))]
    unpacked = [*sorted(private.glob("*/w/mariadbd"), reverse=True), *sorted(private.glob("*/w/mysqld"), reverse=True)]
    candidates = [*([Path(named)] if named else []), *on_path, *unpacked]
    return next((program for program in candidates if _is(program, version)), None)


def _is(program: Path, version: str | None) -> bool:
    if not program.is_file():
        return False
    try:
        found = install.release(program)
    except Terminal:
        return False
    return version in (None, found.flavour) or f"{found.version}.".startswith(f"{version}.")


def start(
    folder: Path,
    *,
    port: int | None = None,
    program: Path | None = None,
    options: Sequence[str] = (),
    template: Path | None = None,
) -> Server:
    """
    Starts the server whose data `folder` holds, or a new one; returns it when it takes connections. One that runs
    already is returned as it is. `options` are its command line's. `template` is a folder that keeps new data folders,
    one per release, to be copied: starting from one takes a second, from nothing four.
    """
    folder = folder.resolve()
    with processes.locked(folder):
        already = running(folder)
        if already:
            return already
        programs = install.locate(program or _found())
        _initialise(folder, programs, template)
        return _launch(folder, port, programs, options)


def _found() -> Path:
    program = find()
    if program is None:
        raise Unsupported(
            "no MySQL or MariaDB server program found on PATH or in /usr/sbin",
            mend="install mariadb-server-core or mysql-server-core, or name a program in LANDBRIDGE_MYSQL_SERVER",
        )
    return program


def _marker(folder: Path) -> str:
    return f"--datadir={folder / 'data'}"


def running(folder: Path) -> Server | None:
    """The folder's server, whoever started it, if it runs."""
    folder = folder.resolve()
    pid, port = processes.number_in(folder / "pid"), processes.number_in(folder / "port")
    if pid and port and processes.alive(pid, _marker(folder)) and _wait_until_ready(folder, pid, port):
        return _server(folder, pid, port)
    return None


def _server(folder: Path, pid: int, port: int) -> Server:
    return Server(folder=folder, host="127.0.0.1", port=port, user="root", password="", pid=pid)


def _socket(folder: Path) -> Path:
    """A socket's path may have 107 bytes at most, so a long folder's socket lies in a short one."""
    if len(os.fsencode(folder / "socket")) < 100:
        return folder / "socket"
    name = f"landbridge-{os.geteuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    return Path(tempfile.gettempdir()) / name / "socket"


def _initialise(folder: Path, programs: install.Install, template: Path | None) -> None:
    """Makes the data beside its final place: a folder named `data` is always a whole one."""
    if (folder / "data" / "mysql").is_dir():
        return
    part = folder / "data.part"
    shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(folder / "data", ignore_errors=True)
    if template is None:
        install.make_data(programs, part, folder)
    else:
        subprocess.run(["cp", "-a", str(_template(programs, template)), str(part)], check=True)
        (part / "auto.cnf").unlink(missing_ok=True)  # it holds the server's uuid, which no two servers may share
    part.rename(folder / "data")


def _template(programs: install.Install, templates: Path) -> Path:
    folder = templates / f"{programs.release.flavour}-{programs.release.version}"
    with processes.locked(folder):
        if not (folder / "data").is_dir():
            shutil.rmtree(folder / "data.part", ignore_errors=True)
            install.make_data(programs, folder / "data.part", folder)
            (folder / "data.part").rename(folder / "data")
    return folder / "data"


def _launch(folder: Path, port: int | None, programs: install.Install, options: Sequence[str]) -> Server:
    log, said = folder / "server.log", ""
    _socket(folder).parent.mkdir(mode=0o700, exist_ok=True)
    (folder / "tmp").mkdir(exist_ok=True)
    for _ in range(_ATTEMPTS):
        chosen = port or processes.choose_port(folder)
        offset = log.stat().st_size if log.exists() else 0
        (folder / "port").write_text(str(chosen))
        pid = processes.launch(_command(folder, chosen, programs, options), log, cwd=folder)
        (folder / "pid").write_text(str(pid))
        if _wait_until_ready(folder, pid, chosen):
            return _server(folder, pid, chosen)
        said = processes.log_since(log, offset)
        if "Address already in use" not in said or port:
            break
        (folder / "port").unlink()
    raise Terminal(
        f"the server in {folder} did not start on port {chosen}:\n{processes.tail(said)}",
        mend=f"put right what its log says ({log}), then start again",
    )


def _command(folder: Path, port: int, programs: install.Install, options: Sequence[str]) -> list[str]:
    own = [
        *programs.arguments(folder / "data"),
        f"--tmpdir={folder / 'tmp'}",
        f"--port={port}",
        f"--socket={_socket(folder)}",
        f"--pid-file={folder / 'pid'}",
        f"--log-bin={folder / 'data' / 'binlog'}",
        f"--server-id={port}",
    ]
    if programs.release.flavour == "mariadb":
        flavour = ["--binlog-format=ROW", "--gtid-strict-mode=ON", "--log-slave-updates=ON"]
    else:
        flavour = ["--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--mysqlx=OFF"]
    return [str(programs.program), *own, *_SETTINGS, *flavour, *options]


def _wait_until_ready(folder: Path, pid: int, port: int) -> bool:
    if processes.wait(lambda: _answers(folder, port), lambda: processes.alive(pid, _marker(folder))):
        return True
    processes.stop(pid, _marker(folder), _STOP)
    return False


def _answers(folder: Path, port: int) -> bool:
    """Whether the server on `port` is this folder's: ours may be failing to get a port that another one holds."""
    try:
        connection = pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=5)
    except (pymysql.Error, OSError):
        return False
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT @@datadir")
        row = cursor.fetchone()
        return row is not None and Path(str(row[0])).resolve() == (folder / "data").resolve()


def remove(folder: Path) -> None:
    """Stops the folder's server, if it runs, and deletes the folder and all its data."""
    folder = folder.resolve()
    if not folder.is_dir():
        return
    with processes.locked(folder):
        pid = processes.number_in(folder / "pid")
        if pid:
            _server(folder, pid, 0).stop()
    shutil.rmtree(folder, ignore_errors=True)


def url(server: Server, database: str, driver: str = "pymysql") -> str:
    login = quote(server.user) + (f":{quote(server.password, safe='')}" if server.password else "")
    return f"mysql+{driver}://{login}@{server.host}:{server.port}/{quote(database, safe='')}"


def create_database(server: Server, name: str) -> None:
    """Creates the database unless it is there."""
    escaped = name.replace("`", "``")
    connection = pymysql.connect(host=server.host, port=server.port, user=server.user, password=server.password)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{escaped}` CHARACTER SET utf8mb4")
