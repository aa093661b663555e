"""
Every direction with the sample databases, moved while an application writes, until the source refuses its writes; and
compared by nothing of the product's own.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.directions import writes_chinook, writes_extra, writes_nasty, writes_pagila, writes_sakila
from tests.directions.catalog import foreign_keys, objects
from tests.directions.commandline import CommandLine, processes
from tests.directions.compare import count, differences, shapes
from tests.directions.conftest import MakeStage
from tests.directions.stage import Stage
from tests.directions.workload import Operation, Workload
from tests.support import load_pg_file, load_sql_file, rows

CASES = Path(__file__).parents[1] / "cases"
NASTY = 'Nasty.Schema "1" %s'


@dataclass(frozen=True, kw_only=True)
class Direction:
    """
    server: a fixture, or a version of PostgreSQL. files: of the sample data where they have a folder, else cases. schemas:
    '' for the database itself, where that is a schema. to: the target's name of the only one; '' for its database.
    """

    server: str | int
    files: tuple[str, ...]
    schemas: tuple[str, ...]
    operations: Callable[[], list[Operation]]
    to: str | None = None
    target: str = "postgres_target_server"
    freeze: str = "read-only"


def _backticks(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _quotes(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _sakila(*, cascades: bool) -> Callable[[], list[Operation]]:
    return lambda: writes_sakila.operations(cascades=cascades) + writes_extra.operations("", cascades=cascades)


def _chinook() -> list[Operation]:
    return writes_chinook.Shop(writes_chinook.camel, emoji=False).operations()


SAKILA = ("sakila/sakila-schema.sql", "sakila/sakila-data.sql", "extra.mysql.sql")
CHINOOK = ("chinook/chinook-mysql.sql",)
PAGILA = ("pagila/pagila-schema.sql", "pagila/pagila-data.sql")
DIRECTIONS = {
    "sakila-mariadb10": Direction(
        server="mariadb_server", files=SAKILA, schemas=("",), operations=_sakila(cascades=True), to="sakila"
    ),
    "sakila-mysql9": Direction(server="mysql_server", files=SAKILA, schemas=("",), operations=_sakila(cascades=True)),
    "chinook-mariadb11": Direction(
        server="mariadb11_server", files=CHINOOK, schemas=("",), operations=_chinook
    ),
    "chinook-postgres16": Direction(
        server=16, files=("chinook/chinook-pg.sql",), schemas=("public",),
        operations=lambda: writes_chinook.Shop(writes_chinook.snake).operations(),
    ),
    "pagila-postgres15": Direction(server=15, files=PAGILA, schemas=("public",), operations=writes_pagila.operations),
    "pagila-postgres17": Direction(
        server=17, files=(*PAGILA, "extra.postgres.sql"), schemas=("public", "extra"),
        operations=lambda: writes_pagila.operations() + writes_extra.operations("extra.", cascades=True),
    ),
    "nasty-mariadb10": Direction(
        server="mariadb_server", files=("nasty.mysql.sql",), schemas=("",),
        operations=lambda: writes_nasty.operations(_backticks, "", "☃"),
    ),
    "nasty-postgres18": Direction(
        server="postgres_server", files=("nasty.postgres.sql",), schemas=(NASTY,),
        operations=lambda: writes_nasty.operations(_quotes, f"{_quotes(NASTY)}.", "🚀"),
    ),
    "chinook-postgres17-mysql9": Direction(
        server=17, files=("chinook/chinook-pg.sql",), schemas=("public",), to="", target="mysql_target_server", freeze="fence",
        operations=lambda: writes_chinook.Shop(writes_chinook.snake).operations(),
    ),
    "pagila-postgres18-mariadb11": Direction(
        server="postgres_server", files=PAGILA, schemas=("public",), to="", target="mariadb_target_server",
        operations=writes_pagila.operations,
    ),
    "sakila-mysql9-mysql9": Direction(
        server="mysql_server", files=SAKILA, schemas=("",), to="", target="mysql_target_server", freeze="fence",
        operations=_sakila(cascades=True),
    ),
    "sakila-mariadb10-mysql9": Direction(
        server="mariadb_server", files=SAKILA, schemas=("",), to="", target="mysql_target_server", freeze="fence",
        operations=_sakila(cascades=True),
    ),
    "sakila-mysql9-mariadb11": Direction(
        server="mysql_server", files=SAKILA, schemas=("",), to="", target="mariadb_target_server",
        operations=_sakila(cascades=True),
    ),
    "sakila-mariadb10-mariadb11": Direction(
        server="mariadb_server", files=SAKILA, schemas=("",), to="", target="mariadb_target_server",
        operations=_sakila(cascades=True),
    ),
    "chinook-mysql9": Direction(server="mysql_server", files=CHINOOK, schemas=("",), operations=_chinook),
    "chinook-mysql9-mysql9": Direction(
        server="mysql_server", files=CHINOOK, schemas=("",), to="", target="mysql_target_server", operations=_chinook
    ),
    "chinook-mysql9-mariadb11": Direction(
        server="mysql_server", files=CHINOOK, schemas=("",), to="", target="mariadb_target_server", operations=_chinook
    ),
    "chinook-mariadb10-mysql9": Direction(
        server="mariadb_server", files=CHINOOK, schemas=("",), to="", target="mysql_target_server", operations=_chinook
    ),
    "chinook-postgres14-mariadb11": Direction(
        server=14, files=("chinook/chinook-pg.sql",), schemas=("public",), to="", target="mariadb_target_server",
        operations=lambda: writes_chinook.Shop(writes_chinook.snake).operations(),
    ),
    "pagila-postgres17-mysql9": Direction(
        server=17, files=PAGILA, schemas=("public",), to="", target="mysql_target_server",
        operations=writes_pagila.operations,
    ),
}  # fmt: skip


def arrange(direction: Direction, request: pytest.FixtureRequest, make_stage: MakeStage, data: Path) -> Stage:
    """Both databases, the source full."""
    named = isinstance(direction.server, str)
    server = (
        request.getfixturevalue(direction.server)
        if named
        else request.getfixturevalue("postgres_version")(direction.server)
    )
    stage = make_stage(server, target=direction.target)
    schemas = {schema or stage.source.database: schema or stage.source.database for schema in direction.schemas}
    if direction.to is not None:
        schemas = dict.fromkeys(schemas, direction.to or stage.target.database)
    stage = replace(stage, schemas=schemas)
    for name in direction.files:
        path = data / name if "/" in name else CASES / name
        if stage.source.engine == "postgres":
            load_pg_file(server, stage.source.database, path)
        else:
            with stage.source.side("") as side:
                load_sql_file(side.connection, path, stage.source.database)
    stage.write_plan(cutover={"freeze": direction.freeze, "timeout": "60s"})
    return stage


_ALSO = (
    "chinook-mariadb11", "chinook-postgres16", "pagila-postgres15", "sakila-mysql9-mariadb11", "sakila-mariadb10-mariadb11", "chinook-mysql9",
    "chinook-mysql9-mysql9", "chinook-mysql9-mariadb11", "chinook-mariadb10-mysql9", "chinook-postgres14-mariadb11",
    "pagila-postgres17-mysql9", "sakila-mariadb10", "chinook-postgres17-mysql9",
)  # fmt: skip
"""Of directions and samples that others here have, too; the last two are those of the kills."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name in _ALSO else name for name in DIRECTIONS]
)
def test_a_migration_under_writes_loses_nothing(
    name: str, request: pytest.FixtureRequest, make_stage: MakeStage, shared_data: Path, landbridge: CommandLine
) -> None:
    direction = DIRECTIONS[name]
    stage = arrange(direction, request, make_stage, shared_data)
    workload = Workload(stage.source.application(), direction.operations())
    with workload:
        workload.run_for(60)
        said = landbridge.ok("migrate", str(stage.plan), "--yes")
        _wait_for_refusal(workload)
    assert workload.mistakes == []
    assert workload.idle == []
    assert_equal(stage)
    assert_switched(said, workload)
    assert_inventory(stage, said["inventory"])
    assert_foreign_keys(stage)
    assert_counters_go_on(stage)
    assert_nothing_left(stage, said["run"])


def _wait_for_refusal(workload: Workload) -> None:
    """The application tries on for a while: none of it may get through."""
    deadline = time.monotonic() + 10
    while not workload.refused:
        assert time.monotonic() < deadline, f"the source still takes writes: {workload.failures}"
        time.sleep(0.1)
    time.sleep(0.5)


def assert_equal(stage: Stage) -> None:
    found = []
    for source, target in stage.schemas.items():
        with stage.source.side(source) as left, stage.target.side(target) as right:
            assert count(left) > 0
            found += differences(left, right)
    assert not found, "\n".join(found)


def assert_switched(said: dict[str, Any], workload: Workload) -> None:
    """What the command says of the run, against what the application saw."""
    cutover = said["cutover"]
    assert said["outcome"] == "cutover"
    assert cutover["state"] == "done"
    assert 0 < cutover["pause"] < 60
    assert workload.last_commit <= cutover["frozen"] + 0.5
    assert said["validation"]["passed"] is True
    assert said["stream"]["changes"] > 0, "no change came through the stream: the test proves nothing"
    assert said["rejects"] == []
    assert all(table["rows"] >= 0 and table["finished"] for table in said["tables"])


def assert_inventory(stage: Stage, inventory: list[dict[str, Any]]) -> None:
    """Every object of the source has a row, and each row says how it ended."""
    listed = {(item["kind"], item["name"], item["parent"]): item for item in inventory}
    wanted = set()
    for schema in stage.schemas:
        with stage.source.side(schema) as side:
            wanted |= objects(side)
    silent = sorted(wanted - listed.keys())
    assert not silent, f"objects without a row in the inventory: {silent[:10]}; of that name: {_alike(listed, silent)}"
    undecided = [(*key, item["reason"]) for key, item in listed.items() if item["status"] in ("planned", "failed")]
    assert not undecided, f"objects that are neither carried nor left: {undecided[:10]}"
    unexplained = [key for key, item in listed.items() if item["status"] == "not carried" and not item["reason"]]
    assert not unexplained
    carried = ("table", "column", "primary key", "index", "unique", "foreign key", "partition")
    left = [
        key for key, item in listed.items() if item["status"] == "not carried" and key[0] in carried and key in wanted
    ]
    explained = re.compile("fulltext|generated|computed", re.IGNORECASE)
    assert all(explained.search(listed[key]["reason"]) for key in left), [listed[key] for key in left]


def _alike(listed: dict[Any, Any], silent: list[Any]) -> list[Any]:
    names = {name for _, name, _ in silent[:10]}
    return [key for key in listed if key[1] in names or key[1].rpartition(".")[2] in names][:10]


def assert_foreign_keys(stage: Stage) -> None:
    """The same actions, and proven. Those of partitions stay behind with their partitions."""
    for source, target in stage.schemas.items():
        with stage.source.side(source) as left, stage.target.side(target) as right:
            wanted, found = foreign_keys(left), foreign_keys(right)
            if stage.source.engine != stage.target.engine:
                there = shapes(right)
                wanted = {name: actions for name, actions in wanted.items() if name.partition(".")[0] in there}
            assert found == wanted


def assert_counters_go_on(stage: Stage) -> None:
    """A row without a key of its own gets a free one: no counter of the target stands where it began."""
    check = _auto_increments_go_on if stage.target.engine == "mysql" else _sequences_go_on
    for schema in stage.schemas.values():
        with stage.target.side(schema) as side:
            numbered = check(side.connection, schema)
        if stage.source.engine == "mysql":
            with stage.source.side("") as source:
                assert numbered == set(_auto_increments(source.connection, stage.source.database))


def _sequences_go_on(connection: Any, schema: str) -> set[tuple[str, str]]:
    numbered = set()
    for table, column, counter in _counted(connection, schema):
        newest = f"SELECT coalesce(max({_quotes(column)}), 0) FROM {_quotes(schema)}.{_quotes(table)}"
        ((taken,),) = rows(connection, newest)
        ((following,),) = rows(connection, "SELECT nextval(%s::regclass)", (counter,))
        assert following > taken, f"{table}.{column} goes on with {following}, but {taken} is taken"
        numbered.add((table, column))
    return numbered


def _auto_increments_go_on(connection: Any, database: str) -> set[tuple[str, str]]:
    numbered = set(_auto_increments(connection, database))
    for table, column in numbered:
        name = f"{_backticks(database)}.{_backticks(table)}"
        ((taken,),) = rows(connection, f"SELECT coalesce(max({_backticks(column)}), 0) FROM {name}")
        ((ddl,),) = [row[1:2] for row in rows(connection, f"SHOW CREATE TABLE {name}")]
        found = re.search(r"AUTO_INCREMENT=(\d+)", ddl)
        assert int(found[1]) > taken if found else taken == 0, f"{table}.{column}: {taken} is taken, {found}"
    return numbered


def _counted(connection: Any, schema: str) -> list[tuple[str, str, str]]:
    found = rows(
        connection,
        "SELECT relname, attname, pg_get_serial_sequence(quote_ident(nspname) || '.' || quote_ident(relname), attname)"
        " FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE nspname = %s AND relkind IN ('r', 'p') AND NOT relispartition AND attnum > 0 AND NOT attisdropped",
        (schema,),
    )
    return [(table, column, counter) for table, column, counter in found if counter]


def _auto_increments(connection: Any, database: str) -> list[tuple[str, str]]:
    found = rows(
        connection,
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s AND extra LIKE '%%auto_increment%%'",
        (database,),
    )
    return [(table, column) for table, column in found]


def assert_nothing_left(stage: Stage, run: str) -> None:
    """No process, and on the source no slot and no publication: a slot left behind fills its disk."""
    deadline = time.monotonic() + 30
    while processes(run) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes(run) == {}
    if stage.source.engine == "postgres":
        assert stage.source.run("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()") == []
        assert stage.source.run("SELECT pubname FROM pg_publication") == []
