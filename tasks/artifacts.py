"""What the orchestrator's UI shows of a run beside its log: tables, pages and progress bars."""

import re
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

_AT_MOST_EVERY = 1.0


def key(*parts: str) -> str:
    """Keys take lower case letters, digits and dashes only."""
    return re.sub(r"[^a-z0-9-]+", "-", "-".join(parts).lower()).strip("-")


def table(name: str, plan: str, rows: Sequence[dict[str, Any]], description: str) -> None:
    create_table_artifact(key=key(name, plan), table=list(rows), description=description)


def page(name: str, plan: str, markdown: str, description: str) -> None:
    create_markdown_artifact(key=key(name, plan), markdown=markdown, description=description)


class Bar:
    """A progress bar that is drawn once a second at most: each drawing is a request."""

    def __init__(self, name: str, plan: str) -> None:
        made = create_progress_artifact(progress=0.0, key=key(name, plan))
        if not isinstance(made, UUID):
            raise TypeError("called from asynchronous code")
        self._artifact = made
        self._next = 0.0

    def move(self, done: float, wanted: float, *, last: bool = False) -> None:
        if last or time.monotonic() >= self._next:
            self._next = time.monotonic() + _AT_MOST_EVERY
            percent = 100.0 if last else min(99.0, 100.0 * done / max(wanted, 1.0))
            update_progress_artifact(artifact_id=self._artifact, progress=percent)
