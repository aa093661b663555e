"""Compressed logs of real servers say the same as plain ones."""

import resource
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from landbridge.endpoints.mysql.log import binlog, transactions
from landbridge.model import Position, TableMap
from tests.engines.binlog_source import Source, on_mariadb, on_mysql, opened

WRITES = (
    "begin",
    "insert into t values (1, repeat('x', 5000), 1.5), (2, repeat('y', 70000), null), (3, '', 0)",
    "insert into other values (1, repeat('z', 5000))",
    "update t set v = concat(v, 'q'), n = n + 1 where id <> 3",
    "commit",
    "delete from t where id = 1",
    "insert into t select id + 10, repeat('é', 4000), 2 from t",
    "update t set id = 100 where id = 2",
    "begin",
    "insert into t values (50, repeat('a', 3000), 1)",
    "savepoint s",
    "insert into t values (51, repeat('b', 3000), 1)",
    "rollback to s",
    "commit",
    f"create table if not exists later (id int comment '{'k' * 900}')",
    "truncate table t",
)


@pytest.fixture
def source(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Source]:
    with opened(request.getfixturevalue(request.param), mysql_database) as made:
        yield made


def _read(source: Source, writes: tuple[str, ...]) -> tuple[list[Any], set[int]]:
    """The changes of these writes, and the types of the events that brought them."""
    source.run(
        "drop table if exists t, other, later",
        "create table t (id int primary key, v mediumtext, n double) charset utf8mb4",
        "create table other (id int primary key, v mediumtext)",
    )
    since, tables = source.log.here(), source.plan("t")
    source.run(*writes)
    changes = source.changes(since, tables)
    return changes, _types(source, since)


def _types(source: Source, since: Position) -> set[int]:
    """As the server itself names them."""
    file, offset = binlog.place(since)
    shown = source.ask(f"show binlog events in '{file}' from {offset}")
    return {row[2] for row in shown}


@on_mysql
def test_compressed_transactions(source: Source) -> None:
    plain, types = _read(source, WRITES)
    assert "Transaction_payload" not in types
    compressed, types = _read(source, ("set session binlog_transaction_compression = on", *WRITES))
    assert "Transaction_payload" in types
    assert compressed == plain
    assert len(plain) == 11


@on_mariadb
def test_compressed_events(source: Source) -> None:
    plain, types = _read(source, WRITES)
    assert not {name for name in types if "compressed" in name.lower()}
    try:
        source.run("set global log_bin_compress = on")
        compressed, types = _read(source, WRITES)
    finally:
        source.run("set global log_bin_compress = off")
    assert len({name for name in types if "compressed" in name.lower()}) == 4
    assert compressed == plain
    assert len(plain) == 11


@on_mysql
def test_a_large_compressed_transaction_takes_no_more_memory_than_its_parts(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some 400 MB that are packed to a few, and one that stays above the size of a packet."""
    monkeypatch.setattr(transactions, "PART_BYTES", 1 << 20)
    source.run("create table t (id int primary key auto_increment, v mediumblob)", "create table seed (v mediumblob)")
    source.run("insert into seed values (repeat('landbridge ', 90000))")
    since, tables = source.log.here(), source.plan("t")
    source.run(
        "set session binlog_transaction_compression = on",
        "begin",
        *["insert into t (v) select v from seed"] * 200,
        *["insert into t (v) values (concat(" + ", ".join(["random_bytes(1024)"] * 1000) + "))"] * 20,
        "commit",
        "set session binlog_transaction_compression = off",
        "insert into t values (1000, 'the next one')",
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sizes, parts = _sizes(source, since, tables)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120_000
    assert parts > 100
    assert sizes == [2 + 2 * 990_000] * 200 + [2 + 2 * 1_024_000] * 20 + [2 + 2 * 12]


def _sizes(source: Source, since: Position, tables: list[TableMap]) -> tuple[list[int], int]:
    sizes, parts, end = [], 0, source.log.here()
    with source.log.stream("test", since, tables) as stream:
        for transaction in stream:
            parts += not transaction.last
            sizes += [len(change[3][1]) for change in transaction.changes if change[3]]
            if transaction.last and transaction.position >= end:
                break
    return sizes, parts


@on_mysql
def test_the_stream_is_taken_up_again_behind_a_compressed_transaction(source: Source) -> None:
    source.run("create table t (id int primary key)")
    since, tables = source.log.here(), source.plan("t")
    source.run("set session binlog_transaction_compression = on", *(f"insert into t values ({n})" for n in range(4)))
    found = source.read(since, tables)
    assert [len(each.changes) for each in found] == [1] * 4
    assert len({each.position for each in found}) == 4
    for place, each in enumerate(found[:-1]):
        assert source.read(each.position, tables) == found[place + 1 :]
