"""What tests of a PostgreSQL log have in common."""

from collections.abc import Callable, Iterator

import pytest

from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.log import in_progress
from tests.engines.capture import Source

MakeSource = Callable[[postgres.Server], Source]


@pytest.fixture
def make_source(postgres_database: Callable[..., str]) -> Iterator[MakeSource]:
    """A database of its own on the server."""
    made: list[Source] = []

    def make(server: postgres.Server) -> Source:
        made.append(Source(server, postgres_database(server)))
        return made[-1]

    yield make
    for source in made:
        source.connection.close()


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The transactions that were sent before their end, a member for each block."""
    seen: list[bytes] = []
    begin = in_progress.InProgress.begin

    def note(self: in_progress.InProgress, payload: bytes) -> None:
        seen.append(payload[1:5])
        begin(self, payload)

    monkeypatch.setattr(in_progress.InProgress, "begin", note)
    return seen
