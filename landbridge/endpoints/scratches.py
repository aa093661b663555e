"""What an endpoint can do for a rehearsal, as abc.py has it for a migration."""

from typing import Protocol


class Scratches(Protocol):
    """A database on this server that a rehearsal makes and drops; it carries a mark, so that no other is dropped."""

    holds_schemas: bool
    """Whether a database holds schemas, or is what a schema is elsewhere."""

    def mark(self, name: str) -> str | None:
        """The mark of a database: None when there is no such database, '' when it has none."""

    def make(self, name: str, mark: str) -> None:
        """A new, empty one, otherwise like the target's own. Terminal when there is one of that name."""

    def drop(self, name: str) -> None:
        """With all that is in it, ending other sessions. The caller has looked at its mark."""

    def size(self, name: str) -> int:
        """Bytes on disk."""
