"""Which changes make a source act on children behind its log, and how far the actions may be put off."""

from landbridge.cascades import Cascades, Event, Part, unfollowable
from landbridge.change import DELETE, INSERT, UPDATE
from landbridge.kinds import Int
from landbridge.model import Column, ColumnMap, ForeignKey, Key, Table, TableMap, TableName

INT = Int(bits=32)


def _table(
    number: int, name: str, key: tuple[str, ...], columns: str, *keys: ForeignKey, logs: bool = False
) -> TableMap:
    table = Table(
        name=TableName(schema="s", name=name),
        columns=tuple(Column(name=c, kind=INT, native="int") for c in columns),
        primary_key=Key(name="PRIMARY", columns=key),
        foreign_keys=keys,
        logs_cascades=logs,
    )
    pairs = tuple(ColumnMap(source=c, target=c) for c in table.columns)
    return TableMap(number=number, source=table, target=table, columns=pairs)


def _key(child: str, parent: str, target: str, on_delete: str = "CASCADE", on_update: str = "RESTRICT") -> ForeignKey:
    columns, wanted = tuple(child), tuple(target)
    name = TableName(schema="s", name=parent)
    return ForeignKey(
        name="f", columns=columns, target=name, target_columns=wanted, on_delete=on_delete, on_update=on_update
    )


PARENT = _table(0, "parent", ("a",), "ab")
CHILD = _table(1, "child", ("c",), "cp", _key("p", "parent", "a"))
OTHER = _table(2, "other", ("x",), "x")
CASCADES = Cascades([PARENT, CHILD, OTHER])

GONE = (DELETE, 0, (b"7",), None)
EVENT = Event(parent=0, old=(b"7",), new=None)


def test_a_deleted_parent_is_followed_at_the_end() -> None:
    unrelated = (INSERT, 2, None, (b"1",))
    assert list(CASCADES.parts([GONE, unrelated], careful=False)) == [Part(changes=[GONE, unrelated], events=[EVENT])]


def test_a_child_of_another_parent_need_not_wait() -> None:
    child = (INSERT, 1, None, (b"1", b"8"))
    assert len(list(CASCADES.parts([GONE, child], careful=False))) == 1


def test_a_child_that_gets_the_parent_that_is_to_be_followed_waits() -> None:
    again, child = (INSERT, 0, None, (b"7", b"0")), (INSERT, 1, None, (b"1", b"7"))
    assert list(CASCADES.parts([GONE, again, child], careful=False)) == [
        Part(changes=[GONE, again], events=[EVENT]),
        Part(changes=[child]),
    ]


def test_every_child_waits_when_careful() -> None:
    child = (UPDATE, 1, None, (b"1", b"8"))
    assert len(list(CASCADES.parts([GONE, child], careful=True))) == 2


def test_only_a_changed_key_is_an_event_of_an_update() -> None:
    same, moved = (UPDATE, 0, None, (b"7", b"1")), (UPDATE, 0, (b"7",), (b"9", b"1"))
    (part,) = CASCADES.parts([same, moved], careful=False)
    assert part.events == [Event(parent=0, old=(b"7",), new=(b"9",))]


def test_sources_that_log_what_they_do_need_nothing() -> None:
    logged = _table(0, "parent", ("a",), "ab", logs=True)
    assert not Cascades([logged, CHILD])
    assert not Cascades([PARENT, _table(1, "child", ("c",), "cp", _key("p", "parent", "a", on_delete="RESTRICT"))])


class Recorded:
    """Stands for a target that answers what it is told to; the real one is asked in tests/engines."""

    def __init__(self, answers: list[list[tuple[tuple[bytes, ...], tuple[bytes, ...] | None]]]) -> None:
        self.answers, self.asked = answers, list[tuple[object, ...]]()

    def follow(self, *asked: object) -> list[tuple[tuple[bytes, ...], tuple[bytes, ...] | None]]:
        self.asked.append(asked)
        return self.answers.pop(0)


def test_children_of_children_follow_too() -> None:
    grandchild = _table(2, "grandchild", ("g",), "gc", _key("c", "child", "c", on_delete="SET NULL"))
    writer = Recorded([[((b"1",), None), ((b"2",), None)], [((b"5",), (b"5",))], []])
    Cascades([PARENT, CHILD, grandchild]).follow(writer, [EVENT])  # type: ignore[arg-type]
    assert writer.asked == [(1, (1,), (b"7",), None), (2, (1,), (b"1",), (None,)), (2, (1,), (b"2",), (None,))]


def test_composite_keys_are_put_in_the_order_of_the_foreign_key() -> None:
    parent = _table(0, "parent", ("a", "b"), "ab")
    child = _table(1, "child", ("c",), "cpq", _key("pq", "parent", "ba", on_update="CASCADE"))
    writer = Recorded([[]])
    Cascades([parent, child]).follow(writer, [Event(parent=0, old=(b"1", b"2"), new=(b"3", b"4"))])  # type: ignore[arg-type]
    assert writer.asked == [(1, (1, 2), (b"2", b"1"), (b"4", b"3"))]


def test_foreign_keys_to_other_columns_than_the_key_cannot_be_followed() -> None:
    child = _table(1, "child", ("c",), "cp", _key("p", "parent", "b"))
    assert unfollowable([PARENT, child]) == {"s.child.f": "s.parent"}
    assert unfollowable([PARENT, CHILD]) == {}
