"""What the way back may write: only columns whose texts are the same on both sides."""

import pytest

from landbridge import kinds
from landbridge.errors import Terminal
from landbridge.inverse import inverted, irreversible, same_text
from landbridge.kinds import Kind
from landbridge.model import Column, ColumnMap, Default, Key, Table, TableMap, TableName

SAME: list[tuple[Kind, Kind]] = [
    (kinds.Int(bits=64), kinds.Int(bits=32, unsigned=True)),
    (kinds.Decimal(precision=20, scale=0), kinds.Int(bits=64, unsigned=True)),
    (kinds.Int(bits=8), kinds.Bool()),
    (kinds.Text(), kinds.Set(labels=("a", "b"))),
    (kinds.Text(), kinds.Enum(labels=("a",))),
    (kinds.Enum(labels=("a",), schema="s", name="n"), kinds.Enum(labels=("a",))),
    (kinds.Timestamp(fsp=3), kinds.Timestamp(fsp=3)),
    (kinds.Text(length=10), kinds.Text()),
    (kinds.Text(), kinds.Text(fixed=True)),
    (kinds.Text(length=36, fixed=True), kinds.Uuid()),
    (kinds.Timestamp(fsp=0), kinds.TimestampTz(fsp=0)),
    (kinds.Text(length=43), kinds.Inet()),
    (kinds.Text(), kinds.Bit(length=8, varying=True)),
    (kinds.Text(), kinds.Other(native="interval")),
]
OTHER: list[tuple[Kind, Kind]] = [
    (kinds.Timestamp(fsp=6), kinds.Timestamp(fsp=3)),
    (kinds.Decimal(precision=65, scale=30), kinds.Decimal()),
    (kinds.Timestamp(fsp=0), kinds.TimestampTz(fsp=6)),
    (kinds.TimestampTz(fsp=0), kinds.Timestamp(fsp=0)),
    (kinds.Decimal(precision=20, scale=2), kinds.Int(bits=64)),
    (kinds.Int(bits=16), kinds.Year()),
    (kinds.Text(fixed=True), kinds.Text()),
    (kinds.Text(), kinds.Timestamp(fsp=0)),
    (kinds.Json(), kinds.Array(element=kinds.Int(bits=32), native="integer[]")),
    (kinds.Float(bits=64), kinds.Float(bits=32)),
]


@pytest.mark.parametrize(("own", "first"), SAME)
def test_what_reads_alike_can_go_back(own: Kind, first: Kind) -> None:
    assert same_text(own, first)


@pytest.mark.parametrize(("own", "first"), OTHER)
def test_what_does_not_can_not(own: Kind, first: Kind) -> None:
    assert not same_text(own, first)


def _map(*pairs: tuple[Column, Column], lost: tuple[Column, ...] = ()) -> TableMap:
    def table(schema: str, columns: tuple[Column, ...]) -> Table:
        key = Key(name="key", columns=(columns[0].name,))
        return Table(name=TableName(schema=schema, name="t"), columns=columns, primary_key=key)

    sources, targets = zip(*pairs, strict=True)
    return TableMap(
        number=0,
        source=table("old", (*sources, *lost)),
        target=table("new", targets),
        columns=tuple(ColumnMap(source=source, target=target) for source, target in pairs),
    )


ID = (
    Column(name="id", kind=kinds.Int(bits=32), native="int"),
    Column(name="no", kind=kinds.Int(bits=32), native="integer"),
)
FLAG = (
    Column(name="flag", kind=kinds.Bool(), native="tinyint(1)"),
    Column(name="flag", kind=kinds.Int(bits=16), native="smallint"),
)


def test_a_map_turned_round_names_the_other_side_and_keeps_the_first_sources_text() -> None:
    there = _map(ID, FLAG)
    back = inverted(there, {there.target.name: there.target})
    assert (back.source.name.schema, back.target.name.schema) == ("new", "old")
    assert [field.name for field in back.source_side.fields] == ["no", "flag"]
    assert [field.name for field in back.target_side.fields] == ["id", "flag"]
    assert [field.kind for field in back.source_side.fields] == [field.kind for field in there.target_side.fields]
    assert [field.kind for field in back.target_side.fields] == [field.kind for field in there.source_side.fields]
    assert back.columns[1].source.kind == kinds.Int(bits=16), "the log is decoded by the kind of the side it is of"
    assert back.key == (0,)


def test_a_column_that_is_gone_from_the_target_stops_it() -> None:
    there = _map(ID, FLAG)
    without = _map(ID).target
    with pytest.raises(Terminal, match="flag"):
        inverted(there, {without.name: without})


def test_a_column_that_changed_its_type_on_the_target_stops_it() -> None:
    there = _map(ID, FLAG)
    now = _map(ID, (FLAG[0], Column(name="flag", kind=kinds.Float(bits=64), native="double precision"))).target
    with pytest.raises(Terminal, match="double precision"):
        inverted(there, {now.name: now})


def test_what_cannot_be_written_back_is_named() -> None:
    year = (
        Column(name="year", kind=kinds.Year(), native="year"),
        Column(name="year", kind=kinds.Int(bits=16), native="smallint"),
    )
    dated = (
        Column(name="day", kind=kinds.Date(), native="date", zero_dates="null"),
        Column(name="day", kind=kinds.Date(), native="date"),
    )
    stripped = (
        Column(name="note", kind=kinds.Text(), native="text", nul="strip"),
        Column(name="note", kind=kinds.Text(), native="text"),
    )
    needed = Column(name="needed", kind=kinds.Text(), native="text", nullable=False)
    known = Column(name="known", kind=kinds.Text(), native="text", nullable=False, default=Default(native="''"))
    found = dict(irreversible(_map(ID, FLAG, year, dated, stripped, lost=(needed, known))))
    assert sorted(found) == ["day", "needed", "note", "year"]
