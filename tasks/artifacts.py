"""
What the orchestrator's UI shows of a run beside its log: tables, pages and progress bars. All stand with the whole run,
which is the one that people open, not with the run of the phase that made them.
"""

import re
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from prefect import runtime
from prefect.artifacts import MarkdownArtifact, ProgressArtifact, TableArtifact, update_progress_artifact
from prefect.client.schemas.objects import Artifact

_AT_MOST_EVERY = 1.0


def key(*parts: str) -> str:
    """Keys take lower case letters, digits and dashes only."""
    return re.sub(r"[^a-z0-9-]+", "-", "-".join(parts).lower()).strip("-")


def table(name: str, plan: str, rows: Sequence[dict[str, Any]], description: str) -> None:
    made = TableArtifact(key=key(name, plan), table=list(rows), description=description, flow_run_id=_whole_run())
    made.create()


def page(name: str, plan: str, markdown: str, description: str) -> None:
    made = MarkdownArtifact(key=key(name, plan), markdown=markdown, description=description, flow_run_id=_whole_run())
    made.create()


def _whole_run() -> UUID:
    return UUID(str(runtime.flow_run.root_flow_run_id))


class Bar:
    """A progress bar that is drawn once a second at most: each drawing is a request."""

    def __init__(self, name: str, plan: str, said: str) -> None:
        made = ProgressArtifact(progress=0.0, key=key(name, plan), description=said, flow_run_id=_whole_run()).create()
        if not isinstance(made, Artifact):
            raise TypeError("called from asynchronous code")
        self._artifact = made.id
        self._next = 0.0

    def move(self, done: float, wanted: float, *, last: bool = False) -> None:
        if last or time.monotonic() >= self._next:
            self._next = time.monotonic() + _AT_MOST_EVERY
            percent = 100.0 if last else min(99.0, 100.0 * done / max(wanted, 1.0))
            update_progress_artifact(artifact_id=self._artifact, progress=percent)
