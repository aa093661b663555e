"""What the plan says of names and single columns, without a server."""

from dataclasses import replace

import pytest

from landbridge.columns import Shaped, shape
from landbridge.errors import PlanError
from landbridge.kinds import Date, Int, Text
from landbridge.model import Check, Column, ForeignKey, Generated, Index, IndexPart, Key, Table, TableName
from landbridge.plan import ColumnRule, Names

CUSTOMER = Table(
    name=TableName(schema="Shop", name="Customer"),
    columns=(Column(name="CustomerId", kind=Int(bits=32), native="int"),),
    primary_key=Key(name="PRIMARY", columns=("CustomerId",)),
)
ORDER = Table(
    name=TableName(schema="Shop", name="Order"),
    columns=(
        Column(name="OrderId", kind=Int(bits=32), native="int", nullable=False),
        Column(name="CustomerId", kind=Int(bits=32), native="int"),
        Column(name="Note", kind=Text(), native="text"),
        Column(name="Born", kind=Date(), native="date", nullable=False),
    ),
    primary_key=Key(name="PRIMARY", columns=("OrderId",)),
    indexes=(
        Index(name="ByNote", parts=(IndexPart(column="Note", prefix=9, native="`Note`(9)"),)),
        Index(name="ByCustomer", parts=(IndexPart(column="CustomerId", native="`CustomerId`"),)),
    ),
    foreign_keys=(
        ForeignKey(
            name="ToCustomer", columns=("CustomerId",), target=CUSTOMER.name, target_columns=("CustomerId",),
        ),
    ),
)  # fmt: skip


def shaped(names: Names = "keep", plain: bool = False, table: Table = ORDER, **rules: ColumnRule) -> Shaped:
    return shape([(table, rules), (CUSTOMER, {})], names, plain=plain)[0]


def test_without_rules_nothing_changes() -> None:
    same = shaped()
    assert same.source == same.adopted == ORDER
    assert same.renames["Note"] == "Note"


def test_lower_reaches_every_name() -> None:
    low = shaped("lower").adopted
    assert [column.name for column in low.columns] == ["orderid", "customerid", "note", "born"]
    assert low.primary_key == Key(name="PRIMARY", columns=("orderid",))
    assert [(i.name, i.parts[0].column) for i in low.indexes] == [("bynote", "note"), ("bycustomer", "customerid")]
    (key,) = low.foreign_keys
    assert (key.name, key.columns, key.target_columns) == ("tocustomer", ("customerid",), ("customerid",))
    assert shaped("lower").source == ORDER


def test_a_renamed_column_is_found_again_in_keys_that_point_to_it() -> None:
    rules = {"CustomerId": ColumnRule(rename="id")}
    order, customer = shape([(ORDER, {}), (CUSTOMER, rules)], "keep", plain=False)
    assert order.adopted.foreign_keys[0].columns == ("CustomerId",)
    assert customer.adopted.primary_key == Key(name="PRIMARY", columns=("id",))
    moved = shaped(CustomerId=ColumnRule(rename="customer")).adopted
    assert moved.foreign_keys[0].columns == ("customer",)


def test_a_dropped_column_takes_its_indexes_and_foreign_keys_along_and_says_so() -> None:
    less = shaped(CustomerId=ColumnRule(drop=True))
    assert [column.name for column in less.adopted.columns] == ["OrderId", "Note", "Born"]
    assert [index.name for index in less.adopted.indexes] == ["ByNote"]
    assert less.adopted.foreign_keys == ()
    assert "CustomerId" not in less.renames
    assert {(loss.part, loss.column) for loss in less.losses} == {
        ("column", "CustomerId"), ("index", "ByCustomer"), ("foreign key", "ToCustomer"),
    }  # fmt: skip
    assert not any(loss.blocking for loss in less.losses)


def test_zero_dates_become_null_in_a_column_that_may_hold_it() -> None:
    born = shaped(Born=ColumnRule(zero_dates="null"))
    assert (born.source.column("Born").zero_dates, born.adopted.column("Born").nullable) == ("null", True)


def test_nul_is_stripped_from_texts_that_are_in_no_key() -> None:
    assert shaped(Note=ColumnRule(nul="strip")).source.column("Note").nul == "strip"
    keyed = replace(ORDER, primary_key=Key(name="PRIMARY", columns=("Note",)))
    for table, column, plain in ((ORDER, "Born", False), (keyed, "Note", False), (ORDER, "Note", True)):
        with pytest.raises(PlanError, match=f"strips NUL from {column}"):
            shaped(table=table, plain=plain, **{column: ColumnRule(nul="strip")})


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ({"Nothing": ColumnRule(drop=True)}, "has not: Nothing"),
        ({"OrderId": ColumnRule(drop=True)}, "primary key"),
        ({"Note": ColumnRule(rename="Born")}, "would both become Born"),
    ],
)
def test_rules_that_cannot_be_carried_out_are_refused(rules: dict[str, ColumnRule], found: str) -> None:
    with pytest.raises(PlanError, match=found):
        shaped(**rules)


def test_names_that_differ_in_case_only_collide() -> None:
    twice = replace(CUSTOMER, columns=(*CUSTOMER.columns, replace(CUSTOMER.columns[0], name="CUSTOMERID")))
    with pytest.raises(PlanError, match="would both become customerid"):
        shape([(twice, {})], "lower", plain=False)


@pytest.mark.parametrize(
    "changed",
    [
        replace(ORDER, checks=(Check(name="c", expression="char_length(`Note`) > 0"),)),
        replace(
            ORDER,
            columns=(
                *ORDER.columns,
                Column(name="g", kind=Text(), native="text", generated=Generated(expression="upper(`Note`)", stored=True)),
            ),
        ),
        replace(ORDER, indexes=(Index(name="e", parts=(IndexPart(expression="lower(`Note`)", native="(lower(`Note`))"),)),)),
    ],
    ids=["check", "generated", "index"],
)  # fmt: skip
def test_what_is_written_in_sql_keeps_its_names(changed: Table) -> None:
    with pytest.raises(PlanError, match=r"Note of Shop\.Order cannot be renamed"):
        shaped(table=changed, Note=ColumnRule(rename="text"))
    assert shaped(table=changed, Born=ColumnRule(rename="birthday")).renames["Born"] == "birthday"


def test_within_a_family_an_index_keeps_its_column() -> None:
    with pytest.raises(PlanError, match="cannot be renamed"):
        shaped(plain=True, Note=ColumnRule(rename="text"))


def test_texts_take_the_place_of_what_the_other_engine_cannot_hold() -> None:
    born = shaped(Born=ColumnRule(text=True))
    assert (born.source.column("Born").kind, born.adopted.column("Born").kind) == (Date(), Text())
    assert {(loss.part, loss.column) for loss in born.losses} == {("column", "Born")}


@pytest.mark.parametrize("name", ["OrderId", "CustomerId"])
def test_keys_are_never_texts(name: str) -> None:
    with pytest.raises(PlanError, match="in a key"):
        shaped(**{name: ColumnRule(text=True)})
    with pytest.raises(PlanError, match="both sides know their types"):
        shaped(plain=True, Born=ColumnRule(text=True))
