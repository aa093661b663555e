"""
Finding the transaction that the target refuses: fewer and fewer at once, and the last one row by row in the source's
order, which shows the row. All before it is applied by then.
"""

import logging
from collections.abc import Sequence

from landbridge.change import Transaction
from landbridge.model import Position

log = logging.getLogger(__name__)

_MANY = 4096
"""Transactions at once from which on there is no limit but the batch's size."""


class Narrowing:
    """most: transactions that a batch may have, None: any number. careful: what comes next goes row by row."""

    def __init__(self) -> None:
        self.most: int | None = None
        self._careful_until: Position | None = None

    @property
    def careful(self) -> bool:
        return self._careful_until is not None

    def refused(self, batch: Sequence[Transaction]) -> None:
        self.most = max(1, len(batch) // 2)
        if len(batch) == 1:
            log.warning("the transaction at %s goes row by row: it did not fit as sets", batch[0].position)
            self._careful_until = batch[0].position

    def applied(self, position: Position) -> None:
        if self._careful_until is not None and position >= self._careful_until:
            self._careful_until = None
        if self.most is not None and not self.careful:
            self.most = self.most * 2 if self.most * 2 < _MANY else None
