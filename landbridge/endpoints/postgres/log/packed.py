"""
Rows of the stream that go packed: inserts, updates and deletes by key of tables whose rows the target takes as they
are. Each is its whole message (see pgoutput); how a row is found by its key the packed transaction says itself.
"""

from landbridge import change
from landbridge.change import Change, Packed, messages_of
from landbridge.endpoints.postgres.log.pgoutput import DELETE, INSERT, KEY, NEW, UPDATE, Relation, row_reader
from landbridge.errors import Unsupported
from landbridge.model import TableMap

HEAD = 6
"""Bytes of a message that say what it is: its tag, the table, the first row's tag."""

Pack = tuple[bytes, tuple[int, tuple[int, ...]]]
"""What a packed transaction says of the message's table: by what it is called, the number and the key."""

_KINDS = ((INSERT, NEW), (UPDATE, NEW), (DELETE, KEY))
OPERATIONS = {INSERT[0]: change.INSERT, UPDATE[0]: change.UPDATE, DELETE[0]: change.DELETE}
"""By the message's tag."""


class Packer:
    """Implements abc.Packs."""

    def unpack(self, packed: Packed) -> list[Change]:
        tables = packed[2]
        return [_change(message, *tables[message[1:5]]) for message in messages_of(packed)]


def packs(relation: Relation, table: TableMap) -> dict[bytes, Pack]:
    """By their heads, the messages that can go packed: of a table with a key whose columns come as planned."""
    names = [column.source.name for column in table.columns]
    if not table.plain or not table.key or names != [column.name for column in relation.columns]:
        return {}
    oid = relation.oid.to_bytes(4, "big")
    return dict.fromkeys(heads(oid), (oid, (table.number, table.key)))


def heads(oid: bytes) -> list[bytes]:
    return [kind + oid + bytes([row]) for kind, row in _KINDS]


def _change(message: bytes, number: int, key: tuple[int, ...]) -> Change:
    kind = OPERATIONS[message[0]]
    fields, _ = row_reader(message[HEAD] << 8 | message[HEAD + 1])(message, HEAD)
    identity = tuple(fields[place] for place in key)
    if ... in identity or (kind == change.DELETE and None in identity):
        raise Unsupported(
            f"an update or delete in table number {number} does not say which row it is about",
            mend="see that the table's replica identity is its primary key; then load again",
        )
    return (kind, number, identity, None) if kind == change.DELETE else (kind, number, None, fields)
