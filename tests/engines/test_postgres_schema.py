"""Schemas read from real servers of every version, made on another server, and read again there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from landbridge.endpoints.postgres.server import Server
from landbridge.model import Sequence, TableName
from tests.engines.postgres_schema import (
    Made,
    Schemas,
    adopt_alone,
    database,
    dump,
    everything,
    execute,
    moved,
    planned,
)
from tests.support import load_pg_file, psql

VERSIONS = [15, 16, 17, 18]
ODD_SCHEMA = Path(__file__).with_name("odd_schema.sql")
MOVED = {"types": "Other types", 'Sales "EU"': "order"}

Databases = Callable[[Server], str]
Versions = Callable[[int], Server]


def moved_sequence(sequence: Sequence, schemas: Schemas) -> Sequence:
    owner = sequence.owned_by and (moved(sequence.owned_by[0], schemas), sequence.owned_by[1])
    return replace(sequence, name=moved(sequence.name, schemas), owned_by=owner)


@pytest.fixture
def target_server(postgres_target_server: Server) -> Server:
    return postgres_target_server


@pytest.mark.parametrize("schemas", [{}, MOVED], ids=["kept", "moved"])
@pytest.mark.parametrize("version", VERSIONS)
def test_an_odd_schema_is_the_same_on_the_target(
    version: int,
    schemas: Schemas,
    postgres_version: Versions,
    target_server: Server,
    postgres_database: Databases,
) -> None:
    server = postgres_version(version)
    name, copy = postgres_database(server), postgres_database(target_server)
    psql(server, name, ODD_SCHEMA)
    catalog = everything(database(server, name))
    made = Made(database(target_server, copy), catalog, schemas)
    again = everything(database(target_server, copy))
    assert made.losses == []
    assert made.tables == [planned(table) for table in again.tables]
    assert len(again.tables) == 8
    sequences = [moved_sequence(each, schemas) for each in catalog.sequences]
    assert sorted(sequences, key=lambda each: each.name) == list(again.sequences)
    assert {each.name for each in again.types} == {moved(each.name, schemas) for each in catalog.types}
    assert execute(database(target_server, copy), made.statements) == 0
    if not schemas:
        assert dump(server, name) == dump(target_server, copy)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("sample", ["pagila/pagila-schema.sql", "chinook/chinook-pg.sql"])
def test_samples_are_the_same_on_the_target(
    sample: str,
    version: int,
    shared_data: Path,
    postgres_version: Versions,
    target_server: Server,
    postgres_database: Databases,
) -> None:
    server = postgres_version(version)
    name, copy = postgres_database(server), postgres_database(target_server)
    load_pg_file(server, name, shared_data / sample)
    made = Made(database(target_server, copy), everything(database(server, name)), {})
    assert made.losses == []
    assert made.tables == [planned(table) for table in everything(database(target_server, copy)).tables]
    only_view = {"CREATE UNIQUE INDEX rental_category ON public.rental_by_category USING btree (category)"}
    assert dump(server, name) - dump(target_server, copy) <= only_view
    assert dump(target_server, copy) - dump(server, name) == set()


def test_an_older_target(postgres_version: Versions, postgres_server: Server, postgres_database: Databases) -> None:
    """Before version 18 the foreign key of a partitioned table cannot be added unproven."""
    old = postgres_version(15)
    name, copy = postgres_database(postgres_server), postgres_database(old)
    psql(postgres_server, name, ODD_SCHEMA)
    psql(postgres_server, name, "ALTER TABLE types.no_key ADD v integer GENERATED ALWAYS AS (a * 2) VIRTUAL")
    made = Made(database(old, copy), everything(database(postgres_server, name)), {})
    assert [(loss.column, loss.blocking) for loss in made.losses] == [("v", False)]
    assert made.tables == [planned(table) for table in everything(database(old, copy)).tables]
    of_root = [
        s for s in made.statements if s.kind == "foreign key" and '."by_hash" ' in s.sql.partition(" FOREIGN")[0]
    ]
    assert [(s.phase, s.sql.endswith("NOT VALID")) for s in of_root] == [("foreign keys", False)]


def test_phases_come_in_order(postgres_server: Server, target_server: Server, postgres_database: Databases) -> None:
    name, copy = postgres_database(postgres_server), postgres_database(target_server)
    psql(postgres_server, name, ODD_SCHEMA)
    made = Made(database(target_server, copy), everything(database(postgres_server, name)), {})
    order = ("tables", "indexes", "unique", "foreign keys", "validate")
    phases = [order.index(statement.phase) for statement in made.statements]
    assert phases == sorted(phases)
    assert set(phases) == set(range(5))
    unproven = [s for s in made.statements if s.phase == "foreign keys"]
    assert unproven
    assert all(s.sql.endswith("NOT VALID") for s in unproven)


NEEDY = """
    CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION pg_trgm;
    CREATE FUNCTION answer() RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 42';
    CREATE COLLATION german FROM "C";
    CREATE TABLE beside (id integer PRIMARY KEY);
    CREATE TABLE t (
        id integer PRIMARY KEY REFERENCES beside,
        email citext,
        tags hstore[],
        n integer DEFAULT answer(),
        g integer GENERATED ALWAYS AS (n + answer()) STORED,
        word text COLLATE german,
        CONSTRAINT right_one CHECK (n = answer()),
        CONSTRAINT positive CHECK (n > 0)
    );
    CREATE INDEX trigrams ON t USING gin (word gin_trgm_ops);
    CREATE INDEX answers ON t (id) WHERE n = answer();
    CREATE INDEX plain ON t (n);
"""


BESIDE = "the foreign key t_id_fkey is left out: its table public.beside is not carried"
GERMAN = "the target has no collation public.german: the column sorts, and compares, by the database's own"


def test_what_the_target_lacks_is_a_loss(
    postgres_server: Server, target_server: Server, postgres_database: Databases
) -> None:
    name, copy = postgres_database(postgres_server), postgres_database(target_server)
    psql(postgres_server, name, NEEDY)
    catalog = everything(database(postgres_server, name))
    table = next(each for each in catalog.tables if each.name.name == "t")
    adopted = adopt_alone(database(target_server, copy), table)
    assert [(loss.part, loss.column, loss.blocking, loss.what) for loss in adopted.losses] == [
        ("column", "email", True, "the type public.citext needs public.citext, which the target has not"),
        ("column", "tags", True, "the type public.hstore[] needs public.hstore, which the target has not"),
        ("column", "n", False, "the default public.answer() is left out: it needs public.answer"),
        ("column", "g", True, "the column is generated by means of public.answer, which the target has not"),
        ("column", "word", False, GERMAN),
        ("index", "answers", False, "the index answers is left out: it needs public.answer"),
        ("index", "trigrams", False, "the index trigrams is left out: it needs public.gin_trgm_ops"),
        ("foreign key", "t_id_fkey", False, BESIDE),
        ("check", "right_one", False, "the check right_one is left out: it needs public.answer"),
    ]
    assert [index.name for index in adopted.table.indexes] == ["plain"]
    assert [check.name for check in adopted.table.checks] == ["positive"]
    assert adopted.table.foreign_keys == ()


def test_what_the_target_has_already_is_used(
    postgres_server: Server, target_server: Server, postgres_database: Databases
) -> None:
    name, copy = postgres_database(postgres_server), postgres_database(target_server)
    psql(postgres_server, name, NEEDY)
    psql(target_server, copy, NEEDY.partition("CREATE TABLE")[0])
    made = Made(database(target_server, copy), everything(database(postgres_server, name)), {})
    assert made.losses == []
    assert made.tables == [planned(table) for table in everything(database(target_server, copy)).tables]


def test_a_name_that_does_not_fit(postgres_server: Server, postgres_database: Databases) -> None:
    place = database(postgres_server, postgres_database(postgres_server))
    psql(postgres_server, str(place.ref.database), "CREATE TABLE t (id integer)")
    [table] = everything(place).tables
    long = TableName(schema="public", name="ü" * 32)
    assert [loss.blocking for loss in adopt_alone(place, table, name=long).losses] == [True]
    assert adopt_alone(place, table, name=replace(long, name="ü" * 31)).losses == ()


def test_statements_go_on_where_they_were_stopped(
    postgres_server: Server, target_server: Server, postgres_database: Databases
) -> None:
    name, copy = postgres_database(postgres_server), postgres_database(target_server)
    psql(postgres_server, name, ODD_SCHEMA)
    catalog = everything(database(postgres_server, name))
    whole = postgres_database(target_server)
    statements = Made(database(target_server, whole), catalog, {}).statements
    place = database(target_server, copy)
    run = [execute(place, statements[:stop]) for stop in (1, len(statements) // 2, len(statements) - 1, None)]
    assert sum(run) == len(statements)
    assert dump(target_server, copy) == dump(target_server, whole)
