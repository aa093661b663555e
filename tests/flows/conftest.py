"""One Prefect server for all tests here, in the home of the test session, ended with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.commands import prefect_server


@pytest.fixture(scope="session")
def prefect(landbridge_home: Path) -> Iterator[prefect_server.Server]:
    yield prefect_server.ensure()
    prefect_server.stop()
