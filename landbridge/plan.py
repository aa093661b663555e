"""
The plan: one YAML file, one strict model, the parameter of every flow and so the form in the orchestrator's UI.

Secrets are references (`env:NAME`, `file:PATH`, `block:NAME`), resolved only when a connection is opened.
"""

import fnmatch
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from landbridge.errors import PlanError

Names = Literal["keep", "lower"]
TLS = Literal["disable", "require", "verify-ca", "verify-full"]
OnError = Literal["stop", "pause", "store"]

_DURATION = re.compile(r"^(\d+(?:\.\d+)?)\s*(s|m|h)$")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE = re.compile(r"^(\d+(?:\.\d+)?)\s*(MB|GB|TB)$")
_BYTES = {"MB": 1e6, "GB": 1e9, "TB": 1e12}

secret_sources: dict[str, Callable[[str], str]] = {}
"""Readers of secret references by their scheme; the orchestrator's side adds `block`."""


def seconds(duration: str) -> float:
    """'90s', '5m' or '2h' in seconds."""
    match = _DURATION.match(duration)
    if match is None:
        raise ValueError(f"{duration!r} is not a duration; write it like 60s, 5m or 2h")
    return float(match[1]) * _SECONDS[match[2]]


def size(text: str) -> float | None:
    """'500MB', '10GB' or '2TB' in bytes; None for 'off'."""
    match = _SIZE.match(text)
    if match is None and text != "off":
        raise ValueError(f"{text!r} is not a size; write it like 500MB, 10GB or 2TB, or off")
    return float(match[1]) * _BYTES[match[2]] if match else None


def threshold(duration: str) -> float | None:
    """Seconds; None for 'off'."""
    return None if duration == "off" else seconds(duration)


def _off(given: object) -> object:
    return "off" if given is False else given  # so YAML reads off


def _threshold(text: str) -> str:
    threshold(text)
    return text


def _size(text: str) -> str:
    size(text)
    return text


def _duration(text: str) -> str:
    seconds(text)
    return text


def _reference(text: str) -> str:
    scheme, found, name = text.partition(":")
    if not found or not name or scheme not in ("env", "file", "block"):
        raise ValueError("a secret is given by reference: env:NAME, file:PATH or block:NAME, never as itself")
    return text


def _freeze(text: str) -> str:
    if text not in ("read-only", "revoke", "fence") and not text.startswith("hook:"):
        raise ValueError(f"{text!r} is not a way to freeze; write read-only, revoke, fence or 'hook: COMMAND'")
    return text


def _partitions(text: str) -> str:
    if text not in ("keep", "flatten") and "(" not in text:
        raise ValueError(f"{text!r} is no partitioning; write keep, flatten, or the target's text after PARTITION BY")
    return text


Duration = Annotated[str, AfterValidator(_duration)]
Threshold = Annotated[str, AfterValidator(_threshold), BeforeValidator(_off)]
Size = Annotated[str, AfterValidator(_size), BeforeValidator(_off)]
SecretRef = Annotated[str, AfterValidator(_reference)]


def matches(name: str, pattern: str) -> bool:
    """Only * is special; a bracket or question mark in a name is itself."""
    literal = re.sub(r"([\[\]?])", r"[\1]", pattern)
    return fnmatch.fnmatchcase(name, literal)


def _in_this_order(schema: dict[str, Any]) -> None:
    """For the form: who stores a schema may sort its keys otherwise."""
    for position, shown in enumerate(schema.get("properties", {}).values()):
        shown["position"] = position


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, json_schema_extra=_in_this_order)


class EndpointRef(_Strict):
    """Where a database is and how to reach it."""

    engine: str = Field(description="engine of the server, as `landbridge plan --help` lists them")
    host: str
    port: int | None = Field(default=None, description="default: the engine's usual port")
    user: str
    password: SecretRef | None = Field(default=None, description="env:NAME, file:PATH or block:NAME")
    database: str | None = Field(default=None, description="needed where one connection sees one database only")
    tls: TLS | None = Field(default=None, description="default: verify-full, and disable on loopback")
    ca: str | None = Field(default=None, description="file with the certificate authority to trust")

    def secret(self) -> str:
        """The password itself, '' where none is given. Raises PlanError when the reference leads nowhere."""
        return "" if self.password is None else read_secret(self.password)

    @property
    def loopback(self) -> bool:
        return self.host in ("localhost", "127.0.0.1", "::1") or self.host.startswith("127.")

    @property
    def effective_tls(self) -> TLS:
        return self.tls or ("disable" if self.loopback else "verify-full")


class ColumnRule(_Strict):
    """What becomes of one column. `drop` and `text` alone may be written for {drop: true} and {text: true}."""

    drop: bool = False
    text: bool = Field(default=False, description="its values become texts, as docs/canonical-text.md has them")
    rename: str | None = Field(default=None, description="its name on the target")
    zero_dates: Literal["error", "null"] = Field(default="error", description="what a zero or partial date becomes")
    nul: Literal["error", "strip"] = Field(default="error", description="what the character NUL in a text becomes")

    @model_validator(mode="before")
    @classmethod
    def _word(cls, given: object) -> object:
        return {given: True} if given in ("drop", "text") else given


class TableRule(_Strict):
    """One of include and exclude: schema.table with * as wildcard. The last rule that matches a table decides."""

    include: str | None = None
    exclude: str | None = None
    to: str | None = Field(default=None, description="schema.table on the target; * stands for the source's name")
    columns: dict[str, ColumnRule] = Field(default={}, description="rules for single columns, by their names")
    partitions: Annotated[str, AfterValidator(_partitions)] = Field(
        default="keep", description="keep, flatten (one table), or the target's own text after PARTITION BY"
    )
    history: Literal["refuse", "leave"] = Field(
        default="refuse", description="leave: the history of system-versioned tables may stay behind"
    )
    on_error: OnError = Field(
        default="stop",
        description="a change that the target refuses stops the run, pauses its table, or is stored, and all goes on",
    )


class Waiver(_Strict):
    """An object that may stay behind, with the name of who answers for it."""

    object: str = Field(description="kind and schema.name as the inventory has them, with * as wildcard: 'view shop.*'")
    by: str = Field(min_length=1, description="whose decision it is")
    reason: str = Field(min_length=1, description="why it may stay behind")

    def covers(self, kind: str, name: str) -> bool:
        return matches(f"{kind} {name}", self.object)


class LoadSettings(_Strict):
    workers: int = Field(default=4, ge=1, le=64, description="segments copied at once")
    segment_mb: int = Field(default=64, ge=1, le=1024, description="size of a segment, roughly")


class CaptureSettings(_Strict):
    spool_gb: float = Field(default=20, gt=0, description="no new transaction is taken from the source above this")
    patience: Duration = Field(default="60s", description="how long transactions open at the start may take to end")


class DDLSettings(_Strict):
    """What the source's DDL may do to the target by itself, beyond what loses nothing (docs/ddl.md)."""

    drop: Literal["pause", "allow"] = Field(
        default="pause", description="DROP COLUMN: pause the table, or carry it out"
    )


class ValidationSettings(_Strict):
    timeout: Duration = Field(default="10m", description="how long a comparison may wait for its position")
    in_switch: Literal["auto", "everything", "changes"] = Field(
        default="auto", description="what the switch compares again while the source stands still"
    )


class Approver(_Strict):
    """Somebody who may open a gate, and the code that shows it is them."""

    name: str = Field(min_length=1)
    code: SecretRef = Field(description="env:NAME, file:PATH or block:NAME, where the run is")


class AlarmSettings(_Strict):
    lag: Threshold = Field(default="60s", description="the target is this far behind the source, or off")
    log_loss: Threshold = Field(default="12h", description="the source keeps its log for less than this, or off")
    spool: Size = Field(default="10GB", description="the spool is larger than this, or off")
    transaction: Threshold = Field(default="1h", description="one is open at the source for this long, or off")
    standing: Threshold = Field(default="0s", description="a table stands still for longer than this, or off")


class MetricsSettings(_Strict):
    port: int | None = Field(default=None, ge=0, le=65535, description="`replicate` serves /metrics here; default: not")
    host: str = Field(default="127.0.0.1", description="the address to listen on")


class CutoverSettings(_Strict):
    freeze: Annotated[str, AfterValidator(_freeze)] = Field(
        default="read-only", description="read-only, revoke, fence, or 'hook: COMMAND'"
    )
    timeout: Duration = Field(default="60s", description="the freeze is undone by itself after this")
    max_lag: Duration = Field(default="10s", description="the gate opens at this lag or less")
    after: str = Field(default="", description="a command that is run once the target is open: DNS, a smoke test")
    way_back: bool = Field(
        default=False, description="keep the source up with the target after the switch, so that it can be undone"
    )
    approval_expires: Duration = Field(default="24h", description="an approval is worth nothing after this")
    approvals: int = Field(default=1, ge=1, le=10, description="so many persons must approve")
    approvers: tuple[Approver, ...] = Field(default=(), description="who may approve; none listed: anybody")

    @model_validator(mode="after")
    def _enough_approvers(self) -> Self:
        names = {" ".join(approver.name.casefold().split()) for approver in self.approvers}
        if len(names) != len(self.approvers):
            raise ValueError("approvers: two of them have one name")
        if self.approvers and len(names) < self.approvals:
            raise ValueError(f"approvals: {self.approvals} persons must approve, and {len(names)} are listed")
        return self


class RehearsalSettings(_Strict):
    """Where a rehearsal goes instead of the target: a database that it makes and drops."""

    database: str = Field(pattern=r"^[A-Za-z0-9_]{1,60}$", description="made for a rehearsal, and dropped after it")
    server: EndpointRef | None = Field(default=None, description="another server than the target's, of the same engine")


class Plan(_Strict):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="lower case letters, digits, - and _")
    source: EndpointRef
    target: EndpointRef
    mode: Literal["full-load-and-cdc"] = "full-load-and-cdc"
    tables: tuple[TableRule, ...] = Field(min_length=1)
    names: Names = Field(default="keep", description="keep names as they are, or lower: in lower case")
    grants: bool = Field(default=False, description="rights too, for accounts and roles that the target has")
    waive: tuple[Waiver, ...] = Field(default=(), description="objects that may stay behind")
    load: LoadSettings = LoadSettings()
    capture: CaptureSettings = CaptureSettings()
    ddl: DDLSettings = DDLSettings()
    validation: ValidationSettings = ValidationSettings()
    alarms: AlarmSettings = AlarmSettings()
    metrics: MetricsSettings = MetricsSettings()
    cutover: CutoverSettings = CutoverSettings()
    rehearsal: RehearsalSettings | None = Field(default=None, description="where `landbridge rehearse` goes")

    @property
    def hash(self) -> str:
        """
        Of what decides the run's result: endpoints and tables, not speeds and timeouts. The source's address may
        change, for a failover does; whether the server is still the source, or may be, the run itself looks.
        """
        whole = ("name", "target", "mode", "tables", "names", "grants")
        decisive = self.model_dump_json(
            include=dict.fromkeys(whole, True) | {"source": {"engine", "database"}},
            exclude={"tables": {"__all__": {"on_error"}}},
        )
        return hashlib.sha256(decisive.encode()).hexdigest()[:16]

    def require_secrets(self, *schemes: str) -> None:
        """Raises PlanError, naming every secret of these schemes ('env', 'file', 'block') that leads nowhere."""
        missing = []
        for reference in dict.fromkeys((self.source.password, self.target.password)):
            try:
                if reference is not None and reference.partition(":")[0] in schemes:
                    read_secret(reference)
            except PlanError as error:
                missing.append(error)
        if missing:
            raise PlanError("; ".join(e.found for e in missing), mend="; ".join(e.mend for e in missing))


def read_plan(path: Path) -> Plan:
    """The plan in a YAML file. Raises PlanError that names every fault at once."""
    return parse_plan(read_yaml(path), str(path))


def read_yaml(path: Path) -> object:
    """What the file holds, a plan or not. Raises PlanError."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(
            f"the plan {path} cannot be read: {error.strerror}", mend="give the path of a YAML file"
        ) from None
    except yaml.YAMLError as error:
        raise PlanError(f"{path} is not YAML: {error}", mend="correct the file at the place named") from None


def parse_plan(data: object, where: str = "the plan") -> Plan:
    if not isinstance(data, dict):
        raise PlanError(f"{where} holds no mapping", mend="write name, source, target and tables; see docs/plan.md")
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        faults = [_fault(item["loc"], item["msg"], item["type"]) for item in error.errors(include_input=False)]
        raise PlanError(
            f"{where} has {len(faults)} fault(s):\n  - " + "\n  - ".join(faults),
            mend="correct them; docs/plan.md lists every key",
        ) from None


def _fault(loc: tuple[int | str, ...], message: str, code: str) -> str:
    place = ".".join(str(part) for part in loc)
    if code == "extra_forbidden":
        return f"{place}: unknown key; known here: {', '.join(_known(loc[:-1]))}"
    return f"{place}: {message.removeprefix('Value error, ')}"


def _known(loc: tuple[int | str, ...]) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "source": EndpointRef, "target": EndpointRef, "tables": TableRule, "waive": Waiver, "load": LoadSettings,
        "capture": CaptureSettings, "ddl": DDLSettings, "validation": ValidationSettings, "metrics": MetricsSettings,
        "alarms": AlarmSettings, "cutover": CutoverSettings, "rehearsal": RehearsalSettings, "approvers": Approver,
        "server": EndpointRef,
    }  # fmt: skip
    places = [str(part) for part in loc if str(part) in models]
    model = models[places[-1]] if places else Plan
    return list(model.model_fields)


def read_secret(reference: str) -> str:
    """The secret behind a reference. Raises PlanError when there is none; an empty one counts as none."""
    scheme, _, name = reference.partition(":")
    reader = {"env": _from_environment, "file": _from_file, **secret_sources}.get(scheme)
    if reader is None:
        raise PlanError(f"nothing here can read the secret {reference}", mend="use env:NAME or file:PATH")
    return reader(name)


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise PlanError(f"the secret env:{name} is not set", mend=f"export {name}=... before the command")
    return value


def _from_file(name: str) -> str:
    try:
        value = Path(name).read_text(encoding="utf-8").rstrip("\n")
    except OSError as error:
        raise PlanError(
            f"the secret file:{name} cannot be read: {error.strerror}", mend="give a readable file"
        ) from None
    if not value:
        raise PlanError(f"the secret file:{name} is empty", mend="write the password into the file")
    return value
