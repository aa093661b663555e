"""One Prefect server for all tests here, in the home of the test session; small migrations, run in this process."""

import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import __main__ as cli
from flows.commands import prefect_server
from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.postgres import server as postgres
from landbridge.ledger import Approval
from landbridge.plan import Plan, read_plan
from tests.conftest import PostgresDatabases
from tests.support import postgres_connection, rows

SHOP = """
create table customers (id int primary key, name text not null unique);
create table orders (id serial primary key, customer int not null references customers, total numeric(12,2));
insert into customers select n, 'name ' || n from generate_series(1, 500) n;
insert into orders (customer, total) select n % 500 + 1, n / 7.0 from generate_series(1, 3000) n;
"""


@pytest.fixture(scope="session")
def prefect(landbridge_home: Path) -> Iterator[prefect_server.Server]:
    server = prefect_server.ensure()
    from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE, temporary_settings

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", server.api)
        with temporary_settings({PREFECT_API_URL: server.api, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: False}):
            yield server
            _say_what_is_left_to_say()
    prefect_server.stop()


def _say_what_is_left_to_say() -> None:
    """Else this process tries at its end, for minutes, to reach a server that is gone."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (APILogWorker, EventsWorker):
        worker.drain_all(timeout=20)


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Said]


@pytest.fixture
def landbridge(
    prefect: prefect_server.Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Runs a command line in this process."""

    def run(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["landbridge", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Said(int(ended.value.code or 0), *capsys.readouterr())

    before = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, before)


@dataclass(frozen=True)
class Shop:
    """A small migration from one server to another."""

    file: Path
    source: Callable[[], Any]
    target: Callable[[], Any]

    @property
    def plan(self) -> Plan:
        return read_plan(self.file)

    def sql(self, side: str, statement: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(getattr(self, side)()) as connection:
            return rows(connection, statement)

    def write(self, **changes: Any) -> None:
        self.file.write_text(yaml.safe_dump(yaml.safe_load(self.file.read_text()) | changes))

    def request(self, not_by: str = "") -> Approval:
        """The open request, once there is one, of another flow run than `not_by`."""
        engine = connect(self.plan.target).get(Connects).engine()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with engine.connect() as connection:
                run = ledger.find_run(connection, self.plan)
                found = None if run is None else ledger.latest_approval(connection, run.run, "cutover")
            if found is not None and found.state == "requested" and found.flow_run != not_by:
                return found
            time.sleep(0.1)
        raise AssertionError("nobody asked at the gate")


@pytest.fixture
def shop(
    postgres_server: postgres.Server,
    postgres_target_server: postgres.Server,
    postgres_database: PostgresDatabases,
    tmp_path: Path,
) -> Iterator[Shop]:
    servers = {"source": postgres_server, "target": postgres_target_server}
    databases = {side: postgres_database(server) for side, server in servers.items()}
    refs = {
        side: {"engine": "postgres", "host": at.host, "port": at.port, "user": at.user, "database": databases[side]}
        for side, at in servers.items()
    }
    file = tmp_path / "plan.yaml"
    name = databases["source"].replace("_", "-")
    file.write_text(yaml.safe_dump({"name": name, **refs, "tables": [{"include": "public.*"}]}))
    made = Shop(
        file=file,
        source=lambda: postgres_connection(postgres_server, databases["source"]),
        target=lambda: postgres_connection(postgres_target_server, databases["target"]),
    )
    made.sql("source", SHOP)
    yield made
    with contextlib.closing(postgres_connection(postgres_server)) as connection:
        rows(connection, f"alter database {databases['source']} reset default_transaction_read_only")


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Does something in another thread; its failure is the test's."""
    threads: list[threading.Thread] = []
    failures: list[BaseException] = []

    def start(action: Callable[[], None]) -> None:
        def act() -> None:
            try:
                action()
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        threads.append(threading.Thread(target=act, daemon=True))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert not failures, failures
