"""Row messages of PostgreSQL's stream, made by hand after the manual (54.9), and transactions packed of them."""

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from landbridge.change import DELETE, INSERT, Change, Packed, Transaction, lay, messages_of
from landbridge.endpoints.postgres.log.packed import Packer

OID = 16385


def encoded(fields: Sequence[Any]) -> bytes:
    made = struct.pack(">H", len(fields))
    for value in fields:
        if value is None:
            made += b"n"
        elif value is ...:
            made += b"u"
        else:
            made += b"t" + struct.pack(">I", len(value)) + value
    return made


def message(tag: bytes, *rows: tuple[bytes, Sequence[Any]], oid: int = OID) -> bytes:
    return tag + struct.pack(">I", oid) + b"".join(mark + encoded(fields) for mark, fields in rows)


def packed(changes: Sequence[Change], keys: dict[int, tuple[int, ...]], widths: dict[int, int]) -> Packed | None:
    """None where these cannot be: of other kinds, with another key before, of a table without one."""
    messages = [_message(change, keys, widths) for change in changes]
    if not messages or None in messages:
        return None
    numbers = {number for _, number, _, _ in changes}
    tables = {struct.pack(">I", OID + number): (number, keys[number]) for number in numbers}
    return lay([each for each in messages if each is not None], tables)


def grouped(transactions: Sequence[Transaction]) -> Transaction:
    """Of whole ones that are packed."""
    found = [each.packed for each in transactions if each.packed is not None]
    assert len(found) == len(transactions)
    messages = [message for each in found for message in messages_of(each)]
    tables = {oid: named for _, _, each in found for oid, named in each.items()}
    ends = [(each.position, each.committed, each.count) for each in transactions]
    last = transactions[-1]
    return Transaction(last.position, last.committed, [], packed=lay(messages, tables), ends=ends)


def _message(change: Change, keys: dict[int, tuple[int, ...]], widths: dict[int, int]) -> bytes | None:
    operation, number, old, new = change
    if not keys.get(number):
        return None
    oid, key = OID + number, keys[number]
    if operation == DELETE and old is not None:
        fields = [old[key.index(place)] if place in key else None for place in range(widths[number])]
        return message(b"D", (b"K", fields), oid=oid)
    if new is None or old is not None or (operation == INSERT and ... in new) or any(new[p] is ... for p in key):
        return None
    return message(b"I" if operation == INSERT else b"U", (b"N", new), oid=oid)


def unpacked(transaction: Transaction) -> Transaction:
    if transaction.packed is None:
        return transaction
    assert transaction.changes == []
    assert transaction.last
    return replace(transaction, changes=Packer().unpack(transaction.packed), packed=None)


def joined(transactions: Sequence[Transaction]) -> list[Transaction]:
    """In one piece each, without heartbeats."""
    made: list[Transaction] = []
    changes: list[Change] = []
    for each in transactions:
        changes += each.changes
        if each.last and changes:
            made.append(replace(each, changes=changes))
            changes = []
    assert not changes
    return made
