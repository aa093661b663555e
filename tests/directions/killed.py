"""
The command line in a process that dies as by kill -9 at one place of the switch: `python -m tests.directions.killed`,
the place in $DIES. Nothing is caught, nothing is undone, and what it has started lives on.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

from flows.__main__ import main
from landbridge import ledger, way_back
from landbridge.cutover import Cutover

STATES = ("freezing", "frozen", "drained", "done")
PLACES = ("prepared", *STATES[:3], "ready", "opening", "thawed", STATES[3])
"""prepared: the next leg has its slot. ready: its stream stands, held. opening: past the point of no return. thawed: the
side that opens takes writes, the next leg does not follow yet."""


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dying(function: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def wrapped(*given: Any, **named: Any) -> Any:
        if not after:
            _die()
        function(*given, **named)
        _die()

    return wrapped


def _arm(place: str) -> None:
    move = Cutover._move

    def dying_move(self: Cutover, state: str, **detail: Any) -> None:
        move(self, state, **detail)
        if state == place:
            _die()

    if place in STATES:
        Cutover._move = dying_move  # type: ignore[method-assign]
    elif place == "prepared":
        way_back.prepare = _dying(way_back.prepare, after=True)
    elif place == "ready":
        way_back.start = _dying(way_back.start, after=True)
    elif place == "opening":
        Cutover.finish = _dying(Cutover.finish, after=False)  # type: ignore[method-assign]
    elif place == "thawed":
        ledger.activate_leg = _dying(ledger.activate_leg, after=False)
    else:
        raise AssertionError(f"no place {place!r}")


if __name__ == "__main__":
    _arm(os.environ["DIES"])
    main()
