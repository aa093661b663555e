"""
Errors, by who must act:

MigrationError              what was found, and what mends it
├── PlanError               the plan's author; nothing was touched
├── CheckFailed             the operator, before anything was touched
├── Unsupported             nobody: this engine, type or version cannot
├── Transient               nobody: wait and retry (deadlock, lost connection, lock timeout)
└── Terminal                the operator; work stopped where the ledger says
    ├── Busy                another run of the same plan holds the lock
    ├── PositionLost        the log was purged past our position: load again
    ├── SourceMoved         the source is another server now: begin the command again, which looks whether it can go on
    ├── SchemaDrift         the source changed a table in a way that is not followed
    ├── RowRejected         the target refused a row; it is in the rejects table
    ├── Killed              a signal from outside ended capture or apply; what it was doing goes on when started again
    ├── Fenced              another process took over this stream; this one must end
    ├── Differs             validation found rows that are not equal
    ├── InvalidApproval     whoever answered at a gate: the answer does not count
    └── CutoverVoid         the switch was undone; the source takes writes again
"""

from typing import Any


class MigrationError(Exception):
    """`found` says what is wrong, `mend` the command, setting or statement that puts it right. Both are shown."""

    def __init__(self, found: str, *, mend: str) -> None:
        super().__init__(found)
        self.found = found
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.found}\n  mend: {self.mend}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.found, self.mend)

    def as_dict(self) -> dict[str, str]:
        return {"error": type(self).__name__, "found": self.found, "mend": self.mend}

    @staticmethod
    def from_dict(fields: dict[str, str]) -> "MigrationError":
        """The error that `as_dict` wrote, so that it can cross a process border as JSON."""
        return _rebuild(_by_name().get(fields["error"], Terminal), fields["found"], fields["mend"])


def _rebuild(cls: type[MigrationError], found: str, mend: str) -> MigrationError:
    return cls(found, mend=mend)


def _by_name(root: type[MigrationError] = MigrationError) -> dict[str, type[MigrationError]]:
    names = {root.__name__: root}
    for child in root.__subclasses__():
        names |= _by_name(child)
    return names


class PlanError(MigrationError):
    """The plan cannot be used as it is."""


class CheckFailed(MigrationError):
    """Precheck refused; nothing was touched."""


class Unsupported(MigrationError):
    """This engine, type or version cannot do what was asked."""


class Transient(MigrationError):
    """May clear by itself: retried."""


class Terminal(MigrationError):
    """Will not clear by itself."""


class Busy(Terminal):
    """Another run of the same plan is at work."""


class PositionLost(Terminal):
    """The source's log no longer reaches back to our position."""


class SourceMoved(Terminal):
    """The source is another server than it was."""


class SchemaDrift(Terminal):
    """The stream holds a table of another shape than the one recorded."""


class RowRejected(Terminal):
    """The target refused a row."""


class Killed(Terminal):
    """A process of ours was ended from outside."""


class Fenced(Terminal):
    """The position moved under us: another process applies this stream."""


class Differs(Terminal):
    """Source and target are not equal."""


class InvalidApproval(Terminal):
    """An answer at a gate that does not count: of another evidence, or not by whom it must be."""


class CutoverVoid(Terminal):
    """The switch did not happen and was undone."""
