"""
Whether a standby that was promoted goes on where its primary's log was left. Both write one log up to the place where
the standby left it for a timeline of its own; what the primary wrote past that is on no server any more.
"""

from typing import Any

from landbridge.endpoints.postgres.log.lsn import number, position
from landbridge.errors import PositionLost
from landbridge.model import Position

_MEND = "point the plan at the first server, or begin again under another plan name with an empty target"


def require_same(replication: Any, known: str, now: str, since: Position) -> None:
    """`known`, `now`: identities of the servers before and after (system, timeline, database). Raises PositionLost."""
    system, before, database = known.split("/", 2)
    new_system, timeline, new_database = now.split("/", 2)
    if (system, database) != (new_system, new_database):
        raise PositionLost(
            f"the source ({now}) is no standby of the server it was ({known}), or a restored copy", mend=_MEND
        )
    left = _left_at(replication, int(timeline), int(before))
    if left is None:
        raise PositionLost(f"the source's timeline {timeline} does not come from {before}, where it was", mend=_MEND)
    if number(since) > left:
        raise PositionLost(
            f"the standby left its primary's log at {position(left)}; what was applied to the target goes to {since}: "
            "the new primary never had the end of it",
            mend="begin again under another plan name with an empty target; then name the standbys' slots in "
            "synchronized_standby_slots, so that the stream never runs ahead of them",
        )


def _left_at(replication: Any, timeline: int, before: int) -> int | None:
    """Where the history of a timeline leaves an older one; a line for each that it went through, the oldest first."""
    with replication.cursor() as cursor:
        cursor.execute(f"TIMELINE_HISTORY {timeline}")
        ((_, content),) = cursor.fetchall()
    text = bytes(content).decode() if not isinstance(content, str) else content
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == str(before):
            high, _, low = words[1].partition("/")
            return int(high, 16) << 32 | int(low, 16)
    return None
