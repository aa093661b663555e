"""
Changes that cannot be decoded. They are marked where they stand, and told at the end of their transaction, or of a part
of it that is handed on: only then is it known what was undone.
"""

from landbridge.change import ALTER, Change
from landbridge.endpoints.altering import noted, unread
from landbridge.endpoints.mysql.log.drifts import Drifts
from landbridge.errors import Unsupported
from landbridge.model import Position, TableMap


class Unread:
    """One stream's. drifts: follows what is told; where nobody does, the first such change is the end."""

    def __init__(self, drifts: Drifts | None) -> None:
        self._drifts = drifts
        self._marked = False
        self._told: dict[int, Position] = {}

    def mark(self, table: TableMap, error: Unsupported) -> Change:
        """What stands in place of it until `told`. Raises the error where nobody follows."""
        if self._drifts is None:
            raise error
        self._marked = True
        return ALTER, table.number, None, (table, error)

    def told(self, changes: list[Change], position: Position, begun: Position) -> list[Change]:
        """
        With alterations at `position` in place of marks, by which their tables stand still: one a table in the
        transaction that begins at `begun`.
        """
        if not self._marked or self._drifts is None:
            return changes
        told: list[Change] = []
        for change in changes:
            operation, number, _, new = change
            if operation != ALTER or new is None or not isinstance(new[0], TableMap):
                told.append(change)
            elif self._told.get(number) != begun:
                self._told[number] = begun
                table, error = new
                told.append(noted(self._drifts.follow(unread(table, position, error)), position))
        return told
