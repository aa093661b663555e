"""Changes applied, by table and operation: into the ledger once a second, so that counting costs next to nothing."""

import time
from collections import Counter
from collections.abc import Iterable
from operator import itemgetter

import sqlalchemy as sa

from landbridge import ledger
from landbridge.change import DELETE, INSERT, TRUNCATE, UPDATE, Change, Tally

_EVERY = 1.0
_what = itemgetter(0, 1)
_COLUMNS = {INSERT: "inserts", UPDATE: "updates", DELETE: "deletes", TRUNCATE: "truncates"}


def kinds(changes: Iterable[Change]) -> Tally:
    return Counter(map(_what, changes))


class Counting:
    """
    What a kill finds uncounted in the ledger, at most that of a second, stays uncounted; what a failure of the target
    takes back is counted again.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._open: Counter[tuple[int, int]] = Counter()
        self._done: Counter[tuple[int, int]] = Counter()
        self._written: Counter[tuple[int, int]] = Counter()
        self._next = 0.0

    def add(self, counts: Tally) -> None:
        """Of the transaction that is open on the target."""
        self._open.update(counts)

    def flush(self, connection: sa.Connection, *, now: bool = False) -> None:
        """Into the open transaction, when it is time to."""
        counted = self._done + self._open
        if not counted or not (now or time.monotonic() >= self._next):
            return
        self._next = time.monotonic() + _EVERY
        ledger.add_counts(
            connection,
            self._run,
            {(number, _COLUMNS[kind]): count for (kind, number), count in counted.items() if kind in _COLUMNS},
        )
        self._written.update(self._done)
        self._done.clear()
        self._open.clear()

    def committed(self) -> None:
        self._done.update(self._open)
        self._open.clear()
        self._written.clear()

    def rolled_back(self) -> None:
        self._done.update(self._written)
        self._open.clear()
        self._written.clear()
