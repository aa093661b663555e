"""Texts and bytes of 64 MB arrive whole, by load and by log, also where the source takes only smaller packets."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.engines.sweep import Sweep
from tests.engines.test_kinds_sweep import pair  # noqa: F401
from tests.support import mysql_connection, rows

SIZE = 64 * 1024 * 1024
ROOM = ("--max-allowed-packet=1G", "--local-infile=ON")
VALUES = {
    "mysql": (f"repeat('ab\\\\é\t☃\n0', {SIZE // 11 + 1})", f"repeat(x'00ff5c0a', {SIZE // 4})"),
    "postgres": (f"repeat(E'ab\\\\é\t☃\n0', {SIZE // 11 + 1})", rf"decode(repeat('00ff5c0a', {SIZE // 4}), 'hex')"),
}
TABLES = {
    "mysql": "create table large (id int primary key, t longtext character set utf8mb4, b longblob)",
    "postgres": "create table large (id int primary key, t text, b bytea)",
}
PAIRS = [
    ("mysql_roomy", "postgres_server"), ("mariadb_roomy", "mysql_roomy"), ("postgres_server", "mariadb_roomy"),
    ("postgres_server", "postgres_target_server"),
]  # fmt: skip


@pytest.fixture(scope="module")
def mysql_roomy(start_mysql: Callable[..., Any]) -> Any:
    return start_mysql("9.7", *ROOM, "--innodb-redo-log-capacity=2G")


@pytest.fixture(scope="module")
def mariadb_roomy(start_mysql: Callable[..., Any]) -> Any:
    return start_mysql("11", *ROOM, "--innodb-log-file-size=1G")


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_64_mb_arrive_whole(
    pair: Callable[..., Sweep],  # noqa: F811
    source: str,
    target: str,
    request: pytest.FixtureRequest,
) -> None:
    family = "postgres" if source.startswith("postgres") else "mysql"
    text, blob = VALUES[family]
    for each in {source, target} - {"postgres_server", "postgres_target_server"}:
        _take_packets_of(request.getfixturevalue(each), 1 << 30)
    sweep = pair(source, target)
    sweep.run(TABLES[family])
    sweep.run(f"insert into large values (1, {text}, null), (2, null, {blob})")
    sweep.run("insert into large values (3, 'small', null)")
    if family == "mysql":
        _take_packets_of(request.getfixturevalue(source), 16 << 20)
    sweep.follow(
        lambda: sweep.run(f"update large set t = {text} where id = 3; update large set b = {blob} where id = 1")
    )
    sweep.verify()
    place, length = ("public.large", "octet_length") if target.startswith("postgres") else ("large", "length")
    whole = (SIZE // 11 + 1) * 11
    assert sweep.ask(f"select id, {length}(t), {length}(b) from {place} order by id") == [
        (1, whole, SIZE), (2, None, SIZE), (3, whole, None),
    ]  # fmt: skip


def _take_packets_of(server: Any, size: int) -> None:
    """Of connections from now on."""
    connection = mysql_connection(server)
    rows(connection, f"set global max_allowed_packet = {size}")
    connection.close()
