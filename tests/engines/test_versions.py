"""Every version of every server as source and as target: load, change stream and checksums of one ordinary table."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.engines.sweep import Sweep, of_mysql, of_postgres

NEWEST = ("postgres18", "mysql9", "mariadb11")
OLDER = ("postgres14", "postgres15", "postgres16", "postgres17", "mariadb10")
SERVERS = {
    "postgres18": "postgres_server", "mysql9": "mysql_server", "mariadb11": "mariadb11_server", "mariadb10": "mariadb_server",
}  # fmt: skip
SHORT = [(old, "postgres18") for old in OLDER] + [("postgres18", old) for old in OLDER]


@pytest.fixture
def carry(
    request: pytest.FixtureRequest, postgres_database: Callable[..., str], mysql_database: Callable[..., str]
) -> Iterator[Callable[[str, str], Sweep]]:
    with ExitStack() as opened:

        def end(name: str) -> Any:
            if name in SERVERS:
                server = request.getfixturevalue(SERVERS[name])
            else:
                server = request.getfixturevalue("postgres_version")(name.removeprefix("postgres"))
            if name.startswith("postgres"):
                return opened.enter_context(of_postgres(server, postgres_database(server)))
            return opened.enter_context(of_mysql(server, mysql_database(server)))

        def make(source: str, target: str) -> Sweep:
            (left, schema, run), (right, to, _) = end(source), end(target)
            sweep = Sweep(left, right, schema, to, run)
            sweep.carry(f"smoke.{'postgres' if source.startswith('postgres') else 'mysql'}.sql")
            return sweep

        yield make


@pytest.mark.parametrize(("source", "target"), SHORT)
def test_an_older_version_takes_part(carry: Callable[[str, str], Sweep], source: str, target: str) -> None:
    _verify(carry(source, target))


@pytest.mark.matrix
@pytest.mark.parametrize("target", NEWEST + OLDER)
@pytest.mark.parametrize("source", NEWEST + OLDER)
def test_every_version_to_every_other(carry: Callable[[str, str], Sweep], source: str, target: str) -> None:
    _verify(carry(source, target))


def _verify(sweep: Sweep) -> None:
    sweep.verify()
    assert len(sweep.tables) == 1
    assert {row[0] for row in sweep.found("things")} == {b"1", b"4", b"20"}
