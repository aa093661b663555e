"""A private, empty server that answers for a target that is not there yet, and is gone afterwards."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from landbridge import endpoints
from landbridge.plan import EndpointRef, Plan

_DATABASE = "standin"


@contextlib.contextmanager
def standing_in(plan: Plan) -> Iterator[Plan]:
    """The plan, towards a private server of its target's engine. Raises Terminal without that engine's program."""
    module = endpoints.private_server(plan.target.engine)
    with tempfile.TemporaryDirectory(prefix="landbridge-standin-") as folder:
        Path(folder).chmod(0o755)
        try:
            server = module.start(Path(folder) / "server")
            module.create_database(server, _DATABASE)
            ref = EndpointRef(
                engine=plan.target.engine, host=server.host, port=server.port, user=server.user, database=_DATABASE
            )
            yield plan.model_copy(update={"target": ref})
        finally:
            module.remove(Path(folder) / "server")


def nowhere() -> dict[str, str]:
    """A target for a plan without one: of the engine that comes with this package, and nothing is ever opened there."""
    return {"engine": endpoints.embedded().__name__.split(".")[-2], "host": "nowhere.invalid", "user": "nobody"}


def is_nowhere(ref: EndpointRef) -> bool:
    return ref == EndpointRef(**nowhere())
