"""
Which rows changed between two positions, by the spool: what is left to compare in the switch after a comparison of
everything. Capture keeps the spool from the last clean comparison on, within a bound.
"""

from collections.abc import Sequence

from landbridge.change import DELETE, INSERT, UPDATE, Change, Value
from landbridge.endpoints import Endpoint
from landbridge.errors import Terminal
from landbridge.model import Position, TableMap
from landbridge.runfolder import RunFolder
from landbridge.spool import SpoolReader
from landbridge.unpacking import changes_of

KEYS_AT_MOST = 100_000
"""Of a table; past that, comparing all of it is hardly slower."""

_READ = 8 << 20
_PATIENCE = 1.0
_CHECKED = "checked.json"

Key = tuple[Value, ...]
Changed = dict[int, set[Key] | None]
"""Keys by table number, for tables that changed; None where all of the table is in question."""


def remember(folder: RunFolder, position: Position) -> None:
    """Both sides were equal at `position`."""
    folder.write(_CHECKED, {"position": position})


def forget(folder: RunFolder) -> None:
    folder.remove(_CHECKED)


def remembered(folder: RunFolder) -> Position | None:
    found = folder.read(_CHECKED)
    return None if found is None else Position(found["position"])


class Following:
    """What changed past `after`, read from the spool bit by bit; most of it before the switch begins."""

    def __init__(
        self, folder: RunFolder, run: str, after: Position, tables: Sequence[TableMap], source: Endpoint
    ) -> None:
        """Raises as SpoolReader does, PositionLost where the spool no longer reaches back."""
        self.after = after
        self.keys: Changed = {}
        self._places = {table.number: table.key for table in tables}
        self._reader, self._source = SpoolReader(folder.spool, run, after), source

    def follow(self, to: Position) -> bool:
        """At least up to `to`, which apply has passed, so the spool has it; False where it was freed or is damaged."""
        try:
            while self._reader.position < to:
                batch = self._reader.read(_READ, timeout=_PATIENCE)
                if not batch:
                    return False
                for transaction in batch:
                    self._note(changes_of(transaction, self._source))
        except Terminal:
            return False
        return True

    def close(self) -> None:
        self._reader.close()

    def _note(self, changes: Sequence[Change]) -> None:
        for operation, number, old, new in changes:
            places, noted = self._places.get(number, ()), self.keys.setdefault(number, set())
            if noted is None:
                continue
            if not places or operation not in (INSERT, UPDATE, DELETE) or len(noted) >= KEYS_AT_MOST:
                self.keys[number] = None
                continue
            if old is not None:
                noted.add(old)
            if new is not None:
                noted.add(tuple(new[place] for place in places))
