"""Partial updates of JSON: the differences in the log give what the server has."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from landbridge.change import DELETE, INSERT, UPDATE
from tests.engines.binlog_source import Source, opened


@pytest.fixture
def source(mysql_server: Any, mysql_database: Callable[..., str]) -> Iterator[Source]:
    with opened(mysql_server, mysql_database) as found:
        found.run(
            "create table t (id int primary key, at datetime(6) default '2020-01-01', a json, skipped int as (id) stored,"
            " b json, n json not null)",
            "set session binlog_row_value_options = partial_json",
        )
        yield found


DOCUMENT = (
    '{"a": [1, 2, {"x": 1}, []], "b": "long long long long long long long long", "c d": {"é\\\\"": 1.5e300, "zz": -0.0},'
    ' "k": "\\\\u0001 \\\\\\\\ ü 🐘", "true": true, "null": null, "n": 18446744073709551615}'
)
STEPS = (
    "a = json_set(a, '$.b', 'x')",
    "a = json_remove(a, '$.a[0]')",
    "a = json_set(a, '$.\"c d\".\"é\\\\\"\"', cast(2.50 as decimal(5, 2)), '$.new', cast('2020-01-01' as date))",
    "a = json_set(a, '$.a[last]', 7)",
    "a = json_set(a, '$.a[last-1]', 8, '$.a[9]', json_object('q', null), '$.\"é.[]\"', 1)",
    "a = json_remove(a, '$.\"é.[]\"', '$.k')",
    "a = json_replace(a, '$.b[0]', 'in no array', '$.true', false)",
    "a = json_set(a, '$.b[1]', 'now in one')",
    "b = json_set(b, '$[1]', 'zz'), at = now(6)",
    "a = json_set(a, '$.a', 1), b = json_remove(b, '$[0]')",
    "b = json_set(b, '$', 'x')",
    "b = null, n = json_set(n, '$.x', 1)",
    "n = json_set(n, '$.x', json_array(1, 2), '$.y', time'10:00:00')",
    "at = '2021-01-01'",
    "a = json_set(a, '$.null', '\\0\\n')",
)


def fill(source: Source) -> None:
    source.run(f"insert into t (id, a, b, n) values (1, '{DOCUMENT}', '[1, 2, 3]', '{{}}')")


def texts(source: Source) -> tuple[bytes | None, ...]:
    row = source.ask("select cast(a as char), cast(b as char), cast(n as char) from t")[0]
    return tuple(None if text is None else text.encode() for text in row)


def partial_events(source: Source, since: str) -> int:
    _, offset, file = since.split(":")
    events = source.ask(f"show binlog events in '{file}' from {int(offset)}")
    return sum(row[2] == "Update_rows_partial" for row in events)


@pytest.mark.parametrize("image", ["full", "noblob"])
def test_differences_to_the_image_before(source: Source, image: str) -> None:
    fill(source)
    source.run(f"set session binlog_row_image = {image}")
    since, tables = source.log.here(), source.plan("t")
    wanted = []
    for step in STEPS:
        source.run(f"update t set {step}")
        wanted.append(texts(source))
    source.run("update t set id = 2, a = json_set(a, '$.b', 5)")
    *found, moved = source.changes(since, tables)
    assert [(new[2], new[3], new[4]) for _, _, _, new in found] == wanted
    assert partial_events(source, since) == len(STEPS) + 1
    assert moved[:3] == (UPDATE, 0, (b"1",))
    assert moved[3][2] == texts(source)[0]


def test_a_document_that_is_not_in_the_image_before_is_read_again(source: Source) -> None:
    fill(source)
    since, tables = source.log.here(), source.plan("t")
    source.run("set session binlog_row_image = minimal", "update t set a = json_set(a, '$.b', 'x')")
    source.run("update t set b = '[7]', a = json_remove(a, '$.b')", "update t set at = '2022-02-02', b = '[8]'")
    source.run("update t set id = id + 1, a = json_set(a, '$.a', 1)")
    assert source.changes(since, tables) == [
        (INSERT, 0, None, (b"1", ..., ..., ..., ...)),
        (INSERT, 0, None, (b"1", ..., ..., b"[7]", ...)),
        (UPDATE, 0, None, (b"1", b"2022-02-02 00:00:00.000000", ..., b"[8]", ...)),
        (DELETE, 0, (b"1",), None),
        (INSERT, 0, None, (b"2", ..., ..., ..., ...)),
    ]


def test_documents_changed_by_chance(source: Source) -> None:
    chance = random.Random(5)
    fill(source)
    source.run("update t set n = json_object('pad', repeat('x', 500))")  # small changes of it are worth a difference
    since, tables = source.log.here(), source.plan("t")
    wanted = []
    for number in range(150):
        path = "$." + ".".join(
            chance.choice(("p", "qq", '"r s"', "p[0]", "qq[last]", "p[2]")) for _ in range(chance.randint(1, 3))
        )
        value = chance.choice(
            ("1", "json_array(1, '2', null)", "json_object('qq', json_array(), 'p', 1e0)", "'text'", "2.50")
        )
        call = chance.choice(("set", "set", "insert", "replace", "remove"))
        arguments = f"'{path}'" if call == "remove" else f"'{path}', {value}"
        source.run(f"update t set n = json_{call}(n, {arguments}), at = '2020-01-01' + interval {number + 1} second")
        wanted.append(texts(source)[2])
    assert [change[3][4] for change in source.changes(since, tables)] == wanted
    assert partial_events(source, since) > 100
