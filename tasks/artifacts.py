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
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.objects import Artifact
from prefect.logging import get_run_logger

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


class Page:
    """A page that is written anew again and again: one artifact, however long the run lasts."""

    def __init__(self, name: str, plan: str, description: str) -> None:
        self._key, self._description = key(name, plan), description
        self._artifact: UUID | None = None

    def write(self, markdown: str) -> None:
        """What the server does not take now it is given the next time."""
        try:
            if self._artifact is None:
                self._artifact = self._create(markdown)
            else:
                with get_client(sync_client=True) as client:
                    client.update_artifact(self._artifact, ArtifactUpdate(data=markdown))
        except Exception as error:  # noqa: BLE001  (any of the client's: nothing rests on a page)
            get_run_logger().warning("the page cannot be renewed: %s", type(error).__name__)

    def _create(self, markdown: str) -> UUID:
        made = MarkdownArtifact(
            key=self._key, markdown=markdown, description=self._description, flow_run_id=_whole_run()
        ).create()
        if not isinstance(made, Artifact):
            raise TypeError("called from asynchronous code")
        return made.id


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
