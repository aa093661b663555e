"""Secrets that the orchestrator keeps: `block:NAME` in a plan is a Secret block."""

from typing import cast

from prefect.blocks.system import Secret

from landbridge.errors import PlanError


def read_block(name: str) -> str:
    try:
        value = cast("Secret[str]", Secret.load(name)).get()
    except ValueError:  # so says Prefect of a block that is not there
        value = None
    if not value:
        raise PlanError(
            f"the secret block:{name} is not there, or empty", mend="make a Secret block of that name in Prefect"
        )
    return str(value)
