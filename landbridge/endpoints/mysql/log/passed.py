"""
What the stream has passed of the source's history: told with the transactions, kept with the position, so that another
server of the same history can go on from there, and what was taken from the first one is left out.
"""

from landbridge.change import FURTHER
from landbridge.endpoints.mysql.log.binlog import Event
from landbridge.endpoints.mysql.log.gtid import UNKNOWN, GtidSet, Span, span_of, text_of

_WHOLE_EVERY = 100
"""Transactions after which the whole set is told again: between them each tells its own name only."""


class Passed:
    """
    history: the set up to where the stream begins; with None nothing is told. left_out: transactions that were taken
    from another server, wherever they stand in this one's log. `known` ends with the first transaction without a name.
    """

    def __init__(self, history: GtidSet | None = None, left_out: GtidSet | None = None, *, known: bool = True) -> None:
        self.history, self.known = history, known
        self._left_out = left_out or GtidSet()
        if history is not None:
            history.update(self._left_out)
        self._open: Span | None = None
        self._last: Span | None = None
        self._untold, self._since_whole = 0, _WHOLE_EVERY

    def begin(self, event: Event) -> bool:
        """Whether the transaction that begins is to be left out."""
        self._open = None
        if self.history is None:
            return False
        self._open = span_of(event)
        self.known = self.known and self._open is not None
        return self._open is not None and self._left_out.has(self._open)

    def end(self) -> None:
        """The open transaction is over."""
        if self.history is not None and self._open is not None:
            self.history.add(*self._open)
            self._last, self._untold = self._open, self._untold + 1
        self._open = None

    def told(self) -> str:
        """For what is handed on now: all that was passed, what is new since the last telling, or '' for nothing new."""
        if self.history is None or not self.known:
            return "" if self.history is None else UNKNOWN
        untold, self._untold = self._untold, 0
        if self._since_whole >= _WHOLE_EVERY or untold > 1:
            self._since_whole = 0
            return str(self.history)
        self._since_whole += 1
        return f"{FURTHER}{text_of(self._last)}" if untold and self._last else ""
