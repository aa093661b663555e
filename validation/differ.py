"""
Naming the rows in which two sides of a range differ, in bounded memory: both sides are streamed, rows become digests,
and large ranges are taken in passes over a share of the keys each.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal

from landbridge.endpoints.abc import View
from landbridge.kinds import DOCUMENTS, Float, Json, Kind, Vector
from landbridge.ledger import Difference
from landbridge.model import Bounds, Relation, TableMap

ROWS_A_PASS = 1_000_000
NAMED_AT_MOST = 100
KEYS_AT_MOST = 10_000

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)

Row = tuple[bytes | None, ...]
Key = tuple[bytes | None, ...]
Digests = tuple[int, ...]


@dataclass(kw_only=True)
class Outcome:
    """
    The digests are sums over the rows' values, modulo 2**64, equal when the sides are equal by value. keys: of the
    rows that differ, KEYS_AT_MOST of them.
    """

    source_digest: int = 0
    target_digest: int = 0
    differing: int = 0
    named: list[Difference] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)


def diff(table: TableMap, bounds: Bounds, source: View, target: View, rows: int) -> Outcome:
    """rows: about how many the larger side holds."""
    outcome = Outcome()
    passes = rows // ROWS_A_PASS + 1
    for share in range(passes):
        _one_pass(table, bounds, source, target, _share(share, passes), outcome)
    return outcome


def _share(share: int, passes: int) -> Callable[[bytes], bool]:
    return lambda key: zlib.crc32(key) % passes == share


def _one_pass(
    table: TableMap, bounds: Bounds, source: View, target: View, ours: Callable[[bytes], bool], outcome: Outcome
) -> None:
    left, right = source.rows(table.source_side, bounds), target.rows(table.target_side, bounds)
    diff_rows(table, left, right, outcome, ours)


def diff_rows(
    table: TableMap,
    left: Iterable[Row],
    right: Iterable[Row],
    outcome: Outcome,
    ours: Callable[[bytes], bool] = lambda _: True,
) -> None:
    """Rows of both sides, in any order; what differs is added to the outcome. ours: the keys that count."""
    expected: dict[Key, list[Digests]] = {}
    for key, digests in _digests(table.source_side, left, ours):
        expected.setdefault(key, []).append(digests)
        outcome.source_digest = (outcome.source_digest + _total(digests)) % 2**64
    for key, digests in _digests(table.target_side, right, ours):
        outcome.target_digest = (outcome.target_digest + _total(digests)) % 2**64
        _match(table, key, digests, expected, outcome)
    for key, missing in expected.items():
        for _ in missing:
            _name(outcome, table, key, "missing", "")


def _match(
    table: TableMap,
    key: Key,
    digests: Digests,
    expected: dict[Key, list[Digests]],
    outcome: Outcome,
) -> None:
    waiting = expected.get(key)
    if not waiting:
        _name(outcome, table, key, "extra", "")
        return
    if digests in waiting:
        waiting.remove(digests)
    else:
        other = waiting.pop()
        columns = [c.source.name for c, a, b in zip(table.columns, other, digests, strict=True) if a != b]
        _name(outcome, table, key, "different", ", ".join(columns))
    if not waiting:
        del expected[key]


def _name(outcome: Outcome, table: TableMap, key: Key, what: str, columns: str) -> None:
    outcome.differing += 1
    if len(outcome.keys) < KEYS_AT_MOST:
        outcome.keys.append(key)
    if len(outcome.named) < NAMED_AT_MOST:
        outcome.named.append(Difference(table_number=table.number, key=shown(table, key), what=what, columns=columns))


def shown(table: TableMap, key: Key) -> str | None:
    return _joined(key).decode(errors="replace") if table.key else None


def _joined(key: Key) -> bytes:
    return b", ".join(part or b"NULL" for part in key)


def digests_by_key(relation: Relation, rows: Iterable[Row]) -> dict[Key, Digests]:
    """Of a table with a key."""
    return dict(_digests(relation, rows, lambda _: True))


def _digests(relation: Relation, rows: Iterable[Row], ours: Callable[[bytes], bool]) -> Iterator[tuple[Key, Digests]]:
    """Key and one digest a field. Without a key the whole row is the key, so that duplicates are counted."""
    values = [_by_value(f.kind, plain=relation.plain) for f in relation.fields]
    for row in rows:
        fields = tuple(value(text) for value, text in zip(values, row, strict=True))
        key = tuple(row[place] for place in relation.key) or (repr(fields).encode(),)
        if ours(_joined(key)):
            yield key, fields


def _total(digests: tuple[int, ...]) -> int:
    """One number for a row; the fields' places count."""
    return _hash(struct.pack(f">{len(digests)}Q", *digests))


def _by_value(kind: Kind, *, plain: bool) -> Callable[[bytes | None], int]:
    """A digest of what the text means. Within a family only what is the same to the last bit counts, but of a zero."""
    if isinstance(kind, Float):
        return _float32 if kind.bits == 32 else _float64
    if isinstance(kind, Vector):
        return _vector
    if not plain and (isinstance(kind, DOCUMENTS) or (isinstance(kind, Json) and not kind.exact)):
        return _json
    return _plain


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _plain(text: bytes | None) -> int:
    return 0 if text is None else _hash(text)


def _float64(text: bytes | None) -> int:
    """By `+ 0.0` the sign of a zero does not count, which not every engine keeps."""
    return 0 if text is None else _hash(struct.pack(">d", float(text) + 0.0))


def _float32(text: bytes | None) -> int:
    return 0 if text is None else _hash(struct.pack(">f", float(text) + 0.0))


def _vector(text: bytes | None) -> int:
    if text is None:
        return 0
    numbers = json.loads(text, parse_int=float)
    return _hash(struct.pack(f">{len(numbers)}f", *numbers))


def _json(text: bytes | None) -> int:
    """Key order and the writing of numbers do not count."""
    if text is None:
        return 0
    parsed = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return _hash(json.dumps(parsed, sort_keys=True, default=_number).encode())


def _number(value: Decimal) -> str:
    """Every digit counts; the sign of a zero does not, which jsonb cannot keep."""
    return f"number {value.normalize(_EXACT) if value else 0}"
