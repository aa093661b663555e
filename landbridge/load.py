"""
The load: every table cut into segments, segments copied in any order by any worker, each in its own transaction on the
target together with its line in the ledger. A crash costs the segments that were under way, nothing else.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from landbridge import ledger
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Connects, Loads, Snapshots
from landbridge.model import Copied, Segment, TableMap
from landbridge.pipe import copy

Progress = Callable[[TableMap, Copied], None]

MB = 1024 * 1024


class Loading:
    """One run's load. `workers` bounds the segments under way over all tables."""

    def __init__(self, source: Endpoint, target: Endpoint, run: str, *, workers: int, segment_mb: int) -> None:
        self.run = run
        self.segment_bytes = segment_mb * MB
        self.workers = workers
        self._slots = threading.BoundedSemaphore(workers)
        self._snapshots = source.get(Snapshots)
        self._loads = target.get(Loads)
        self._engine = target.get(Connects).engine()

    def load_table(self, table: TableMap, progress: Progress = lambda _table, _copied: None) -> None:
        """Copy what is not copied yet, then close the table. Raises the first segment's error once all have stopped."""
        segments = self._segments(table)
        stop = threading.Event()
        with ThreadPoolExecutor(self.workers, thread_name_prefix="segment") as pool:
            futures = [pool.submit(self._copy_when_free, table, segment, stop, progress) for segment in segments]
            wait(futures, return_when=FIRST_EXCEPTION)
        for future in futures:
            future.result()
        with self._engine.begin() as connection:
            ledger.finish_table(connection, self.run, table.number, exact=not table.key)

    def _segments(self, table: TableMap) -> Sequence[Segment]:
        with self._engine.begin() as connection:
            state = ledger.table_states(connection, self.run)[table.number].state
        if state == "pending":
            bounds = self._snapshots.segments(table.source_side, self.segment_bytes)
            with self._engine.begin() as connection:
                ledger.plan_segments(connection, self.run, table.number, bounds)
        with self._engine.begin() as connection:
            return ledger.open_segments(connection, self.run, table.number)

    def _copy_when_free(self, table: TableMap, segment: Segment, stop: threading.Event, progress: Progress) -> None:
        with self._slots:
            if not stop.is_set():
                try:
                    self._copy(table, segment, progress)
                except BaseException:
                    stop.set()
                    raise

    def _copy(self, table: TableMap, segment: Segment, progress: Progress) -> None:
        with self._engine.begin() as connection:
            if not ledger.claim_segment(connection, self.run, segment):
                return
            copied = copy(
                lambda sink: self._snapshots.read(table.source_side, segment.bounds, sink),
                lambda blocks: self._loads.load(connection, table.target_side, blocks),
            )
            ledger.finish_segment(connection, self.run, segment, copied)
        progress(table, copied)


def finish_load(target: Endpoint, run: str) -> None:
    """Every table is loaded: open them for apply, and note where the target will equal the source."""
    with target.get(Connects).engine().begin() as connection:
        ledger.open_for_apply(connection, run)
        newest = ledger.newest_read(connection, run)
        if newest is not None:
            ledger.raise_consistent(connection, run, newest)
