"""Rows formatted by the source server, parsed by the target server: nothing added, nothing lost, no byte changed."""

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from landbridge import kinds
from landbridge.endpoints.mysql.connection import Database as MysqlDatabase
from landbridge.endpoints.mysql.snapshot import SnapshotReader as MysqlReader
from landbridge.endpoints.mysql.sums import Viewer as MysqlViewer
from landbridge.endpoints.postgres.connection import Database as PostgresDatabase
from landbridge.endpoints.postgres.load import Loader
from landbridge.endpoints.postgres.sums import Viewer as PostgresViewer
from landbridge.model import EVERYTHING, Bounds, Copied, Relation
from landbridge.pipe import copy
from tests.engines import every_kind
from tests.engines.every_kind import KEY, NAME, Sample, mysql_quote, postgres_quote
from tests.support import mysql_connection, postgres_connection, rows

MYSQL_SERVERS = ("mariadb_server", "mariadb11_server", "mysql_server")


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A database of the MySQL family and an empty one of PostgreSQL, by our endpoints and by the plain drivers."""

    source: MysqlDatabase
    target: PostgresDatabase
    schema: str
    source_driver: Any
    target_driver: Any
    samples: tuple[Sample, ...]

    @property
    def relations(self) -> tuple[Relation, Relation]:
        return every_kind.relations(self.samples, self.schema, "public")

    def load(self, source: Relation, target: Relation, bounds: Bounds = EVERYTHING) -> Copied:
        reader, loader = MysqlReader(self.source), Loader(self.target)
        with self.target.engine().begin() as connection:
            return copy(
                lambda sink: reader.read(source, bounds, sink), lambda blocks: loader.load(connection, target, blocks)
            )

    def sums(self, source: Relation, target: Relation, bounds: Bounds = EVERYTHING) -> tuple[Any, Any]:
        with MysqlViewer(self.source).view() as left, PostgresViewer(self.target).view() as right:
            return left.sum(source, bounds), right.sum(target, bounds)


@pytest.fixture(params=MYSQL_SERVERS)
def lane(
    request: pytest.FixtureRequest, postgres_target_server: Any, postgres_database: Any, mysql_database: Any
) -> Iterator[Lane]:
    server = request.getfixturevalue(request.param)
    schema, database = mysql_database(server), postgres_database(postgres_target_server)
    source, target = mysql_connection(server, schema), postgres_connection(postgres_target_server, database)
    yield Lane(
        source=every_kind.mysql_endpoint(server),
        target=every_kind.postgres_endpoint(postgres_target_server, database),
        schema=schema,
        source_driver=source,
        target_driver=target,
        samples=every_kind.MYSQL if request.param == "mysql_server" else every_kind.MARIADB,
    )
    source.close()
    target.close()


def test_every_kind_arrives_as_it_was(lane: Lane) -> None:
    count = every_kind.fill_source(lane.source_driver, lane.samples)
    every_kind.make_target(lane.target_driver, lane.samples)
    copied = lane.load(*lane.relations)
    assert copied.rows == count
    theirs, ours = _read_source(lane), _read_target(lane)
    assert len(theirs) == count
    assert theirs == ours


def test_both_servers_find_the_same_texts_and_sums(lane: Lane) -> None:
    count = every_kind.fill_source(lane.source_driver, lane.samples)
    every_kind.make_target(lane.target_driver, lane.samples)
    lane.load(*lane.relations)
    source, target = lane.relations
    with MysqlViewer(lane.source).view() as left, PostgresViewer(lane.target).view() as right:
        theirs, ours = sorted(left.rows(source, EVERYTHING)), sorted(right.rows(target, EVERYTHING))
    assert len(theirs) == count
    by_value = {place for place, field in enumerate(source.fields) if isinstance(field.kind, kinds.Float)}
    by_value |= {place for place, field in enumerate(source.fields) if field.kind == kinds.Json()}
    for left_row, right_row in zip(theirs, ours, strict=True):
        for place, (theirs_text, ours_text) in enumerate(zip(left_row, right_row, strict=True)):
            if place not in by_value:
                assert theirs_text == ours_text, source.fields[place].name
            elif theirs_text is not None:
                assert _value(source.fields[place].kind, theirs_text) == _value(source.fields[place].kind, ours_text)
    exact = tuple(s for s in lane.samples if not isinstance(s.kind, kinds.BY_VALUE))
    theirs_sum, ours_sum = lane.sums(*every_kind.relations(exact, lane.schema, "public"))
    assert theirs_sum.rows == count
    assert theirs_sum == ours_sum
    # The usual numbers and documents agree to the letter, so that their tables need no comparison by value.
    plain = "`double` in (0, 0.1, 1e16) or `the ``key``` = -1"
    assert rows(lane.source_driver, f"select count(*) from {mysql_quote(NAME)} where {plain}")[0][0] > 3


def _read_source(lane: Lane) -> list[tuple[Any, ...]]:
    """By the plain driver, every value as the server's own text or bytes."""
    driver = lane.source_driver
    driver.decoders, driver.use_unicode = {}, False
    columns = ", ".join(_raw_source(s) for s in lane.samples)
    found = rows(driver, f"select {mysql_quote(KEY)}, {columns} from {mysql_quote(NAME)} order by 1")
    return [_values(lane, row) for row in found]


def _raw_source(sample: Sample) -> str:
    column = mysql_quote(sample.name)
    return f"{column} + 0e0" if sample.name in ("float", "float(7,3)", "double(20,2)") else column


def _read_target(lane: Lane) -> list[tuple[Any, ...]]:
    columns = ", ".join(f"{postgres_quote(s.name)}{'' if s.target == 'bytea' else '::text'}" for s in lane.samples)
    found = rows(
        lane.target_driver,
        f"select {postgres_quote(KEY)}::text, {columns} from {postgres_quote(NAME)} order by {postgres_quote(KEY)}",
    )
    return [_values(lane, row) for row in found]


def _values(lane: Lane, row: tuple[Any, ...]) -> tuple[Any, ...]:
    some = (None if value is None else _value(s.kind, value) for s, value in zip(lane.samples, row[1:], strict=True))
    return (int(row[0]), *some)


def _value(kind: kinds.Kind, value: Any) -> Any:
    """What a text or bytes of either side means."""
    if isinstance(kind, kinds.Bytes):
        return bytes(value)
    if isinstance(kind, kinds.Bit):
        bits = value if isinstance(value, str) else "".join(f"{byte:08b}" for byte in value)
        return int(bits, 2)
    text = value.decode() if isinstance(value, bytes) else value
    return _READ.get(type(kind), str)(text)


def _seconds(text: str) -> tuple[str, Decimal]:
    date, _, clock = text.removesuffix("+00").rpartition(" ")
    hours, minutes, seconds = clock.split(":")
    return date, int(hours) * 3600 + int(minutes) * 60 + Decimal(seconds)


def _address(text: str) -> str:
    import ipaddress

    return str(ipaddress.ip_interface(text).ip)


_READ: dict[type, Callable[[str], Any]] = {
    kinds.Int: int,
    kinds.Decimal: Decimal,
    kinds.Year: int,
    kinds.Bool: lambda text: {"0": False, "false": False, "1": True, "true": True}[text],
    kinds.Float: lambda text: struct.pack(">d", struct.unpack("f", struct.pack("f", float(text)))[0])
    if abs(float(text)) < 3.5e38 and float(text) == struct.unpack("f", struct.pack("f", float(text)))[0]
    else struct.pack(">d", float(text)),
    kinds.Json: json.loads,
    kinds.Time: lambda text: _seconds(" " + text),
    kinds.Timestamp: _seconds,
    kinds.TimestampTz: _seconds,
    kinds.Inet: _address,
}
