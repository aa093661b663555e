"""Values in the log of real MySQL and MariaDB servers, against what the servers themselves print."""

import json
import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from landbridge.endpoints.mysql.expressions import canonical
from landbridge.model import TableMap
from tests.engines.binlog_source import SERVERS, Source, opened


@pytest.fixture(params=SERVERS)
def source(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Source]:
    with opened(request.getfixturevalue(request.param), mysql_database) as found:
        yield found


COMMON = {
    "tinyint": ["-128", "0", "127"],
    "tinyint unsigned": ["0", "255"],
    "smallint": ["-32768", "32767"],
    "smallint unsigned": ["65535"],
    "mediumint": ["-8388608", "-1", "8388607"],
    "mediumint unsigned": ["0", "16777215"],
    "int": ["-2147483648", "2147483647"],
    "int unsigned": ["4294967295"],
    "int(5) unsigned zerofill": ["7", "123456"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "bigint unsigned": ["0", "18446744073709551615"],
    "tinyint(1)": ["0", "1"],
    "bit(1)": ["b'0'", "b'1'"],
    "bit(13)": ["b'0'", "b'1000000000001'"],
    "bit(64)": ["b'1'", "18446744073709551615"],
    "decimal(12,2)": ["0", "-0.01", "9999999999.99", "-9999999999.99", "12.3"],
    "decimal(1,0)": ["-9", "0", "9"],
    "decimal(3,3)": ["-0.999", "0.001"],
    "decimal(9,9)": ["0.123456789", "-0.000000001"],
    "decimal(18,9)": ["123456789.987654321", "-1"],
    "decimal(65,30)": ["12345678901234567890123456789012345.123456789012345678901234567891", "-1e-30"],
    "decimal(65,0) unsigned": ["99999999999999999999999999999999999999999999999999999999999999999"],
    "decimal(20,10) unsigned zerofill": ["1.5"],
    "date": ["'0000-00-00'", "'2024-00-10'", "'2024-02-00'", "'1000-01-01'", "'9999-12-31'", "'0001-01-01'"],
    "datetime": ["'0000-00-00 00:00:00'", "'2024-00-10 01:02:03'", "'9999-12-31 23:59:59'", "'2024-02-29 00:00:00'"],
    "datetime(1)": ["'2024-01-02 03:04:05.6'", "'2024-01-02 03:04:05'"],
    "datetime(2)": ["'2024-01-02 03:04:05.06'"],
    "datetime(3)": ["'2024-01-02 03:04:05.067'"],
    "datetime(4)": ["'2024-01-02 03:04:05.0678'"],
    "datetime(5)": ["'2024-01-02 03:04:05.06789'"],
    "datetime(6)": ["'2024-01-02 03:04:05.067891'", "'0000-00-00 00:00:00.000001'"],
    "timestamp null": ["'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"],
    "timestamp(1) null": ["'2024-03-31 01:02:03.4'"],
    "timestamp(3) null": ["'2024-03-31 01:02:03.456'", "'0000-00-00 00:00:00'"],
    "timestamp(6) null": ["'2024-03-31 01:02:03.456789'", "'1970-01-01 00:00:01.000001'"],
    "time": ["'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'"],
    "time(1)": ["'-00:00:00.1'", "'01:02:03.9'"],
    "time(2)": ["'-01:00:00.01'", "'-00:00:59.99'"],
    "time(3)": ["'-00:00:00.125'", "'100:00:00.001'"],
    "time(4)": ["'-00:00:00.0001'", "'-02:03:04.9999'"],
    "time(5)": ["'-00:00:00.00001'"],
    "time(6)": ["'-838:59:58.999999'", "'-00:00:00.000001'", "'838:59:58.999999'"],
    "year": ["0", "1901", "2155", "2024"],
    "float unsigned": ["0", "3.4e38", "0.1"],
    "float(7,2)": ["-99999.99", "0.1"],
    "double(10,3)": ["-1234567.125"],
    "char(10)": ["''", "'a'", "'a  '", "'äöü😀'", r"'tab\t\\'"],
    "char(200)": ["'x'", "repeat('😀', 200)"],
    "varchar(20)": ["''", "'a  '", r"'\0\n\r\t\\\''", "'é中😀'"],
    "varchar(300)": ["repeat('é', 300)"],
    "varchar(20) character set latin1": ["'äö€'", "x'818d8f909d'", "'abc'"],
    "varchar(20) character set latin2": ["'Łódź'"],
    "varchar(20) character set koi8r": ["'Привет'"],
    "varchar(20) character set swe7": ["'[\\]{}ÅÄÖ'"],
    "varchar(20) character set gbk": ["'中文a字'", "x'a2a1'"],
    "varchar(20) character set big5": ["'中文a字'", "x'a145'"],
    "varchar(20) character set sjis": ["'日本語ｱ表'"],
    "varchar(20) character set cp932": ["'日本語ｱ①～'"],
    "varchar(20) character set euckr": ["'한국어a'"],
    "varchar(20) character set ujis": ["'日本語ｱ'", "x'8fb0a1'"],
    "varchar(20) character set eucjpms": ["'日本語ｱ①'"],
    "varchar(20) character set ucs2": ["'a中é'", "''"],
    "char(20) character set ucs2": ["'a中  '"],
    "varchar(20) character set utf16": ["'a中😀'"],
    "char(5) character set utf16": ["'a😀'"],
    "varchar(20) character set utf16le": ["'a中😀'"],
    "varchar(20) character set utf32": ["'a中😀'"],
    "varchar(20) character set utf8mb3": ["'a中é'"],
    "varchar(20) character set ascii": ["'abc'"],
    "tinytext": ["'x'", "repeat('y', 255)"],
    "text": ["repeat('é', 20000)"],
    "mediumtext": ["repeat('z', 70000)"],
    "longtext character set utf16": ["repeat('ü', 70000)"],
    "binary(4)": ["x'00000000'", "x'41000000'", "x'00000001'", "x'41424344'", "x'2020'"],
    "binary(255)": ["x'01'"],
    "varbinary(4)": ["''", "x'0000'", "x'20'", "x'ff0920'"],
    "varbinary(300)": ["repeat(x'00', 300)"],
    "tinyblob": ["x'00'"],
    "blob": ["''", "x'00ff5c090a0d'"],
    "mediumblob": ["repeat(x'ab', 70000)"],
    "longblob": ["x'de'"],
    "enum('a','b''c','ü,','')": ["'a'", "'b''c'", "'ü,'", "''", "4"],
    "enum('ä','ö') character set latin1": ["'ö'"],
    "set('x','y','ü') character set utf8mb4": ["''", "'x'", "'ü,x'", "7"],
    "set('ä','z') character set latin1": ["'z,ä'"],
    "point": ["st_geomfromtext('POINT(1 -2.5)')", "st_geomfromtext('POINT(0 0)')"],
    "geometry": ["st_geomfromtext('POINT(10 20)', 4326)", "st_geomfromtext('LINESTRING(0 0,1 1)', 3857)"],
    "linestring": ["st_geomfromtext('LINESTRING(0 0,1 1,2 0)')"],
    "polygon": ["st_geomfromtext('POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))')"],
    "multipoint": ["st_geomfromtext('MULTIPOINT(0 0,1 1)', 4326)"],
    "multilinestring": ["st_geomfromtext('MULTILINESTRING((0 0,1 1),(2 2,3 3))')"],
    "multipolygon": ["st_geomfromtext('MULTIPOLYGON(((0 0,4 0,4 4,0 0)))')"],
    "geometrycollection": ["st_geomfromtext('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')"],
    "float unsigned zerofill": ["0", "1.5"],
    "double(10,2) zerofill": ["0", "1.5"],
    "json": ["'{\"a\": [1, 2.5, null, true], \"é\": \"\\\\u0000\"}'", "'[]'", "'\"x\"'", "'1.0'"],
}  # fmt: skip

MANY = "'" + "','".join(f"l{number}" for number in range(300)) + "'"
LONG_SET = "'" + "','".join(f"m{number}" for number in range(64)) + "'"
COMMON |= {f"enum({MANY})": ["'l0'", "'l299'"], f"set({LONG_SET})": ["'m0,m63'", "18446744073709551615"]}

ON_MARIADB = {
    "uuid": ["'00000000-0000-0000-0000-000000000000'", "'123e4567-e89b-12d3-a456-426614174000'",
             "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'018f4e5e-1234-7abc-8def-000000000001'"],
    "inet6": ["'::'", "'::1'", "'2001:db8::ff00:42:8329'", "'::ffff:192.0.2.128'", "'::192.0.2.1'",
              "'1:0:0:2:0:0:0:3'"],
    "inet4": ["'0.0.0.0'", "'255.255.255.0'"],
    "varchar(300) compressed": ["''", "'short'", "repeat('é', 300)"],
    "text compressed character set latin1": ["repeat('ä', 5000)"],
    "mediumblob compressed": ["repeat(x'00ff', 50000)", "x''"],
    "varbinary(200) compressed": ["repeat(x'07', 200)"],
}  # fmt: skip

ON_MYSQL = {"varchar(20) character set gb18030": ["'中文😀a'"]}

LOOSE = "set session sql_mode = 'ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'"


def test_every_type_reads_as_the_server_prints_it(source: Source) -> None:
    types = COMMON | (ON_MARIADB if source.mariadb else ON_MYSQL)
    if source.ask("select version()")[0][0].startswith("11.8"):
        types = types | {"timestamp(2) null": ["'2106-02-07 06:28:15.12'"]}
    columns = [f"c{number} {_nullable(native)}" for number, native in enumerate(types)]
    source.run(LOOSE, f"create table t (id int primary key, {', '.join(columns)}) row_format=dynamic")
    since, tables = source.log.here(), source.plan("t")
    values = list(types.values())
    for row in range(max(map(len, values)) + 1):
        fields = [each[row] if row < len(each) else "null" for each in values]
        source.run(f"insert into t values ({row}, {', '.join(fields)})")
    found = {change[3][0]: change[3] for change in source.changes(since, tables)}
    wanted = _as_selected(source, tables[0])
    assert found.keys() == wanted.keys()
    assert _differences(["int", *types], found, wanted) == []


def _nullable(native: str) -> str:
    return native if native.startswith(("timestamp", "set")) else f"{native} null"


def _differences(types: list[str], found: dict[bytes, Any], wanted: dict[bytes, Any]) -> list[tuple[Any, ...]]:
    return [
        (native, seen, real)
        for key in wanted
        for native, seen, real in zip(types, found[key], wanted[key], strict=True)
        if seen != real and not (native.startswith(("float", "double")) and seen and float(seen) == float(real))
    ]


def _as_selected(source: Source, table: TableMap) -> dict[bytes, tuple[bytes | None, ...]]:
    fields = table.source_side.fields
    expressions = [f"if(`{field.name}` is null, null, hex(concat({canonical(field)}, '')))" for field in fields]
    found = source.ask(f"select {', '.join(expressions)} from `{table.source.name.name}`")
    texts = [tuple(None if text is None else bytes.fromhex(text) for text in row) for row in found]
    return {row[0]: row for row in texts}


def test_numbers_at_random(source: Source) -> None:
    """Each as the driver reads it, so compared with digits that our own expressions had no part in."""
    pick = random.Random(7)
    source.run("create table r (id int primary key, d double, f float, n decimal(38,19), i bigint)")
    since, tables = source.log.here(), source.plan("r")
    rows = []
    for number in range(400):
        digits = pick.randrange(1, 18)
        double = float(f"{pick.randrange(-(10**digits), 10**digits)}e{pick.randrange(-30, 20)}")
        decimal = f"{pick.randrange(-(10**19), 10**19)}.{pick.randrange(10**19):019d}"
        rows.append(f"({number}, {double!r}, {double!r}, {decimal}, {pick.randrange(-(2**63), 2**63)})")
    source.run(f"insert into r values {', '.join(rows)}")
    wanted = source.ask("select id, d, f + 0e0, n, i, concat(d) from r")
    found = {int(change[3][0]): change[3] for change in source.changes(since, tables)}
    assert len(found) == 400
    for key, double, single, decimal, integer, text in wanted:
        _, seen_double, seen_single, seen_decimal, seen_integer = found[key]
        assert struct.pack("d", float(seen_double)) == struct.pack("d", double)
        assert struct.pack("f", float(seen_single)) == struct.pack("f", single)
        assert (seen_decimal, seen_integer) == (str(decimal).encode(), str(integer).encode())
        assert not source.mariadb or seen_double == text.encode()


def _document(pick: random.Random, depth: int) -> Any:
    shape = pick.random()
    if depth and shape < 0.25:
        return [_document(pick, depth - 1) for _ in range(pick.randrange(6))]
    if depth and shape < 0.5:
        return {_string(pick): _document(pick, depth - 1) for _ in range(pick.randrange(6))}
    numbers = (pick.randrange(-(2**63), 2**64), pick.randrange(-300, 300), pick.randrange(-(2**31), 2**33))
    reals = (pick.random() * 10 ** pick.randrange(-25, 25), float(pick.randrange(-99, 99)))
    return pick.choice([None, True, False, *numbers, *reals, _string(pick), _string(pick) * 60])


def _string(pick: random.Random) -> str:
    return "".join(pick.choice("ab\"\\/\n\t\r\b\f\x01\x1f\x7fé中😀 '") for _ in range(pick.randrange(8)))


def test_documents_at_random(source: Source) -> None:
    pick = random.Random(11)
    documents = [_document(pick, 4) for _ in range(150)]
    documents += [{f"key{n}": [n, "x" * 100, {"a": n * 1.5}] for n in range(2000)}, [*range(30_000)], "y" * 70_000]
    source.run("create table j (id int primary key, j json)")
    since, tables = source.log.here(), source.plan("j")
    with source.connection.cursor() as cursor:
        for number, document in enumerate(documents):
            cursor.execute("insert into j values (%s, %s)", (number, json.dumps(document)))
    if not source.mariadb:
        source.run(
            "insert into j values (1000, json_array(cast('-12.50' as decimal(60,20)), cast('2024-02-29' as date),"
            " cast('2024-01-02 03:04:05.000006' as datetime(6)), cast('-01:02:03.5' as time(1)), x'00ff',"
            " repeat(_binary'x', 300), b'101', st_geomfromtext('POINT(1 2)'), cast(2024 as year), 1e16, -0e0))"
        )
    wanted = {str(key).encode(): text.encode() for key, text in source.ask("select id, cast(j as char) from j")}
    found = {change[3][0]: change[3][1] for change in source.changes(since, tables)}
    assert len(found) >= 153
    assert found == wanted


def test_every_character_set(source: Source) -> None:
    """Characters of all kinds, each where the character set has it; '?' else."""
    names = [row[0] for row in source.ask("select character_set_name from information_schema.character_sets")]
    names = sorted(name for name in names if name != "binary")
    source.run("set session sql_mode = ''")
    columns = ", ".join(f"c_{name} varchar(100) character set {name}" for name in names)
    source.run(f"create table c (id int primary key, {columns}) row_format = dynamic")
    since, tables = source.log.here(), source.plan("c")
    pick = random.Random(13)
    alphabet = "az09~\\{}[]|^éäÅжЯ中字語한글ｱ表①～Ωλשثกąłőığ€½€ \u0081ÿ😀"
    with source.connection.cursor() as cursor:
        for number in range(30):
            text = "".join(pick.choices(alphabet, k=12)) + "".join(chr(pick.randrange(0x20, 0xD7FF)) for _ in range(8))
            cursor.execute(
                f"insert into c values (%s, {', '.join(['%s'] * len(names))})", (number, *[text] * len(names))
            )
    found = {change[3][0]: change[3] for change in source.changes(since, tables)}
    wanted = _as_selected(source, tables[0])
    assert _differences(["id", *names], found, wanted) == []
    assert len(set(found[b"0"])) > 10
