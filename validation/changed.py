"""
The comparison in the switch, while both sides stand still: only rows that changed since the last clean comparison are
read, by their keys. What did not change was equal then, and only apply has written to the target since.
"""

import time
from collections.abc import Collection

from landbridge import ledger
from landbridge.catch_up import Watch
from landbridge.changed_keys import Changed, Key
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.applying import ReadsAgain
from landbridge.model import EVERYTHING, Position, Sum, TableMap
from validation.compare import Comparison, Progress, RangeResult, compare, hexed
from validation.differ import Outcome, diff_rows

_KEYS_AT_ONCE = 1000


def compare_changed(
    source: Endpoint, target: Endpoint, run: str, watch: Watch, changed: Changed, since: Position, progress: Progress
) -> Comparison:
    """Tables whose changed keys are not known, and those in which a row differs, are compared whole."""
    begun = time.monotonic()
    with target.get(Connects).engine().begin() as connection:
        tables = ledger.tables(connection, run)
    equal: list[RangeResult] = []
    for table in tables:
        keys = changed.get(table.number, set())
        if keys is not None:
            watch()
            result = _compare_keys(source.get(ReadsAgain), target.get(ReadsAgain), table, keys)
            equal += [result] if result.equal else []
            progress(table, 1, 1)
    whole = {table.number for table in tables} - {result.table.number for result in equal}
    comparison = Comparison()
    if whole:
        comparison = compare(source, target, run, watch, patience=0.0, still=True, only=whole, progress=progress)
    comparison.ranges += equal
    comparison.expected_ranges += len(equal)
    comparison.since, comparison.seconds = since, time.monotonic() - begun
    return comparison


def _compare_keys(source: ReadsAgain, target: ReadsAgain, table: TableMap, keys: Collection[Key]) -> RangeResult:
    outcome, theirs, ours, asked = Outcome(), 0, 0, list(keys)
    for start in range(0, len(asked), _KEYS_AT_ONCE):
        wanted = asked[start : start + _KEYS_AT_ONCE]
        left, right = source.read_keys(table.source_side, wanted).rows, target.read_keys(table.target_side, wanted).rows
        diff_rows(table, left, right, outcome)
        theirs, ours = theirs + len(left), ours + len(right)
    return RangeResult(
        table=table, number=0, bounds=EVERYTHING, proof="changed keys",
        source=Sum(rows=theirs, checksum=0), target=Sum(rows=ours, checksum=0),
        source_proof=hexed(outcome.source_digest), target_proof=hexed(outcome.target_digest),
        differing=outcome.differing,
    )  # fmt: skip
