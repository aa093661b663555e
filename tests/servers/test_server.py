"""Private servers of both engines: the same life for each, killed, cut short and started twice."""

import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.server import account
from landbridge.errors import MigrationError
from tests.conftest import PREFIX, ROOT, clear, missing
from tests.support import mysql_connection, postgres_connection, rows

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs a server as somebody else")


@dataclass(frozen=True)
class Engine:
    module: Any
    connect: Callable[..., Any]
    settings: dict[str, Any]

    def start(self, folder: Path, **more: Any) -> Any:
        return self.module.start(folder, **self.settings, **more)

    def answers(self, server: Any) -> bool:
        with contextlib.closing(self.connect(server)) as connection:
            return rows(connection, "SELECT 1") == [(1,)]


@pytest.fixture(params=["postgres", "mariadb", "mysql"])
def engine(request: pytest.FixtureRequest, server_templates: Path) -> Engine:
    if request.param == "postgres":
        return Engine(postgres, postgres_connection, {"options": ["fsync=off"]})
    program = mysql.find(request.param)
    if program is None:
        missing(f"a {request.param} server")
    return Engine(mysql, mysql_connection, {"program": program, "template": server_templates})


@pytest.fixture
def shared_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Instead of /var/tmp, which keeps the copies of programs that nobody may otherwise reach."""
    place = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    place.chmod(0o755)
    monkeypatch.setattr(account, "_SHARED_PLACE", place)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def folder() -> Iterator[Path]:
    top = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    top.chmod(0o755)
    yield top / "server-1"
    clear(top)


def keep_a_row(engine: Engine, server: Any) -> None:
    engine.module.create_database(server, "kept")
    connection = engine.connect(server, "kept")
    rows(connection, "CREATE TABLE t (n INT PRIMARY KEY)")
    rows(connection, "INSERT INTO t VALUES (42)")
    connection.close()


def kept_rows(engine: Engine, server: Any) -> list[tuple[Any, ...]]:
    connection = engine.connect(server, "kept")
    try:
        return rows(connection, "SELECT n FROM t")
    finally:
        connection.close()


def test_data_and_port_outlive_a_stop_and_a_kill(engine: Engine, folder: Path) -> None:
    first = engine.start(folder)
    keep_a_row(engine, first)
    assert engine.start(folder) == first, "a running server is returned as it is"
    assert engine.module.running(folder) == first

    first.stop()
    assert engine.module.running(folder) is None
    first.stop()  # stopping a stopped server is nothing
    second = engine.start(folder)
    assert (second.port, kept_rows(engine, second)) == (first.port, [(42,)])

    os.kill(second.pid, signal.SIGKILL)
    third = engine.start(folder)
    assert third.pid != second.pid
    assert kept_rows(engine, third) == [(42,)]


def test_another_process_can_stop_what_one_started(engine: Engine, folder: Path) -> None:
    """The starter ends at once; its server must not end with it, and is found again through the folder alone."""
    code = "import sys; from pathlib import Path\n"
    code += f"from {engine.module.__name__} import start; start(Path(sys.argv[1]), program=Path(sys.argv[2]))"
    program = engine.settings.get("program") or postgres.find()
    subprocess.run([sys.executable, "-c", code, folder, program], check=True, cwd=ROOT)
    server = engine.module.running(folder)
    assert server is not None
    assert engine.answers(server)
    server.stop()
    assert engine.module.running(folder) is None


def test_data_left_half_made_is_made_anew(engine: Engine, folder: Path) -> None:
    for leftover in ("data.part", "data"):
        (folder / leftover / "base").mkdir(parents=True)
        (folder / leftover / "base" / "junk").write_text("cut short")
    server = engine.start(folder)
    assert engine.answers(server)
    assert not (folder / "data.part").exists()
    assert not (folder / "data" / "base" / "junk").exists()


def test_a_pid_file_that_names_another_process_is_not_believed(engine: Engine, folder: Path) -> None:
    server = engine.start(folder)
    server.stop()
    pid_file = folder / ("data/postmaster.pid" if engine.module is postgres else "pid")
    pid_file.write_text(f"{os.getpid()}\n{folder}/data\n0\n{server.port}\n\n127.0.0.1\n")
    assert engine.module.running(folder) is None
    assert engine.answers(engine.start(folder))


def test_two_starts_at_once_give_one_server(engine: Engine, folder: Path) -> None:
    started: list[Any] = []
    threads = [threading.Thread(target=lambda: started.append(engine.start(folder))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 3
    assert len(set(started)) == 1


def test_a_taken_port_is_an_error_that_names_it(engine: Engine, folder: Path) -> None:
    first = engine.start(folder)
    with pytest.raises(MigrationError, match=str(first.port)):
        engine.start(folder.with_name("server-2"), port=first.port)


def test_a_setting_nobody_knows_is_an_error_with_the_log(folder: Path) -> None:
    with pytest.raises(MigrationError, match="no_such_setting") as caught:
        postgres.start(folder, options=["no_such_setting=1"])
    assert str(folder / "server.log") in caught.value.mend


def test_a_long_folder_is_no_hindrance(engine: Engine, folder: Path) -> None:
    deep = folder / ("deep" * 30)
    server = engine.start(deep)
    assert engine.answers(server)
    engine.module.remove(deep)
    assert not deep.exists()


@as_root
@pytest.mark.parametrize("place", ["reachable", "hidden"])
@pytest.mark.parametrize("version", [None, "16"])
def test_root_without_namespaces_runs_it_as_nobody(
    version: str | None, place: str, shared_place: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What most containers allow. `hidden` data lies under a folder that only root may enter, as /root is."""
    programs = postgres.find(version) or missing(f"PostgreSQL {version}")
    monkeypatch.setenv("LANDBRIDGE_POSTGRES_AS", "nobody")
    if place == "hidden":
        folder.parent.chmod(0o700)
    server = postgres.start(folder, program=programs)
    assert Path(f"/proc/{server.pid}").stat().st_uid == account.NOBODY
    data = (folder / "data").resolve()
    assert data.is_relative_to(folder) == (place == "reachable")
    postgres.remove(folder)
    assert not data.exists()
    assert not list(shared_place.glob("landbridge-data-*"))


@as_root
@pytest.mark.usefixtures("shared_place")
def test_data_follows_when_the_account_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(postgres, postgres_connection, {})
    keep_a_row(engine, postgres.start(folder))
    for asked in ("nobody", "namespace"):
        found = postgres.running(folder)
        assert found is not None
        found.stop()
        monkeypatch.setenv("LANDBRIDGE_POSTGRES_AS", asked)
        assert kept_rows(engine, postgres.start(folder)) == [(42,)]


def as_ordinary_user(code: str, *arguments: Path) -> int:
    """Our own Python may lie where only root may enter; the system's takes our packages when it is the same release."""
    account = {"user": 1000, "group": 1000, "extra_groups": [], "env": {"PYTHONPATH": os.pathsep.join(sys.path)}}
    for python in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(PermissionError, FileNotFoundError):
            command = [python, "-B", "-c", code, *arguments]
            return subprocess.run(command, check=False, cwd=ROOT, **account).returncode
    return 1


@as_root
@pytest.mark.parametrize("name", ["postgres", "mysql"])
def test_an_ordinary_user_needs_nothing_special(name: str, folder: Path) -> None:
    module = importlib.import_module(f"landbridge.endpoints.{name}.server")
    program = module.find()
    if program is None:
        missing(f"a {name} server")
    probe = f"import sys, os, {module.__name__}; sys.exit(not os.access(sys.argv[1], os.X_OK))"
    if as_ordinary_user(probe, program):
        pytest.skip("the server's programs, this checkout or its Python lie where only root may enter")
    folder.mkdir()
    os.chown(folder, 1000, 1000)
    code = f"import sys; from {module.__name__} import *; start(Path(sys.argv[1]), program=Path(sys.argv[2])).stop()"
    assert as_ordinary_user(code, folder, program) == 0
    assert (folder / "data").stat().st_uid == 1000


@pytest.mark.parametrize("version", ["10.11", "11", "9"])
def test_find_gives_the_version_asked_for(version: str) -> None:
    program = mysql.find(version)
    if program is None:
        missing(f"a server of version {version}")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    assert f"Ver {version}." in said


def test_find_knows_what_is_not_there() -> None:
    assert mysql.find("3.23") is None
    assert postgres.find("7") is None
