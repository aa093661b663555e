"""One table with a column of every kind that travels from the MySQL family, and rows of values that break things."""

from dataclasses import dataclass
from typing import Any

from landbridge import kinds
from landbridge.endpoints.mysql.connection import Database as MysqlDatabase
from landbridge.endpoints.postgres.connection import Database as PostgresDatabase
from landbridge.model import Field, Relation, TableName
from landbridge.plan import EndpointRef
from tests.support import rows

NAME = "every `kind` %s \"q\" 'x'"
KEY = "the `key`"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A column: its type on both sides, values as SQL of the source, and one more value as SQL of the target."""

    name: str
    native: str
    kind: kinds.Kind
    target: str
    values: tuple[str, ...]
    other: str

    @property
    def source_type(self) -> str:
        """The type as the catalog gives it: without character set and collation."""
        return self.native.partition(" character set")[0]


def _int(bits: int, native: str, target: str, *, unsigned: bool = False) -> Sample:
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    name = native + " unsigned" * unsigned
    kind = kinds.Int(bits=bits, unsigned=unsigned)
    return Sample(name=name, native=name, kind=kind, target=target, values=(str(low), str(high), "0", "7"), other="8")


def _text(name: str, native: str, target: str, *values: str, length: int | None = None, fixed: bool = False) -> Sample:
    kind = kinds.Text(length=length, fixed=fixed)
    return Sample(name=name, native=native, kind=kind, target=target, values=values, other="'other'")


ODD = (r"'tab\there'", r"'line\nfeed'", r"'back\\slash'", r"'car\rriage'", "''", "' spaces '", r"'\\N'", r"'\\.'",
       "'☃😀'", r"'\\t'", r"'\b\Z'", r"'a\tb\\\n\r\\'", "'N'", "'%s'", "'\"'")  # fmt: skip

COMMON = (
    _int(8, "tinyint", "smallint"),
    _int(8, "tinyint", "smallint", unsigned=True),
    _int(16, "smallint", "smallint"),
    _int(16, "smallint", "integer", unsigned=True),
    _int(24, "mediumint", "integer"),
    _int(24, "mediumint", "integer", unsigned=True),
    _int(32, "int", "integer"),
    _int(32, "int", "bigint", unsigned=True),
    _int(64, "bigint", "bigint"),
    _int(64, "bigint", "numeric(20,0)", unsigned=True),
    Sample(name="filled", native="int(8) unsigned zerofill", kind=kinds.Int(bits=32, unsigned=True), target="bigint",
           values=("0", "42", "4294967295"), other="43"),
    Sample(name="decimal 65", native="decimal(65,30)", kind=kinds.Decimal(precision=65, scale=30),
           target="numeric(65,30)", values=("-" + "9" * 35 + "." + "9" * 30, "0", "-0.1", "1e-30", "123.456"), other="1e-29"),
    Sample(name="decimal 10", native="decimal(10,0)", kind=kinds.Decimal(precision=10, scale=0), target="numeric(10,0)",
           values=("-9999999999", "0", "42"), other="43"),
    Sample(name="decimal 5", native="decimal(5,5)", kind=kinds.Decimal(precision=5, scale=5), target="numeric(5,5)",
           values=("-0.99999", "0", "0.00001", "0.1"), other="0.00002"),
    Sample(name="decimal filled", native="decimal(9,2) unsigned zerofill", kind=kinds.Decimal(precision=9, scale=2),
           target="numeric(9,2)", values=("0", "42.5", "9999999.99"), other="42.51"),
    Sample(name="float", native="float", kind=kinds.Float(bits=32), target="real",
           values=("0", "0.1", "-3.4028234e38", "-1.17549435e-38", "16777217", "1.4e-45", "-1e-7", "123456.7"),
           other="0.2"),
    Sample(name="float(7,3)", native="float(7,3)", kind=kinds.Float(bits=32), target="real",
           values=("0.1", "-1234.567"), other="0.2"),
    Sample(name="double", native="double", kind=kinds.Float(bits=64), target="double precision",
           values=("0", "0.1", "-1.7976931348623157e308", "-2.2250738585072014e-308", "4.9e-324", "1e15", "1e16",
                   "-0.000012345678901234567", "123456789012345678"), other="0.30000000000000004"),
    Sample(name="double unsigned", native="double unsigned", kind=kinds.Float(bits=64), target="double precision",
           values=("0", "2.2250738585072014e-308", "0.1", "12345678.9"), other="0.2"),
    Sample(name="double filled", native="double unsigned zerofill", kind=kinds.Float(bits=64),
           target="double precision", values=("0", "2.2250738585072014e-308", "0.1", "1e300", "10"), other="0.2"),
    Sample(name="double(20,2)", native="double(20,2)", kind=kinds.Float(bits=64), target="double precision",
           values=("-0.1", "0.3", "12345678901234567.89", "-1e-1"), other="0.31"),
    Sample(name="bool", native="tinyint(1)", kind=kinds.Bool(), target="boolean", values=("0", "1"), other="null"),
    Sample(name="date", native="date", kind=kinds.Date(), target="date",
           values=("'0001-01-01'", "'9999-12-31'", "'2024-02-29'"), other="'2024-02-28'"),
    Sample(name="time", native="time", kind=kinds.Time(), target="time(0) without time zone",
           values=("'00:00:00'", "'23:59:59'"), other="'00:00:01'"),
    Sample(name="time 6", native="time(6)", kind=kinds.Time(fsp=6), target="time(6) without time zone",
           values=("'00:00:00.000001'", "'23:59:59.999999'", "'12:00:00'", "'01:02:03.5'"), other="'00:00:01.5'"),
    Sample(name="datetime", native="datetime", kind=kinds.Timestamp(), target="timestamp(0) without time zone",
           values=("'1000-01-01'", "'9999-12-31 23:59:59'"), other="'2024-02-28'"),
    Sample(name="datetime 3", native="datetime(3)", kind=kinds.Timestamp(fsp=3),
           target="timestamp(6) without time zone", values=("'0001-01-01'", "'9999-12-31 23:59:59.999'", "'2024-01-01 00:00:00.100'"),
           other="'2024-01-01 00:00:00.100001'"),
    Sample(name="datetime 6", native="datetime(6)", kind=kinds.Timestamp(fsp=6),
           target="timestamp(6) without time zone", values=("'2024-01-01 10:20:30.000001'", "'9999-12-31 23:59:59.999999'", "'2024-03-31 02:30:00'"),
           other="'2024-02-28'"),
    Sample(name="timestamp", native="timestamp null", kind=kinds.TimestampTz(), target="timestamp(0) with time zone",
           values=("'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'2024-03-31 02:30:00'"), other="'2024-02-28'"),
    Sample(name="timestamp 4", native="timestamp(4) null", kind=kinds.TimestampTz(fsp=4),
           target="timestamp(4) with time zone", values=("'2024-10-27 00:30:00.1234'", "'1999-12-31 23:59:59'"),
           other="'2024-02-28'"),
    _text("varchar", "varchar(100) character set utf8mb4", "character varying(100)", *ODD, length=100),
    _text("varchar b", "varchar(100) character set utf8mb4", "character varying(100)", *ODD[1:], ODD[0], length=100),
    _text("char", "char(10) character set utf8mb4", "character varying(10)", "'a'", "' b '", "''", r"'\t'", length=10,
          fixed=True),
    _text("latin1", "varchar(50) character set latin1", "character varying(50)", r"'é€\\'", "''", "'\t'", "'plain'",
          length=50),
    _text("gbk", "varchar(50) character set gbk", "character varying(50)", r"'汉字\\'", r"'誠\t'", r"'\\'", length=50),
    _text("utf16", "varchar(50) character set utf16", "character varying(50)", r"'汉😀\\'", r"'\n'", "'a'", length=50),
    _text("binary order", "varchar(50) character set utf8mb4 collate utf8mb4_bin", "character varying(50)", "'A'",
          "'a'", length=50),
    _text("text", "text character set utf8mb4", "text", "repeat('long \\\\ text\n', 5000)", "''", "'short'"),
    _text("mediumtext", "mediumtext character set latin1", "text", "repeat('é', 300000)", "'x'"),
    Sample(name="binary", native="binary(4)", kind=kinds.Bytes(length=4, fixed=True), target="bytea",
           values=("x''", "x'00000000'", "x'61000000'", "x'5c090a0d'"), other=r"'\x62000000'"),
    Sample(name="varbinary", native="varbinary(100)", kind=kinds.Bytes(length=100), target="bytea",
           values=("x''", "x'00'", "x'0000'", "x'5c4e'", "x'ff00fe0d0a09'"), other=r"'\x000000'"),
    Sample(name="blob", native="longblob", kind=kinds.Bytes(), target="bytea",
           values=("repeat(x'00ff5c', 350000)", "x''", "x'00'"), other=r"'\x01'"),
    Sample(name="enum", native=r"enum('a','b c','tab\t','ü','x,y','')", target="text",
           kind=kinds.Enum(labels=("a", "b c", "tab\t", "ü", "x,y", "")),
           values=("'a'", r"'tab\t'", "'ü'", "'x,y'", "''"), other="'b c'"),
    Sample(name="set", native="set('a','b c','ü')", kind=kinds.Set(labels=("a", "b c", "ü")), target="text",
           values=("'a'", "'ü,a'", "''", "'a,b c,ü'"), other="'b c'"),
    Sample(name="bit 1", native="bit(1)", kind=kinds.Bit(length=1), target="bit(1)", values=("b'0'", "b'1'"),
           other="null"),
    Sample(name="bit 13", native="bit(13)", kind=kinds.Bit(length=13), target="bit(13)",
           values=("b'0'", "b'1'", "b'1111111111111'"), other="B'0000000000010'"),
    Sample(name="bit 64", native="bit(64)", kind=kinds.Bit(length=64), target="bit(64)",
           values=("b'0'", "~0", "b'1'", "x'8000000000000001'"), other="B'10'::bit(64)"),
    Sample(name="year", native="year", kind=kinds.Year(), target="smallint", values=("2024", "1901", "2155", "0"),
           other="7"),
)  # fmt: skip

_DOCUMENTS = (r"""'{"b": 1, "aa": [1, 2.5, null, "x\\n☃😀"], "c": {"d": "\\\\"}}'""", "'null'", "'\"s\\\\t\"'", "'[]'")

MYSQL = (
    *COMMON,
    Sample(name="json", native="json", kind=kinds.Json(), target="jsonb", values=_DOCUMENTS, other="'[1]'"),
)

MARIADB = (
    *COMMON,
    Sample(name="json", native="longtext character set utf8mb4", kind=kinds.Json(exact=True), target="json",
           values=(*_DOCUMENTS, r"""'{"b":1,  "b":2 }'"""), other="'[1]'"),
    Sample(name="uuid", native="uuid", kind=kinds.Uuid(), target="uuid",
           values=("'6CCD780C-BABA-1026-9564-5B8C656024DB'", "'00000000-0000-0000-0000-000000000000'"),
           other="'6ccd780c-baba-1026-9564-5b8c656024dc'"),
    Sample(name="inet4", native="inet4", kind=kinds.Inet(), target="inet", values=("'1.2.3.4'", "'0.0.0.0'"),
           other="'1.2.3.5'"),
    Sample(name="inet6", native="inet6", kind=kinds.Inet(), target="inet",
           values=("'::1'", "'2001:db8::1'", "'::ffff:1.2.3.4'", "'1:0:2:3:4:5:6:7'", "'1:0:0:2:3:0:0:4'", "'::'"),
           other="'::2'"),
)  # fmt: skip


def relations(samples: tuple[Sample, ...], source_schema: str, target_schema: str) -> tuple[Relation, Relation]:
    key = kinds.Int(bits=32)
    source = [Field(name=KEY, kind=key, native="int")]
    target = [Field(name=KEY, kind=key, native="integer")]
    source += [Field(name=s.name, kind=s.kind, native=s.source_type) for s in samples]
    target += [Field(name=s.name, kind=s.kind, native=s.target) for s in samples]
    here, there = (TableName(schema=schema, name=NAME) for schema in (source_schema, target_schema))
    return (
        Relation(number=0, name=here, fields=tuple(source), key=(0,)),
        Relation(number=0, name=there, fields=tuple(target), key=(0,)),
    )


def mysql_quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def postgres_quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def fill_source(connection: Any, samples: tuple[Sample, ...]) -> int:
    """Makes the table in the connection's database, every value of a column beside every other's; returns the rows."""
    columns = ", ".join(f"{mysql_quote(s.name)} {s.native}" for s in samples)
    table = mysql_quote(NAME)
    rows(connection, "set sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00'")
    rows(connection, f"create table {table} ({mysql_quote(KEY)} int primary key, {columns}) engine=innodb")
    count = max(len(s.values) for s in samples) + 2
    for number in range(count):
        values = ", ".join(s.values[number % len(s.values)] for s in samples)
        rows(connection, f"insert into {table} values ({number}, {values})")
    rows(connection, f"insert into {table} ({mysql_quote(KEY)}) values (-1)")
    return count + 1


def make_target(connection: Any, samples: tuple[Sample, ...], schema: str = "public") -> None:
    columns = ", ".join(f"{postgres_quote(s.name)} {s.target}" for s in samples)
    table = f"{postgres_quote(schema)}.{postgres_quote(NAME)}"
    rows(connection, f"create table {table} ({postgres_quote(KEY)} int primary key, {columns})")


def mysql_endpoint(server: Any, database: str | None = None) -> MysqlDatabase:
    ref = EndpointRef(engine="mysql", host=server.host, port=server.port, user=server.user, database=database)
    return MysqlDatabase(ref)


def postgres_endpoint(server: Any, database: str) -> PostgresDatabase:
    ref = EndpointRef(engine="postgres", host=server.host, port=server.port, user=server.user, database=database)
    return PostgresDatabase(ref)
