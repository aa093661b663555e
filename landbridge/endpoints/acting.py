"""What acts by itself on a side that follows, where no session can keep it still. A part of abc.py."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from landbridge.model import TableName

if TYPE_CHECKING:
    from landbridge.endpoints.abc import Statement


@dataclass(frozen=True, kw_only=True)
class Acting:
    """
    statements: what makes each again, word for word, in an order that works, with what takes it away (`undo`). lasting:
    those that could not be made again so, and why.
    """

    statements: tuple["Statement", ...] = ()
    lasting: tuple[str, ...] = ()


class Acts(Protocol):
    def acting(self, tables: Collection[TableName]) -> Acting:
        """Triggers of these tables and events beside them, as they are now. Writes nothing."""
