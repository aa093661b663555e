"""What several words take."""

from pathlib import Path
from typing import Annotated

import typer

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="The plan, a YAML file.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Result as JSON on standard output.")]
Yes = Annotated[bool, typer.Option("--yes", help="Approve the gate, in the name of who runs this.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait at the gate: record the request and end with 4.")]
