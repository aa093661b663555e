"""Partitions: as they are, made one table, made anew by the plan; within a family and across, rows included."""

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres
from landbridge.plan import Plan, parse_plan
from landbridge.precheck import look
from landbridge.schema import build, statements
from tests.engines.test_postgres_objects_rows import Followed
from tests.pair import Pair, ref
from tests.support import mysql_connection, postgres_connection, psql, rows

MYSQL = (
    (
        "CREATE TABLE by_range (id INT NOT NULL, day DATE NOT NULL, note VARCHAR(9), PRIMARY KEY (id, day), KEY p1 (note))"
        " PARTITION BY RANGE COLUMNS (day) (PARTITION p0 VALUES LESS THAN ('2024-01-01'),"
        " PARTITION p1 VALUES LESS THAN ('2025-01-01') COMMENT = 'PARTITION p9 VALUES LESS THAN (1)')"
    ),
    "CREATE TABLE by_list (n INT) PARTITION BY LIST (n) (PARTITION a VALUES IN (1, 2), PARTITION b VALUES IN (NULL, -3))",
    "CREATE TABLE by_hash (id INT PRIMARY KEY, v INT) PARTITION BY HASH (id) PARTITIONS 3",
    "CREATE TABLE by_year (day DATE NOT NULL) PARTITION BY RANGE (year(day)) (PARTITION p VALUES LESS THAN MAXVALUE)",
    "INSERT INTO by_range VALUES (1, '2023-12-31', 'a'), (2, '2024-01-01', 'b'), (3, '2024-12-31', NULL)",
    "INSERT INTO by_list VALUES (1), (2), (NULL), (-3)",
    "INSERT INTO by_hash VALUES (1, 1), (2, 2), (3, 3), (4, 4)",
    "INSERT INTO by_year VALUES ('2024-02-29')",
)
POSTGRES = """
CREATE TABLE by_range (id int, at timestamptz, v int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE r24 PARTITION OF by_range FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2025-01-01 00:00+00');
CREATE TABLE r23 PARTITION OF by_range FOR VALUES FROM ('2023-01-01 00:00+00') TO ('2024-01-01 00:00+00');
CREATE INDEX r23_v ON r23 (v);
CREATE INDEX r24_v ON r24 (v);
CREATE INDEX r24_only ON r24 (id, v);
CREATE TABLE by_list (area varchar(9) PRIMARY KEY) PARTITION BY LIST (area);
CREATE TABLE l_a PARTITION OF by_list FOR VALUES IN ('a', 'it''s');
CREATE TABLE l_rest PARTITION OF by_list DEFAULT;
CREATE TABLE by_hash (id int PRIMARY KEY) PARTITION BY HASH (id);
CREATE TABLE h_0 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE h_1 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE pointed (id int PRIMARY KEY) PARTITION BY HASH (id);
CREATE TABLE pointed_0 PARTITION OF pointed FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE points (id int PRIMARY KEY REFERENCES pointed (id));
INSERT INTO by_range VALUES (1, '2023-12-31 23:59:59+00', 1), (2, '2024-01-01 00:00+00', 2), (3, '2024-12-31 12:00+00', 3);
INSERT INTO by_list VALUES ('a'), ('it''s'), ('A'), ('z');
INSERT INTO by_hash SELECT generate_series(1, 9);
"""
ANEW = "RANGE (day) (PARTITION early FOR VALUES FROM (MINVALUE) TO ('2024-06-01'), PARTITION \"Rest, all\" DEFAULT)"

_numbers = itertools.count()

Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def from_mysql(mariadb_server: mysql.Server, mysql_database: Callable[..., str]) -> str:
    name = mysql_database(mariadb_server)
    with contextlib.closing(mysql_connection(mariadb_server, name)) as connection:
        for statement in MYSQL:
            rows(connection, statement)
    return name


@pytest.fixture
def from_postgres(postgres_server: postgres.Server, postgres_database: Callable[..., str]) -> str:
    name = postgres_database(postgres_server)
    psql(postgres_server, name, POSTGRES)
    return name


def planned(source: dict[str, Any], target: dict[str, Any], *rules: dict[str, Any]) -> Plan:
    return parse_plan({"name": f"parts{next(_numbers)}", "source": source, "target": target, "tables": list(rules)})


def on_postgres(server: postgres.Server, database: str) -> Ask:
    def ask(sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(postgres_connection(server, database)) as connection:
            return rows(connection, sql)

    return ask


def on_mysql(server: mysql.Server) -> Ask:
    def ask(sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(mysql_connection(server)) as connection:
            return rows(connection, sql)

    return ask


def told(pair: Pair) -> dict[tuple[str, str], tuple[str, str]]:
    with connect(pair.plan.target).get(Connects).engine().connect() as connection:
        return {(item.kind, item.name): (item.status, item.reason) for item in ledger.items(connection, pair.run)}


def finished(pair: Pair) -> Pair:
    """With its indexes, which a partitioned table may refuse, too."""
    assert pair.compare().equal
    resolved = look(pair.plan, pair.source, pair.target)
    blueprint = ledger.Blueprint(tables=resolved.tables, sequences=resolved.sequences, types=resolved.types)
    todo = statements(pair.target, blueprint)
    build(pair.target, pair.run, todo, ("indexes", "unique", "foreign keys", "validate"))
    return pair


BOUNDS = """SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = inhrelid
    JOIN pg_class r ON r.oid = inhparent WHERE r.relname = '%s' AND r.relkind = 'p' ORDER BY 1"""


def test_partitions_of_mysql_are_made_again_on_postgres(
    from_mysql: str, mariadb_server: mysql.Server, postgres_target_server: postgres.Server,
    postgres_database: Callable[..., str],
) -> None:  # fmt: skip
    target = postgres_database(postgres_target_server)
    ask = on_postgres(postgres_target_server, target)
    plan = planned(
        ref("mariadb", mariadb_server, from_mysql),
        ref("postgres", postgres_target_server, target),
        {"include": f"{from_mysql}.*", "to": "shop.*"},
        {"include": f"{from_mysql}.by_hash", "to": "shop.flat", "partitions": "flatten"},
    )
    finished(Pair(plan, from_mysql, ask))
    assert ask(BOUNDS % "by_range") == [
        ("by_range_p0", "FOR VALUES FROM (MINVALUE) TO ('2024-01-01')"),
        ("by_range_p1_part", "FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')"),
        ("by_range_rest", "DEFAULT"),
    ]
    assert ask("SELECT id, tableoid::regclass::text FROM shop.by_range ORDER BY 1") == [
        (1, "shop.by_range_p0"), (2, "shop.by_range_p1_part"), (3, "shop.by_range_p1_part"),
    ]  # fmt: skip
    assert ask(BOUNDS % "by_list") == [
        ("by_list_a", "FOR VALUES IN (1, 2)"), ("by_list_b", "FOR VALUES IN (NULL, '-3')"), ("by_list_rest", "DEFAULT"),
    ]  # fmt: skip
    assert ask("SELECT relkind::text FROM pg_class WHERE relname IN ('flat', 'by_year')") == [("r",), ("r",)]
    assert ask("SELECT count(*) FROM shop.flat") == [(4,)]


class Following(Followed):
    """Of any plan."""

    def __init__(self, given: Plan, schema: str) -> None:
        Pair.__init__(self, given, schema, lambda _: None, self._prepare)


@pytest.mark.parametrize("in_sets", [True, False])
def test_changes_find_their_rows_in_partitions_of_mysql(
    in_sets: bool, from_mysql: str, mariadb_server: mysql.Server, postgres_target_server: postgres.Server,
    postgres_database: Callable[..., str],
) -> None:  # fmt: skip
    target = postgres_database(postgres_target_server)
    plan = planned(
        ref("mariadb", mariadb_server, from_mysql),
        ref("postgres", postgres_target_server, target),
        {"include": f"{from_mysql}.by_*", "to": "shop.*"},
        {"exclude": f"{from_mysql}.by_year"},
    )
    pair = Following(plan, from_mysql)
    with contextlib.closing(mysql_connection(mariadb_server, from_mysql)) as connection:
        for change in (
            "UPDATE by_range SET day = '2023-01-01', note = 'moved' WHERE id = 3",
            "INSERT INTO by_range VALUES (4, '2024-05-05', 'new')",
            "DELETE FROM by_range WHERE id = 1",
            "UPDATE by_hash SET id = id + 100 WHERE id < 3",
            "INSERT INTO by_list VALUES (-3), (NULL)",
            "DELETE FROM by_list WHERE n = 1",
        ):
            rows(connection, change)
    pair.apply(in_sets=in_sets)
    ask = on_postgres(postgres_target_server, target)
    assert ask("SELECT id, day::text, tableoid::regclass::text FROM shop.by_range ORDER BY 1") == [
        (2, "2024-01-01", "shop.by_range_p1_part"),
        (3, "2023-01-01", "shop.by_range_p0"),
        (4, "2024-05-05", "shop.by_range_p1_part"),
    ]
    assert ask("SELECT id, v FROM shop.by_hash ORDER BY 1") == [(3, 3), (4, 4), (101, 1), (102, 2)]
    assert ask("SELECT n FROM shop.by_list ORDER BY 1") == [(-3,), (-3,), (2,), (None,), (None,)]


@pytest.mark.parametrize("in_sets", [True, False])
def test_changes_find_their_rows_in_partitions_of_postgres(
    in_sets: bool, from_postgres: str, postgres_server: postgres.Server, mariadb11_server: mysql.Server,
    mysql_database: Callable[..., str],
) -> None:  # fmt: skip
    target = mysql_database(mariadb11_server)
    plan = planned(
        ref("postgres", postgres_server, from_postgres),
        ref("mariadb", mariadb11_server, target),
        {"include": "public.by_*", "to": f"{target}.*"},
    )
    pair = Following(plan, "public")
    psql(
        postgres_server,
        from_postgres,
        """
        UPDATE by_range SET at = '2023-06-01 12:00+00' WHERE id = 2;
        CREATE TABLE r25 PARTITION OF by_range FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2026-01-01 00:00+00');
        INSERT INTO by_range VALUES (4, '2025-02-03 04:05:06+00', 4);
        DELETE FROM by_range WHERE id = 1;
        UPDATE by_hash SET id = id + 100 WHERE id < 3;
        UPDATE by_list SET area = 'y' WHERE area = 'a';
        """,
    )
    pair.apply(in_sets=in_sets)
    ask = on_mysql(mariadb11_server)
    parts = {
        name: ask(f"SELECT id, v FROM {target}.by_range PARTITION ({name}) ORDER BY 1")
        for name in ("r23", "r24", "rest")
    }
    assert parts == {"r23": [(2, 2)], "r24": [(3, 3)], "rest": [(4, 4)]}
    assert ask(f"SELECT id FROM {target}.by_hash ORDER BY 1") == [(n,) for n in (3, 4, 5, 6, 7, 8, 9, 101, 102)]
    assert sorted(ask(f"SELECT area FROM {target}.by_list")) == [("A",), ("it's",), ("y",), ("z",)]
    assert pair.compare().equal


def test_a_hash_and_what_the_plan_writes_itself(
    from_mysql: str, mariadb_server: mysql.Server, postgres_target_server: postgres.Server,
    postgres_database: Callable[..., str],
) -> None:  # fmt: skip
    target = postgres_database(postgres_target_server)
    ask = on_postgres(postgres_target_server, target)
    plan = planned(
        ref("mariadb", mariadb_server, from_mysql),
        ref("postgres", postgres_target_server, target),
        {"include": f"{from_mysql}.by_hash", "to": "shop.*"},
        {"include": f"{from_mysql}.by_range", "to": "shop.*", "partitions": ANEW},
    )
    finished(Pair(plan, from_mysql, ask))
    assert [name for name, _ in ask(BOUNDS % "by_hash")] == ["by_hash_p0", "by_hash_p1", "by_hash_p2"]
    assert ask(BOUNDS % "by_range") == [
        ("Rest, all", "DEFAULT"), ("early", "FOR VALUES FROM (MINVALUE) TO ('2024-06-01')")
    ]  # fmt: skip
    assert ask('SELECT id FROM shop."Rest, all"') == [(3,)]


@pytest.mark.parametrize("engine", ["mariadb11_server", "mysql_server"])
def test_partitions_of_postgres_are_made_again_on_mysql(
    engine: str, from_postgres: str, postgres_server: postgres.Server, mysql_database: Callable[..., str],
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    server = request.getfixturevalue(engine)
    target = mysql_database(server)
    ask = on_mysql(server)
    plan = planned(
        ref("postgres", postgres_server, from_postgres),
        ref("mysql", server, target),
        {"include": "public.*", "to": f"{target}.*"},
    )
    pair = finished(Pair(plan, "public", ask))
    where = f"FROM information_schema.partitions WHERE table_schema = '{target}' AND table_name ="
    described = f"SELECT partition_name, partition_method, partition_description, table_rows {where}"
    found = ask(f"{described} 'by_range' ORDER BY partition_ordinal_position")
    assert [row[:3] for row in found] == [
        ("r23", "RANGE COLUMNS", "'2024-01-01 00:00:00'"),
        ("r24", "RANGE COLUMNS", "'2025-01-01 00:00:00'"),
        ("rest", "RANGE COLUMNS", "MAXVALUE"),
    ]
    assert ask(f"SELECT id FROM {target}.by_range PARTITION (r24) ORDER BY 1") == [(2,), (3,)]
    assert [row[0] for row in ask(f"{described} 'by_hash' ORDER BY 1")] == ["h_0", "h_1"]
    assert [row[0] for row in ask(f"{described} 'pointed'")] == [None]
    lists = [row[0] for row in ask(f"{described} 'by_list' ORDER BY 1")]
    assert lists == (["l_a", "l_rest"] if engine == "mariadb11_server" else [None])
    items = told(pair)
    assert items["partition", "public.pointed_0"] == ("not carried", "its rows are all in one table")
    assert items["partition", "public.r23"][0] == "translated"
    assert [items["index", name][0] for name in ("r23_v", "r24_v", "r24_only")] == ["planned", "planned", "not carried"]
    keys = f"SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = '{target}'"
    assert ask(f"{keys} AND table_name = 'by_range' ORDER BY 1") == [("PRIMARY",), ("r23_v",)]


def test_within_a_family_they_can_be_made_one_table_or_anew(
    from_mysql: str, from_postgres: str, mariadb_server: mysql.Server, mariadb11_server: mysql.Server,
    mysql_database: Callable[..., str], postgres_server: postgres.Server, postgres_target_server: postgres.Server,
    postgres_database: Callable[..., str],
) -> None:  # fmt: skip
    target = mysql_database(mariadb11_server)
    plan = planned(
        ref("mariadb", mariadb_server, from_mysql),
        ref("mariadb", mariadb11_server, target),
        {"include": f"{from_mysql}.*", "to": f"{target}.*", "partitions": "flatten"},
        {"include": f"{from_mysql}.by_range", "to": f"{target}.*", "partitions": "KEY (id) PARTITIONS 4"},
        {"include": f"{from_mysql}.by_list", "to": f"{target}.*"},
    )
    ask = on_mysql(mariadb11_server)
    finished(Pair(plan, from_mysql, ask))
    counted = (
        f"SELECT table_name, count(partition_name) FROM information_schema.partitions WHERE table_schema = '{target}'"
    )
    assert ask(f"{counted} GROUP BY 1 ORDER BY 1") == [("by_hash", 0), ("by_list", 2), ("by_range", 4), ("by_year", 0)]

    database = postgres_database(postgres_target_server)
    plan = planned(
        ref("postgres", postgres_server, from_postgres),
        ref("postgres", postgres_target_server, database),
        {"include": "public.by_*", "partitions": "flatten"},
        {"include": "public.by_hash", "partitions": "RANGE (id) (PARTITION few FOR VALUES FROM (0) TO (5), PARTITION many DEFAULT)"},
    )  # fmt: skip
    on_target = on_postgres(postgres_target_server, database)
    items = told(finished(Pair(plan, "public", on_target)))
    assert on_target("SELECT id FROM few ORDER BY 1") == [(1,), (2,), (3,), (4,)]
    assert on_target("SELECT relname, relkind::text FROM pg_class WHERE relname IN ('by_range', 'by_list') ORDER BY 1") == [
        ("by_list", "r"), ("by_range", "r")
    ]  # fmt: skip
    assert on_target("SELECT indexname FROM pg_indexes WHERE tablename = 'by_range' ORDER BY 1") == [
        ("by_range_pkey",), ("r23_v",)
    ]  # fmt: skip
    assert items["partition", "public.h_0"] == ("not carried", "the plan divides the table anew")


def test_what_auto_increment_does_not_keep_is_told(
    postgres_server: postgres.Server, postgres_database: Callable[..., str], mariadb11_server: mysql.Server,
    mysql_database: Callable[..., str],
) -> None:  # fmt: skip
    source, target = postgres_database(postgres_server), mysql_database(mariadb11_server)
    psql(
        postgres_server,
        source,
        """
        CREATE TABLE plain (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n serial);
        CREATE TABLE stepped (id integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY 5 MAXVALUE 999 CYCLE) PRIMARY KEY);
        CREATE TABLE down (id serial PRIMARY KEY);
        ALTER SEQUENCE down_id_seq INCREMENT BY -1 MINVALUE -7 MAXVALUE 7 START 1;
        """,
    )
    plan = planned(
        ref("postgres", postgres_server, source),
        ref("mariadb", mariadb11_server, target),
        {"include": "public.*", "to": f"{target}.*"},
    )
    losses = look(plan, connect(plan.source), connect(plan.target)).losses
    told = {each.table.name: each.loss.what for each in losses if "not kept are" in each.loss.what}
    assert {name: what.partition("not kept are ")[2] for name, what in told.items()} == {
        "stepped": "INCREMENT BY 5, MAXVALUE 999, CYCLE",
        "down": "INCREMENT BY -1, MINVALUE -7, MAXVALUE 7",
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("RANGE (v) (PARTITION a DEFAULT)", "the primary key would need the columns v"),
        ("RANGE (nothing) (PARTITION a DEFAULT)", "no column nothing"),
        ("RANGE (id) PARTITIONS 4 (", "not read"),
    ],
)
def test_a_text_that_cannot_be_is_refused_before_anything_moves(
    text: str, why: str, from_mysql: str, mariadb_server: mysql.Server, postgres_target_server: postgres.Server,
    postgres_database: Callable[..., str],
) -> None:  # fmt: skip
    plan = planned(
        ref("mariadb", mariadb_server, from_mysql),
        ref("postgres", postgres_target_server, postgres_database(postgres_target_server)),
        {"include": f"{from_mysql}.by_hash", "partitions": text},
    )
    blocking = look(plan, connect(plan.source), connect(plan.target)).blocking
    assert [why in found.loss.what for found in blocking] == [True], blocking


def test_a_partitioned_table_of_mysql_with_foreign_keys_is_refused(
    from_postgres: str, postgres_server: postgres.Server, mysql_server: mysql.Server, mysql_database: Callable[..., str]
) -> None:
    target = mysql_database(mysql_server)
    plan = planned(
        ref("postgres", postgres_server, from_postgres),
        ref("mysql", mysql_server, target),
        {"include": "public.*", "to": f"{target}.*"},
        {"include": "public.point*", "to": f"{target}.*", "partitions": "HASH (id) PARTITIONS 2"},
    )
    blocking = look(plan, connect(plan.source), connect(plan.target)).blocking
    found = {each.table.name: each.loss.what for each in blocking}
    assert "foreign keys of other tables" in found["pointed"]
    assert "has no foreign keys" in found["points"]
