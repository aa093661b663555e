"""What may be altered on the side that was opened, while the old one follows: what leaves the rows as they are."""

from dataclasses import replace

import pytest

from landbridge import kinds
from landbridge.drift import judge_back
from landbridge.endpoints.altering import Drift
from landbridge.errors import SchemaDrift
from landbridge.model import Column, ColumnMap, Default, ForeignKey, Index, IndexPart, Key, Position, Table, TableMap
from landbridge.model import TableName as Name

ID = Column(name="id", kind=kinds.Int(bits=32), native="int", nullable=False)
FLAG = Column(name="flag", kind=kinds.Bool(), native="tinyint(1)")
KEY = ForeignKey(name="f", columns=("id",), target=Name(schema="new", name="p"), target_columns=("id",))
UNIQUE = Index(name="u", parts=(IndexPart(column="flag"),), unique=True)
NOW = Table(
    name=Name(schema="new", name="t"), columns=(ID, FLAG), primary_key=Key(name="PRIMARY", columns=("id",)),
    indexes=(UNIQUE,), foreign_keys=(KEY,), logs_cascades=False,
)  # fmt: skip
OLD = replace(NOW, name=Name(schema="old", name="t"))
BACK = TableMap(number=3, source=NOW, target=OLD, columns=tuple(ColumnMap(source=c, target=c) for c in (ID, FLAG)))


def met(changed: Table, obstacle: str = "") -> Drift:
    return Drift(
        position=Position("9"), table=3, statement="ALTER TABLE t", changed=changed, renamed={}, obstacle=obstacle
    )


def test_an_index_a_default_and_a_comment_leave_the_old_side_as_it_is() -> None:
    counted = replace(FLAG, kind=kinds.Int(bits=8), default=Default(native="1"), comment="by its values a number now")
    indexes = (UNIQUE, Index(name="i", parts=(IndexPart(column="flag"),)))
    found = judge_back(BACK, met(replace(NOW, columns=(ID, counted), indexes=indexes, comment="new")))
    assert found.obstacle == ""
    assert found.map.target is OLD
    assert found.map.source.indexes == indexes
    assert found.map.columns[1].source.kind == kinds.Bool(), "its text stays what it was"
    assert found.map.columns[1].source.default == Default(native="1")


@pytest.mark.parametrize(
    "changed",
    [
        replace(NOW, columns=(ID, FLAG, replace(FLAG, name="more"))),
        replace(NOW, columns=(ID,)),
        replace(NOW, columns=(ID, replace(FLAG, name="other"))),
        replace(NOW, columns=(ID, replace(FLAG, native="int", kind=kinds.Int(bits=32)))),
        replace(NOW, primary_key=Key(name="PRIMARY", columns=("id", "flag"))),
        replace(NOW, foreign_keys=(KEY, replace(KEY, name="g", on_delete="CASCADE"))),
        replace(NOW, indexes=()),
    ],
)
def test_all_else_ends_the_way_back_and_says_so(changed: Table) -> None:
    with pytest.raises(SchemaDrift, match=r"new\.t was altered on the side that was opened.*: ALTER TABLE t") as stop:
        judge_back(BACK, met(changed))
    assert "landbridge complete" in stop.value.mend


def test_what_may_have_moved_rows_without_a_word_ends_it_too() -> None:
    with pytest.raises(SchemaDrift):
        judge_back(BACK, met(NOW, obstacle="rows may have come or gone"))
