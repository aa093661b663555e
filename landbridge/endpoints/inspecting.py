"""What a source can say of its values before they move (see abc)."""

from collections.abc import Sequence
from typing import Protocol

from landbridge.kinds import Unfit
from landbridge.model import Column, Table

TOO_LONG = 10**15
"""What a value counts for that the server cannot look at: its number of rows is not known then."""


class Inspects(Protocol):
    def unfit(self, table: Table, asked: Sequence[tuple[Column, Unfit]]) -> str | None:
        """A query, in the source's words, with one row: how many rows have such a value in the column, one by one.
        None where it cannot know one of them."""
