"""Whole schemas with everything in them, moved between real servers, against the servers' own dumps."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.server import Server, find
from landbridge.precheck import precheck
from tests.engines.postgres_schema import Moved, database, execute, whole_dump
from tests.support import load_pg_file, postgres_connection, psql, rows

EVERY_OBJECT = Path(__file__).with_name("every_object.sql")
NEW_IN_18 = {"public.child", "public.fleeting_id_seq"}
"""From older servers: the sequence of an unlogged table is unlogged now, and a child's key has a NOT NULL of its own."""

Databases = Callable[[Server], str]
Versions = Callable[[int], Server]


@pytest.fixture(autouse=True)
def has_pg_dump() -> None:
    newest = find()
    if newest is None or not (newest / "pg_dump").is_file():
        pytest.skip("no pg_dump: run tests/servers/install.sh")


def restored(source: Server, name: str, target: Server, copy: str) -> set[str]:
    """What pg_dump says of the source's schema once it was restored on the target server by its own tools."""
    newest = find()
    assert newest is not None
    login = ["-h", source.host, "-p", str(source.port), "-U", source.user]
    command = [str(newest / "pg_dump"), "--schema-only", "--no-owner", "--no-acl", *login, name]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    psql(target, copy, re.sub(r"^CREATE SCHEMA public;$", "", text, flags=re.MULTILINE))
    return whole_dump(target, copy)


def without(dump: set[str], names: set[str]) -> set[str]:
    return {each for each in dump if not any(re.match(rf"CREATE [A-Z ]+ {re.escape(name)} ?", each) for name in names)}


@pytest.mark.parametrize("version", [14, 18])
def test_every_object_is_the_same_on_the_target(
    version: int, postgres_version: Versions, postgres_target_server: Server, postgres_database: Databases
) -> None:
    server, target = postgres_version(version), postgres_target_server
    name, copy, other = postgres_database(server), postgres_database(target), postgres_database(target)
    psql(server, name, EVERY_OBJECT)
    moved = Moved(database(server, name), database(target, copy))
    assert moved.left_out == {}
    assert moved.resolved.losses == ()
    assert moved.make() > 120
    wanted, made = restored(server, name, target, other), whole_dump(target, copy)
    new = NEW_IN_18 if version < 18 else set()
    assert without(made, new) == without(wanted, new)
    assert len(made) > 140
    assert Moved(database(server, name), database(target, copy)).make() == 0


@pytest.mark.parametrize("schema", ["public", "app"])
@pytest.mark.parametrize("version", [14, 17])
def test_pagila_arrives_whole(
    version: int,
    schema: str,
    shared_data: Path,
    postgres_version: Versions,
    postgres_target_server: Server,
    postgres_database: Databases,
) -> None:
    server, target = postgres_version(version), postgres_target_server
    name, copy, other = postgres_database(server), postgres_database(target), postgres_database(target)
    load_pg_file(server, name, shared_data / "pagila/pagila-schema.sql")
    moved = Moved(database(server, name), database(target, copy), {"include": "public.*", "to": f"{schema}.*"})
    assert moved.left_out == {}
    moved.make()
    wanted = {each.replace("public.", f"{schema}.") for each in restored(server, name, target, other)}
    assert whole_dump(target, copy) == wanted | ({f"CREATE SCHEMA {schema};"} if schema != "public" else set())


def test_statements_come_in_phases(
    postgres_server: Server, postgres_target_server: Server, postgres_database: Databases
) -> None:
    """What acts by itself comes in the switch, and what tables rest on before them."""
    name, copy = postgres_database(postgres_server), postgres_database(postgres_target_server)
    psql(postgres_server, name, EVERY_OBJECT)
    moved = Moved(database(postgres_server, name), database(postgres_target_server, copy))
    phases = {(s.kind, s.name.name): s.phase for c in moved.resolved.objects for s in c.statements}
    expected = {
        ("extension", "citext"): "tables",
        ("function", "outer_one(integer)"): "tables",
        ("function", "inner_one(integer)"): "tables",
        ("domain", "fine"): "tables",
        ("text search configuration", "words"): "tables",
        ("function", "rows_of_seen()"): "objects",
        ("view", "seen"): "objects",
        ("materialized view", "kept"): "objects",
        ("exclusion constraint", "t_d_excl"): "unique",
        ("unproven check constraint", "later"): "foreign keys",
        ("unproven foreign key", "nowhere"): "foreign keys",
        ("trigger", "each"): "triggers",
        ("rule", "quiet"): "triggers",
        ("policy", "mine"): "triggers",
        ("row level security", "t"): "triggers",
        ("comment on a constraint", "nowhere"): "triggers",
    }
    assert {key: phases[key] for key in expected} == expected


OF_SUPERUSERS = """
    CREATE SCHEMA app;
    CREATE TABLE app.t (id integer PRIMARY KEY, up integer REFERENCES app.t);
    CREATE TABLE app.seen (tag text);
    CREATE FUNCTION app.watched() RETURNS event_trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO app.seen VALUES (TG_TAG); END';
    CREATE FUNCTION app.alike(text, text) RETURNS real STRICT IMMUTABLE LANGUAGE c AS '$libdir/pg_trgm', 'similarity';
    CREATE FUNCTION app.hashed(integer) RETURNS integer IMMUTABLE STRICT LANGUAGE internal AS 'hashint4';
    CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE FUNCTION app.watched();
    CREATE EVENT TRIGGER "all of it" ON sql_drop EXECUTE FUNCTION app.watched();
    ALTER EVENT TRIGGER "all of it" ENABLE ALWAYS;
    COMMENT ON EVENT TRIGGER watch IS 'it''s on';
"""


def test_event_triggers_come_last_and_functions_with_their_libraries(
    postgres_server: Server, postgres_target_server: Server, postgres_database: Databases
) -> None:
    name, copy = postgres_database(postgres_server), postgres_database(postgres_target_server)
    psql(postgres_server, name, OF_SUPERUSERS)
    here, there = database(postgres_server, name), database(postgres_target_server, copy)
    moved = Moved(here, there)
    assert moved.left_out == {}
    assert [each.kind for each in moved.statements][-4:] == ["event trigger"] * 3 + ["comment on a event trigger"]
    moved.make()
    assert whole_dump(postgres_target_server, copy) == whole_dump(postgres_server, name)
    with postgres_connection(postgres_target_server, copy) as connection:
        assert rows(connection, "select * from app.seen") == []
        assert rows(connection, "select app.alike('abc', 'abc'), app.hashed(1) = hashint4(1)") == [(1.0, True)]
        rows(connection, "alter table app.t add a integer")
        assert rows(connection, "select * from app.seen") == [("ALTER TABLE",)]
    again = Moved(here, there)
    assert again.make() == 0
    undone = [each.undo for each in again.statements if each.undo]
    assert undone == ['DROP EVENT TRIGGER "all of it"', 'DROP EVENT TRIGGER "watch"']


def test_a_login_that_is_no_superuser_makes_no_event_trigger(
    postgres_server: Server, postgres_target_server: Server, postgres_database: Databases
) -> None:
    name, copy = postgres_database(postgres_server), postgres_database(postgres_target_server)
    psql(postgres_server, name, OF_SUPERUSERS)
    role = f"small_{copy}"
    psql(postgres_target_server, copy, f"create role {role} login; grant create on database {copy} to {role}")
    ref = database(postgres_target_server, copy).ref.model_copy(update={"user": role})
    moved = Moved(database(postgres_server, name), Database(ref))
    psql(postgres_target_server, copy, f"drop owned by {role}; drop role {role}")
    assert {key: "only a superuser" in why for key, why in moved.left_out.items()} == {
        ("event trigger", "watch"): True, ("event trigger", "all of it"): True,
        ("function", "alike(text, text)"): True, ("function", "hashed(integer)"): True,
        ("comment on a event trigger", "watch"): False,
    }  # fmt: skip


LEFT_BEHIND = """
    CREATE EXTENSION pgcrypto;
    CREATE FUNCTION needs_it(text) RETURNS bytea LANGUAGE sql BEGIN ATOMIC SELECT digest($1, 'sha256'); END;
    CREATE VIEW over_it AS SELECT needs_it('x');
    CREATE TABLE t (id integer PRIMARY KEY);
    CREATE TABLE unmoved (id integer PRIMARY KEY);
    CREATE VIEW half AS SELECT t.id FROM t JOIN unmoved USING (id);
    CREATE VIEW over_half AS SELECT id FROM half;
    CREATE FUNCTION watched() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER watch ON ddl_command_start EXECUTE FUNCTION watched();
    ALTER EVENT TRIGGER watch DISABLE;
    CREATE FOREIGN DATA WRAPPER w;
    CREATE SERVER s FOREIGN DATA WRAPPER w;
    CREATE FOREIGN TABLE far (a integer) SERVER s;
    CREATE PUBLICATION told FOR TABLE t;
    CREATE FUNCTION of_library(text, text) RETURNS bytea LANGUAGE c AS '$libdir/pgcrypto', 'pg_digest';
    CREATE FUNCTION in_c(integer) RETURNS integer IMMUTABLE STRICT LANGUAGE internal AS 'hashint4';
    CREATE OPERATOR CLASS by_hand FOR TYPE integer USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(integer);
    CREATE INDEX of_class ON t USING hash (id by_hand);
    SELECT lo_create(0);
    CREATE ROLE {role};
    GRANT SELECT ON t TO {role};
    CREATE POLICY theirs ON t TO {role} USING (id > 1);
"""
REASONS = {
    ("extension", "pgcrypto"): "the target does not offer the extension pgcrypto: install it",
    ("function", "needs_it(text)"): "it needs pgcrypto, which is not carried",
    ("function", "of_library(text, text)"): "it lives in the library $libdir/pgcrypto: install that on the target",
    ("view", "over_it"): "it needs public.needs_it(text), which is not carried",
    ("view", "half"): "it needs public.unmoved, which is not carried",
    ("view", "over_half"): "it needs public.half, which is not carried",
}


def lacks_pgcrypto(server: Server) -> None:
    with postgres_connection(server) as connection:
        if rows(connection, "select from pg_available_extensions where name = 'pgcrypto'"):
            pytest.skip("the target's server offers pgcrypto")


def test_what_cannot_be_there_says_why(
    postgres_version: Versions, postgres_target_server: Server, postgres_database: Databases
) -> None:
    """The newest server here is without pgcrypto, and without the role."""
    server = postgres_version(17)
    name, copy = postgres_database(server), postgres_database(postgres_target_server)
    lacks_pgcrypto(postgres_target_server)
    role = f"role_{name}"
    psql(server, name, LEFT_BEHIND.format(role=role))
    rules = [{"include": "public.*"}, {"exclude": "public.unmoved"}]
    moved = Moved(database(server, name), database(postgres_target_server, copy), *rules)
    left = moved.left_out
    assert {key: left[key] for key in REASONS} == REASONS
    assert {kind for kind, _ in left} == {
        "extension", "function", "view", "foreign data wrapper", "foreign server", "foreign table",
        "publication", "large objects", "grant", "policy", "operator class", "operator family",
    }  # fmt: skip
    (index,) = [each.loss for each in moved.resolved.losses if each.loss.part == "index"]
    assert (index.column, "by_hand" in index.what) == ("of_class", True), index.what
    assert left["policy", "theirs"] == f"it names roles that the target has not: {role}"
    assert moved.make() == 5  # the table, two functions, the event trigger and that it is off
    psql(server, name, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_domain_that_cannot_be_made_is_refused_before_anything_is(
    postgres_version: Versions, postgres_target_server: Server, postgres_database: Databases
) -> None:
    server = postgres_version(17)
    name, copy = postgres_database(server), postgres_database(postgres_target_server)
    lacks_pgcrypto(postgres_target_server)
    psql(
        server,
        name,
        """
        CREATE EXTENSION pgcrypto;
        CREATE DOMAIN hashed AS bytea CHECK (digest(VALUE, 'md5') IS NOT NULL);
        CREATE TABLE t (w hashed);
        """,
    )
    plan = Moved(database(server, name), database(postgres_target_server, copy)).plan
    found = {each.found for each in precheck(plan).refusals if each.name == "needed-object"}
    assert found == {
        f"tables rest on the {what}, which is not carried: {why}"
        for what, why in {
            "domain public.hashed": "it needs pgcrypto, which is not carried",
            "extension pgcrypto": "the target does not offer the extension pgcrypto: install it",
        }.items()
    }


def test_a_body_that_names_a_moved_schema_is_left_behind(
    postgres_server: Server, postgres_target_server: Server, postgres_database: Databases
) -> None:
    name, copy = postgres_database(postgres_server), postgres_database(postgres_target_server)
    psql(
        postgres_server,
        name,
        """
        CREATE TABLE t (id integer PRIMARY KEY);
        CREATE FUNCTION named() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.t';
        CREATE FUNCTION searched() RETURNS bigint LANGUAGE sql SET search_path = public AS 'SELECT count(*) FROM t';
        CREATE FUNCTION parsed() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM public.t; END;
        CREATE FUNCTION free() RETURNS bigint LANGUAGE sql AS 'SELECT 1';
        CREATE VIEW over_named AS SELECT named();
        CREATE VIEW public AS SELECT public.id FROM t AS public;
        CREATE TABLE new_name (id integer PRIMARY KEY);
        CREATE VIEW of_new_name AS SELECT id FROM new_name;
        """,
    )
    rules = [{"include": "public.*", "to": "app.*"}, {"include": "public.new_name", "to": "app.newer"}]
    moved = Moved(database(postgres_server, name), database(postgres_target_server, copy), *rules)
    assert {key[1] for key in moved.left_out} == {"named()", "searched()", "over_named", "public", "of_new_name"}
    moved.make()
    with postgres_connection(postgres_target_server, copy) as connection:
        assert rows(connection, "SELECT app.parsed(), app.free()") == [(0, 1)]


RIGHTS = {"grant", "grant on columns", "owner", "default privileges"}


def test_rights_are_carried_when_asked_for(postgres_server: Server, postgres_database: Databases) -> None:
    name, copy = postgres_database(postgres_server), postgres_database(postgres_server)
    role = f"role_{name}"
    psql(
        postgres_server,
        name,
        f"""
        CREATE ROLE {role};
        CREATE TABLE t (id serial PRIMARY KEY, v text);
        CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
        GRANT SELECT, UPDATE ON t TO {role} WITH GRANT OPTION;
        GRANT INSERT (v) ON t TO {role};
        GRANT USAGE ON SEQUENCE t_id_seq TO PUBLIC;
        GRANT EXECUTE ON FUNCTION f(integer) TO {role};
        CREATE FUNCTION closed() RETURNS integer LANGUAGE sql AS 'SELECT 1';
        REVOKE ALL ON FUNCTION closed() FROM PUBLIC;
        CREATE TYPE mood AS ENUM ('ok');
        CREATE DOMAIN few AS integer;
        CREATE SEQUENCE free;
        CREATE TABLE parted (id integer) PARTITION BY LIST (id);
        CREATE TABLE parted_1 PARTITION OF parted DEFAULT;
        CREATE VIEW seen AS SELECT id FROM t;
        ALTER TYPE mood OWNER TO {role};
        ALTER DOMAIN few OWNER TO {role};
        ALTER SEQUENCE free OWNER TO {role};
        ALTER TABLE parted_1 OWNER TO {role};
        ALTER VIEW seen OWNER TO {role};
        ALTER FUNCTION f(integer) OWNER TO {role};
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO {role};
        ALTER DEFAULT PRIVILEGES FOR ROLE {role} REVOKE ALL ON FUNCTIONS FROM PUBLIC;
        ALTER DEFAULT PRIVILEGES FOR ROLE {role} GRANT USAGE ON TYPES TO CURRENT_USER WITH GRANT OPTION;
        """,
    )
    source, target = database(postgres_server, name), database(postgres_server, copy)
    moved = Moved(source, target)
    assert {kind for kind, _ in moved.left_out} == RIGHTS
    moved.make()
    statements = [s for s in Moved(source, target, grants=True).statements if s.item and s.item[0] in RIGHTS]
    assert {s.phase for s in statements if s.kind.startswith("grant")} == {"triggers"}
    assert execute(target, statements) == len(statements) > 10
    query = """
        SELECT relname, relacl::text FROM pg_class WHERE relname IN ('t', 't_id_seq')
        UNION SELECT proname, proacl::text FROM pg_proc WHERE proname IN ('f', 'closed')
        UNION SELECT attname, attacl::text FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'v'
        UNION SELECT concat(defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype), defaclacl::text
            FROM pg_default_acl
        UNION SELECT relname, relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION SELECT proname, proowner::regrole::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION SELECT typname, typowner::regrole::text FROM pg_type WHERE typnamespace = 'public'::regnamespace
        ORDER BY 1
    """
    with postgres_connection(postgres_server, name) as before, postgres_connection(postgres_server, copy) as after:
        assert rows(before, query) == rows(after, query)
        assert len([of for _, of in rows(after, query) if of == role]) >= 6
    for each in (name, copy):
        psql(postgres_server, each, f"DROP OWNED BY {role}")
    psql(postgres_server, "postgres", f"DROP ROLE {role}")


PARTLY = """
    CREATE EXTENSION btree_gist;
    CREATE TABLE wanted (id integer PRIMARY KEY, d daterange, EXCLUDE USING gist (id WITH =, d WITH &&));
    CREATE TABLE unwanted (id integer PRIMARY KEY, v text DEFAULT 'x');
    CREATE TABLE heir (more integer) INHERITS (unwanted);
    CREATE FUNCTION one() RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 1';
    CREATE DOMAIN fine AS integer CHECK (VALUE > one());
    ALTER TABLE wanted ADD f fine;
    INSERT INTO wanted (id) VALUES (1);
    ALTER TABLE wanted ADD CONSTRAINT proven FOREIGN KEY (f) REFERENCES unwanted;
    ALTER TABLE wanted ADD CONSTRAINT unproven FOREIGN KEY (id) REFERENCES unwanted NOT VALID;
    COMMENT ON CONSTRAINT proven ON wanted IS 'x';
    COMMENT ON CONSTRAINT unproven ON wanted IS 'x';
    COMMENT ON CONSTRAINT wanted_pkey ON wanted IS 'x';
    CREATE FUNCTION lost() RETURNS SETOF unwanted LANGUAGE sql AS 'SELECT * FROM unwanted';
    COMMENT ON FUNCTION lost() IS 'x';
    CREATE VIEW seen AS SELECT id FROM lost();
    COMMENT ON VIEW seen IS 'x';
    COMMENT ON COLUMN seen.id IS 'x';
"""


def test_part_of_a_schema_comes_with_what_it_rests_on(
    postgres_server: Server, postgres_target_server: Server, postgres_database: Databases
) -> None:
    """And without whatever hangs on the rest, down to the comments."""
    name, copy = postgres_database(postgres_server), postgres_database(postgres_target_server)
    psql(postgres_server, name, PARTLY)
    ends = database(postgres_server, name), database(postgres_target_server, copy)
    alone = Moved(*ends, {"include": "public.wanted"})
    assert {(c.source.kind, c.name.name) for c in alone.resolved.objects if c.statements} == {
        ("extension", "btree_gist"), ("function", "one()"), ("domain", "fine"), ("comment on a constraint", "wanted_pkey"),
        ("exclusion constraint", "wanted_id_d_excl"),
    }  # fmt: skip
    assert {name for _, name in alone.left_out} == {"unproven", "proven"}
    both = Moved(*ends, {"include": "public.*"}, {"exclude": "public.unwanted"})
    assert {name for _, name in both.left_out} == {"unproven", "proven", "lost()", "public.lost()", "seen", "id"}
    assert [loss.loss.what for loss in both.resolved.losses if loss.table.name == "heir"] == [
        "it no longer inherits: public.unwanted is not carried"
    ]
    assert both.make() > 0
    with postgres_connection(postgres_target_server, copy) as connection:
        heir = (
            "SELECT attname, attislocal FROM pg_attribute WHERE attrelid = 'heir'::regclass AND attnum > 0 ORDER BY 1"
        )
        assert rows(connection, heir) == [("id", True), ("more", True), ("v", True)]


def test_every_object_moves_to_another_schema(
    postgres_server: Server, postgres_target_server: Server, postgres_database: Databases
) -> None:
    """What an extension brings stays where the extension is."""
    name, copy, other = (postgres_database(s) for s in (postgres_server, *[postgres_target_server] * 2))
    script = EVERY_OBJECT.read_text(encoding="utf-8").replace("RETURN public.inner_one(", "RETURN (1 + ")
    psql(postgres_server, name, script)
    rules = [{"include": "*.*"}, {"include": "public.*", "to": "app.*"}]
    moved = Moved(database(postgres_server, name), database(postgres_target_server, copy), *rules)
    assert {each for _, each in moved.left_out} == {"rows_of_seen()", "of_function"}
    moved.make()
    extensions = re.compile(r"app\.(citext|gin_trgm_ops|citext|pg_trgm)")
    wanted = {
        extensions.sub(r"public.\1", each.replace("public.", "app."))
        for each in restored(postgres_server, name, postgres_target_server, other)
        if "rows_of_seen" not in each and "EXTENSION" not in each
    }
    made = {each for each in whole_dump(postgres_target_server, copy) if "EXTENSION" not in each}
    assert made == wanted | {"CREATE SCHEMA app;"}
