"""What a source can say of its values before they move (see abc)."""

from collections.abc import Sequence
from typing import Protocol

from landbridge.kinds import Unfit
from landbridge.model import Column, Table


class Inspects(Protocol):
    def unfit(self, table: Table, asked: Sequence[tuple[Column, Unfit]]) -> str | None:
        """A query, in the source's words, with one row: how many rows have such a value in the column, one by one.
        None where it cannot know one of them."""
