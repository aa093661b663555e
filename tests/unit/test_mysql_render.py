"""Kinds as types of MySQL and MariaDB, and what of names, keys and rows fits there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge import kinds
from landbridge.endpoints.mysql import names
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.kinds import kind_of, render
from landbridge.endpoints.mysql.schema import columns, definition, lengths, options
from landbridge.endpoints.mysql.schema.alike import widened
from landbridge.endpoints.mysql.schema.constraints import ConstraintNames
from landbridge.endpoints.mysql.schema.target import Target
from landbridge.errors import Unsupported
from landbridge.kinds import Kind
from landbridge.model import Column, ForeignKey, Table, TableMap, TableName
from landbridge.plan import EndpointRef

INT = kinds.Int(bits=32)

SAME = [
    (kinds.Int(bits=8), "tinyint"),
    (kinds.Int(bits=16), "smallint"),
    (kinds.Int(bits=24), "mediumint"),
    (INT, "int"),
    (kinds.Int(bits=64), "bigint"),
    (kinds.Int(bits=32, unsigned=True), "int unsigned"),
    (kinds.Bool(), "tinyint(1)"),
    (kinds.Time(fsp=6), "time(6)"),
    (kinds.Text(), "longtext"),
    (kinds.Text(length=16_383), "varchar(16383)"),
    (kinds.Text(length=16_384), "longtext"),
    (kinds.Text(length=255, fixed=True), "char(255)"),
    (kinds.Text(length=256, fixed=True), "varchar(256)"),
    (kinds.Text(fixed=True), "longtext"),
    (kinds.Bytes(), "longblob"),
    (kinds.Bytes(length=16), "varbinary(16)"),
    (kinds.Bytes(length=16, fixed=True), "binary(16)"),
    (kinds.Enum(labels=("a", "it's", "\\", "")), r"enum('a','it''s','\\','')"),
    (kinds.Set(labels=("a", "b")), "set('a','b')"),
    (kinds.Bit(length=64), "bit(64)"),
    (kinds.Year(), "year"),
    (kinds.Inet(), "varchar(43)"),
    (kinds.Vector(dimension=3), "vector(3)"),
]


@pytest.mark.parametrize("mariadb", [False, True])
@pytest.mark.parametrize(("kind", "native"), SAME, ids=[native for _, native in SAME])
def test_kinds_that_lose_nothing(kind: Kind, native: str, mariadb: bool) -> None:
    assert render(kind, mariadb=mariadb) == (native, ())


TOLD = [
    (kinds.Decimal(precision=65, scale=30), "decimal(65,30)"),
    (kinds.Decimal(precision=10, scale=None), "decimal(10,0)"),
    (kinds.Float(bits=32), "float"),
    (kinds.Float(bits=64), "double"),
    (kinds.Date(), "date"),
    (kinds.Timestamp(fsp=3), "datetime(3)"),
    (kinds.TimestampTz(fsp=6), "datetime(6)"),
    (kinds.Bit(length=65), "longtext"),
    (kinds.Bit(length=8, varying=True), "longtext"),
    (kinds.Enum(labels=("a ",)), "longtext"),
    (kinds.Enum(labels=()), "longtext"),
    (kinds.Set(labels=tuple(map(str, range(65)))), "longtext"),
    (kinds.Array(element=INT, native="integer[]"), "json"),
    (kinds.Composite(fields=(("a", INT),), native="s.t"), "json"),
    (kinds.Hstore(), "json"),
    (kinds.Geometry(), "geometry"),
    (kinds.Geometry(subtype="multipolygon", srid=4326), "multipolygon"),
    (kinds.Other(native="interval"), "longtext"),
]


@pytest.mark.parametrize(("kind", "native"), TOLD, ids=[str(kind) for kind, _ in TOLD])
def test_kinds_that_lose_something(kind: Kind, native: str) -> None:
    found, losses = render(kind)
    assert found == native
    assert {loss.blocking for loss in losses} == {False}


@pytest.mark.parametrize(
    "kind",
    [
        kinds.Decimal(),
        kinds.Decimal(precision=66, scale=0),
        kinds.Decimal(precision=40, scale=31),
        kinds.Geometry(subtype="pointz"),
    ],
)
def test_kinds_that_stop_the_plan(kind: Kind) -> None:
    native, [loss] = render(kind)
    assert loss.blocking
    assert loss.choices
    assert "double" not in native


def test_what_the_flavours_have_of_their_own() -> None:
    assert render(kinds.Uuid()) == ("char(36)", ())
    native, [loss] = render(kinds.Uuid(), mariadb=True)
    assert (native, loss.blocking) == ("uuid", False)
    assert render(kinds.Json(exact=True))[0] == "longtext"
    assert render(kinds.Json())[0] == "json"
    assert render(kinds.Json(exact=True), mariadb=True) == ("json", ())
    assert render(kinds.Vector(dimension=3), vectors=False)[0] == "json"


@pytest.mark.parametrize("kind", [kind for kind, _ in (*SAME, *TOLD) if not isinstance(kind, kinds.DOCUMENTS)])
def test_a_type_is_known_when_it_is_read_again(kind: Kind) -> None:
    assert not isinstance(kind_of(render(kind)[0]), kinds.Other)


def test_names() -> None:
    assert names.fits("ü" * 64)
    assert not names.fits("n" * 65)
    assert not names.fits("😀")
    assert not names.fits("blank ")
    assert names.shorten("n" * 64) == "n" * 64
    long, other = names.shorten("n" * 65), names.shorten("n" * 66)
    assert (len(long), len(other)) == (64, 64)
    assert long != other
    assert names.fits(names.shorten("a 😀 "))


def test_constraints_get_names_of_their_own() -> None:
    given_out = ConstraintNames()
    one, two = (TableName(schema="s", name=name) for name in ("one", "two"))
    assert given_out.name("check", one, "c") == "c"
    assert given_out.name("check", one, "c") == "c"
    assert given_out.name("foreign key", two, "c") == "c"
    assert given_out.name("check", two, "C") not in ("c", "C")
    assert given_out.name("check", TableName(schema="t", name="two"), "c") == "c"
    assert given_out.name("check", two, "CONSTRAINT_1") == "two_chk_1"


def test_shares_of_a_key() -> None:
    natives = {"i": "int", "v": "varchar(100)", "t": "longtext", "u": "longtext", "j": "json", "b": "varchar(1000)"}
    assert lengths.share(("i", "v"), natives) == {}
    assert lengths.share(("t",), natives) == {"t": 3072}
    assert lengths.share(("i", "v", "t", "u"), natives) == {"t": (3072 - 404) // 2, "u": (3072 - 404) // 2}
    assert lengths.share(("b",), natives) == {"b": 3072}
    assert lengths.share(("i", "j"), natives) is None
    assert lengths.share(tuple("i" * 17), natives) is None


@given(
    st.lists(
        st.sampled_from(["int", "varchar(10)", "varchar(768)", "varchar(3000)", "longtext", "longblob"]), max_size=16
    )
)
def test_shares_fit_and_are_not_wasted(types: list[str]) -> None:
    natives = {str(number): native for number, native in enumerate(types)}
    shares = lengths.share(tuple(natives), natives)
    if shares is None:
        return
    total = sum(shares.get(name, lengths.size(native)) for name, native in natives.items())
    assert total <= lengths.LONGEST_KEY
    assert not shares or total > lengths.LONGEST_KEY - len(types)


def test_rows_that_are_too_long() -> None:
    natives = {"a": "varchar(10000)", "b": "varchar(6383)", "c": "int"}
    assert lengths.too_large(natives, ()) == ["a"]
    assert lengths.too_large(natives, {"a"}) == ["b"]
    assert lengths.too_large({"a": "varchar(10000)", "b": "varchar(6000)"}, ()) == []


DDL = r"""CREATE TABLE `t ``(1)``` (
  `a,b` int(11) NOT NULL AUTO_INCREMENT COMMENT 'it''s, (one) \' */ ',
  `c` enum('x,y','(') COLLATE utf8mb4_bin DEFAULT NULL /*!80023 INVISIBLE */,
  PRIMARY KEY (`a,b`),
  UNIQUE KEY `u` (`c`(3),(lower(`c`)) DESC) /*!80000 INVISIBLE */,
  KEY `k` (`c`),
  CONSTRAINT `f` FOREIGN KEY (`c`) REFERENCES `p` (`c`),
  CONSTRAINT `h` CHECK ((`c` <> ','))
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COMMENT='PARTITION BY ''x'''
/*!50100 PARTITION BY HASH (`a,b`)
PARTITIONS 2 */"""


def test_a_definition_is_taken_apart() -> None:
    elements = definition.read(DDL, "utf8mb4_bin", (Column(name="c", kind=kinds.Enum(labels=("x,y", "(")), native=""),))
    parsed = definition.parse(elements)
    assert parsed.columns == {
        "a,b": r"`a,b` int(11) NOT NULL AUTO_INCREMENT COMMENT 'it''s, (one) \' */ '",
        "c": "`c` enum('x,y','(') DEFAULT NULL INVISIBLE",
    }
    assert parsed.primary_key == "PRIMARY KEY (`a,b`)"
    assert parsed.keys == {"u": "UNIQUE KEY `u` (`c`(3),(lower(`c`)) DESC) INVISIBLE", "k": "KEY `k` (`c`)"}
    assert parsed.checks == {"h": "CONSTRAINT `h` CHECK ((`c` <> ','))"}
    assert dict(parsed.options) == {
        "ENGINE": "InnoDB", "CHARSET": "utf8mb4", "COLLATE": "utf8mb4_bin", "COMMENT": "'PARTITION BY ''x'''",
    }  # fmt: skip
    assert parsed.partitioning == "PARTITION BY HASH (`a,b`)\nPARTITIONS 2"
    assert definition.parse(parsed.elements) == parsed


def test_only_introducers_of_the_session_go() -> None:
    text = r"concat(_utf8mb4'it\'s',_latin1'x',`_utf8mb4`, '_utf8mb4''x''')"
    assert definition.without_introducers(text) == r"concat('it\'s',_latin1'x',`_utf8mb4`, '_utf8mb4''x''')"


def tied(child: str, parent: str, other: str = "int") -> list[TableMap]:
    def table(number: int, name: str, native: str, *targets: str) -> TableMap:
        keys = (ForeignKey(name="f", columns=("c",), target=named(target), target_columns=("c",)) for target in targets)
        columns = (Column(name="c", kind=kind_of(native), native=native),)
        made = Table(name=named(name), columns=columns, foreign_keys=tuple(keys))
        return TableMap(number=number, source=made, target=made, columns=())

    def named(name: str) -> TableName:
        return TableName(schema="s", name=name)

    return [table(0, "child", child, "parent"), table(1, "parent", parent), table(2, "other", other, "child")]


def test_both_ends_of_a_foreign_key_get_the_wider_type() -> None:
    found = widened(tied("int", "bigint", "smallint"))
    assert [each.target.columns[0].native for each in found] == ["bigint", "bigint", "bigint"]
    assert [each.target.columns[0].kind for each in found] == [kinds.Int(bits=64)] * 3
    assert [each.source.columns[0].native for each in found] == ["int", "bigint", "smallint"]
    assert widened(tied("varchar(5)", "char(9)", "varchar(5)"))


@pytest.mark.parametrize("parent", ["decimal(10,0)", "int unsigned", "varchar(9)"])
def test_ends_that_no_width_makes_alike(parent: str) -> None:
    with pytest.raises(Unsupported, match=r"s\.child\.c \(int\)"):
        widened(tied("int", parent))


def a_target(*, mariadb: bool) -> Target:
    names = "utf8mb4_bin utf8mb4_general_ci utf8mb3_general_ci latin1_swedish_ci latin1_bin "
    own = "utf8mb4_nopad_bin utf8mb4_uca1400_nopad_as_ci" if mariadb else "utf8mb4_0900_bin utf8mb4_0900_as_ci"
    collations = {name: name.partition("_")[0] for name in (names + own).split()}
    ref = EndpointRef(engine="mysql", host="nowhere", user="nobody")
    engines = frozenset({"innodb"})
    return Target(mariadb=mariadb, release=(9, 7), collations=collations, engines=engines, database=Database(ref))


@pytest.mark.parametrize(
    ("mariadb", "collation", "like"),
    [
        (False, "latin1_bin", "latin1_bin"),
        (False, "utf8_general_ci", "utf8mb3_general_ci"),
        (False, "utf8mb4_uca1400_as_ci", "utf8mb4_0900_as_ci"),
        (False, "utf8mb4_nopad_bin", "utf8mb4_0900_bin"),
        (False, "latin1_german1_ci", "latin1_bin"),
        (True, "utf8mb4_0900_as_ci", "utf8mb4_uca1400_nopad_as_ci"),
        (True, "utf8mb4_0900_bin", "utf8mb4_nopad_bin"),
        (True, "gb18030_chinese_ci", "utf8mb4_nopad_bin"),
    ],
)
def test_the_nearest_collation(mariadb: bool, collation: str, like: str) -> None:
    assert a_target(mariadb=mariadb).like(collation) == like


def test_a_definition_of_an_older_server() -> None:
    """It names three-byte UTF-8 otherwise, and no collation where the character set's own is meant."""
    target = a_target(mariadb=False)
    older = (("ENGINE", "InnoDB"), ("CHARSET", "utf8"), ("COLLATE", "utf8_general_ci"))
    newer = (("ENGINE", "InnoDB"), ("CHARSET", "utf8mb3"), ("COLLATE", "utf8mb3_general_ci"))
    assert options.adapt(older, target) == (newer, [])
    column = Column(name="a", kind=kinds.Text(length=9), native="varchar(9)", collation="utf8_general_ci")
    made = columns.adapt("`a` varchar(9) CHARACTER SET utf8 DEFAULT NULL", column, {}, target)
    assert made.text == "`a` varchar(9) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci DEFAULT NULL"
    assert made.told == []


def test_a_character_set_that_the_target_lacks() -> None:
    column = Column(name="a", kind=kinds.Text(), native="text", collation="gb18030_bin")
    text = "`a` text CHARACTER SET gb18030 COLLATE gb18030_bin"
    made = columns.adapt(text, column, {}, a_target(mariadb=True))
    assert made.text == "`a` text CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
    assert len(made.told) == 2


@pytest.mark.parametrize("nullable", [False, True])
def test_a_column_that_the_plan_lets_be_null(nullable: bool) -> None:
    column = Column(name="a", kind=kinds.Date(), native="date", nullable=nullable)
    made = columns.adapt("`a` date NOT NULL COMMENT 'NOT NULL'", column, {}, a_target(mariadb=False))
    assert made.text == ("`a` date COMMENT 'NOT NULL'" if nullable else "`a` date NOT NULL COMMENT 'NOT NULL'")
