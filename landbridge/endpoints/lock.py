"""A lock that lives with its own session on a server."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Lock:
    """True where it was free and is ours. held: asks the server whether its session, and so the lock, still lives."""

    free: bool
    held: Callable[[], bool]

    def __bool__(self) -> bool:
        return self.free
