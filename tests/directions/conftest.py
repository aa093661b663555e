"""Whole migrations on real servers: one home and one Prefect server for all of them, stopped when the tests are over."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

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

    def end(server: Any, variable: Literal["SOURCE_PASSWORD", "TARGET_PASSWORD"]) -> End:
        if isinstance(server, mysql.Server):
            return End(engine="mysql", server=server, database=mysql_database(server), variable=variable)
        return End(engine="postgres", server=server, database=postgres_database(server), variable=variable)

    def make(server: Any, schemas: dict[str, str] | None = None, target: str = "postgres_target_server") -> Stage:
        source = end(server, "SOURCE_PASSWORD")
        target_end = end(request.getfixturevalue(target), "TARGET_PASSWORD")
        for each in (source, target_end):
            each.prepare()
        folder = session_folder / f"plan-{next(_numbers)}"
        folder.mkdir()
        name = source.database
        stages.append(Stage(source=source, target=target_end, schemas=schemas or {name: name}, folder=folder))
        return stages[-1]

    yield make
    if getattr(request.node, "failed", False):
        for stage in stages:
            print(stage.evidence())
        for crash in (landbridge_home / "crashes").glob("*"):
            print(crash.read_text())
    for stage in stages:
        stage.source.thaw()
        stage.target.thaw()  # the way back closes it


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Tells the fixtures above whether the test failed."""
    outcome: Any = yield
    if outcome.get_result().failed:
        item.failed = True  # type: ignore[attr-defined]
