"""
What no snapshot holds still: tables without transactions, and a target with rows that were read again from the source
and are ahead of its position. There a row that differs may merely be newer on one side. Such rows are read again, once
apply has passed where they were read, until both sides agree or time is up.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from landbridge.catch_up import Watch, wait_position
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Connects, Views
from landbridge.endpoints.applying import ReadsAgain
from landbridge.model import TableMap
from validation.differ import Key, digests_by_key

_PAUSE = 0.2


class Settling:
    """patience: seconds that settling itself may take, for all tables of a round together; comparing takes hours."""

    def __init__(self, source: Endpoint, target: Endpoint, run: str, watch: Watch, patience: float) -> None:
        self._source, self._target = source.get(ReadsAgain), target.get(ReadsAgain)
        self._views = target.get(Views)
        self._engine = target.get(Connects).engine()
        self._run, self._watch = run, watch
        self._left = patience

    def differing(self, table: TableMap, keys: Sequence[Key]) -> list[Key]:
        """The keys on which the sides do not come to agree. A key is done as soon as it was equal once."""
        left = list(keys)
        with self._spending() as deadline:
            while left and time.monotonic() < deadline:
                theirs = self._source.read_keys(table.source_side, left)
                patience = max(1.0, deadline - time.monotonic())
                wait_position(self._engine, self._run, theirs.position, self._watch, patience)
                ours = self._target.read_keys(table.target_side, left)
                expected = digests_by_key(table.source_side, theirs.rows)
                found = digests_by_key(table.target_side, ours.rows)
                left = [key for key in left if expected.get(key) != found.get(key)]
                if left:
                    time.sleep(_PAUSE)
        return left

    def orphans(self, table: TableMap, found: Mapping[str, int]) -> dict[str, int]:
        """By foreign key the rows that point nowhere, zero once there was a moment without."""
        left = dict(found)
        with self._spending() as deadline:
            while any(left.values()) and time.monotonic() < deadline:
                self._watch()
                time.sleep(_PAUSE)
                with self._views.view() as view:
                    now = view.orphans(table.target)
                left = {key: min(number, now.get(key, number)) if number else 0 for key, number in left.items()}
        return left

    @contextmanager
    def _spending(self) -> Iterator[float]:
        """Until when to go on. What that takes is taken off what is left."""
        begun = time.monotonic()
        try:
            yield begun + self._left
        finally:
            self._left -= time.monotonic() - begun
