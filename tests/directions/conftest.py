"""Whole migrations on real servers: one home and one Prefect server for all of them, stopped when the tests are over."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from landbridge.endpoints.mysql import server as mysql
from tests.directions.commandline import CommandLine
from tests.directions.stage import End, Stage

_numbers = itertools.count(1)

MakeStage = Callable[..., Stage]


@pytest.fixture(scope="session")
def landbridge(landbridge_home: Path, session_folder: Path) -> Iterator[CommandLine]:
    """The command line. At the end nothing that any command wrote or said may hold a password."""
    said = session_folder / "said"
    said.mkdir()
    commands = CommandLine(landbridge_home, said)
    yield commands
    stopped = commands.run("server", "stop")
    assert stopped.code == 0, stopped
    assert commands.leaks() == [], "a password stands in these files"


@pytest.fixture
def make_stage(
    request: pytest.FixtureRequest,
    session_folder: Path,
    landbridge_home: Path,
    mysql_database: Callable[..., str],
    postgres_database: Callable[..., str],
) -> Iterator[MakeStage]:
    """`make_stage(server, schemas)`: empty databases on the source server and on the target, accounts made."""
    stages: list[Stage] = []

    def make(server: Any, schemas: dict[str, str] | None = None) -> Stage:
        ours = isinstance(server, mysql.Server)
        name = mysql_database(server) if ours else postgres_database(server)
        source = End(engine="mysql" if ours else "postgres", server=server, database=name, variable="SOURCE_PASSWORD")
        target_server = request.getfixturevalue("postgres_target_server")
        target_name = postgres_database(target_server)
        target = End(engine="postgres", server=target_server, database=target_name, variable="TARGET_PASSWORD")
        for end in (source, target):
            end.prepare()
        folder = session_folder / f"plan-{next(_numbers)}"
        folder.mkdir()
        stages.append(Stage(source=source, target=target, schemas=schemas or {name: name}, folder=folder))
        return stages[-1]

    yield make
    if getattr(request.node, "failed", False):
        for stage in stages:
            print(stage.evidence())
        for crash in (landbridge_home / "crashes").glob("*"):
            print(crash.read_text())
    for stage in stages:
        stage.source.thaw()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Tells the fixtures above whether the test failed."""
    outcome: Any = yield
    if outcome.get_result().failed:
        item.failed = True  # type: ignore[attr-defined]
