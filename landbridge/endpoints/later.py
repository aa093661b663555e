"""Capabilities that only a planner needs: the processes that move rows shall not carry their weight."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Later:
    """Stands for a capability until it is asked for."""

    make: Callable[[], object]
