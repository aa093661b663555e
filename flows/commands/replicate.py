"""landbridge replicate: keep the target up with the source, for weeks if need be."""

from typing import Annotated

import typer

from flows.commands import running
from flows.commands.options import PlanFile
from landbridge.plan import read_plan

Port = Annotated[int | None, typer.Option("--metrics-port", help="Serve figures for Prometheus here.")]


def replicate(plan: PlanFile, metrics_port: Port = None) -> None:
    """Load and catch up if need be, then follow the source until told to end."""
    running.run_flow("replicate", plan, read_plan(plan), metrics_port=metrics_port)
