"""
What a table's values say that its types leave open: whether a tinyint(1) is a truth value, whether a TIME holds spans,
how many dates are none. One pass over the table answers all of it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from landbridge.endpoints.mysql.expressions import is_no_date
from landbridge.endpoints.mysql.names import quote

Row = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """booleans: columns with 0, 1 and NULL only. spans: those with times of no day. odd_dates: how many, each."""

    booleans: frozenset[str] = frozenset()
    spans: frozenset[str] = frozenset()
    odd_dates: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Questions:
    """Columns by what is asked of their values."""

    booleans: Sequence[str] = ()
    times: Sequence[str] = ()
    dates: Sequence[str] = ()

    def expressions(self) -> Iterator[str]:
        yield from (f"sum({quote(name)} not in (0, 1))" for name in self.booleans)
        yield from (f"sum({quote(name)} < '00:00:00' or {quote(name)} > '24:00:00')" for name in self.times)
        yield from (f"sum({is_no_date(name)})" for name in self.dates)

    def ask(self, ask: Callable[[str], Row | None], table: str) -> Scanned:
        """ask: yields one row, None where this login may not read the table; then nothing is known."""
        names = (*self.booleans, *self.times, *self.dates)
        row = ask(f"select {', '.join(self.expressions())} from {table}") if names else None
        if row is None:
            return Scanned()
        found = {name: int(count or 0) for name, count in zip(names, row, strict=True)}
        return Scanned(
            booleans=frozenset(name for name in self.booleans if not found[name]),
            spans=frozenset(name for name in self.times if found[name]),
            odd_dates={name: found[name] for name in self.dates if found[name]},
        )
