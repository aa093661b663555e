"""The only place that knows which engines there are."""

from collections.abc import Mapping
from importlib import import_module
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, TypeVar

from landbridge.endpoints.later import Later
from landbridge.errors import PlanError, Unsupported
from landbridge.plan import EndpointRef

if TYPE_CHECKING:
    from landbridge.translation.dialect import Dialect

T = TypeVar("T")

_EMBEDDED = "postgres"
_MODULES = {"mysql": "mysql", "mariadb": "mysql", "postgres": "postgres", "postgresql": "postgres"}


class _Engine(Protocol):
    FAMILY: str

    def capabilities(self, ref: EndpointRef) -> Mapping[type, object]: ...


class Endpoint:
    """A database of a plan. Nothing is opened until a capability is used."""

    def __init__(self, ref: EndpointRef, family: str, capabilities: Mapping[type, object]) -> None:
        self.ref = ref
        self.family = family
        self._capabilities = dict(capabilities)

    def get(self, capability: type[T]) -> T:
        """The capability (a Protocol of endpoints.abc). Raises Unsupported when this engine lacks it."""
        found = self._capabilities.get(capability)
        if found is None:
            raise Unsupported(
                f"{self.ref.engine} cannot serve here: it has no {capability.__name__}",
                mend="swap source and target, or use another engine; docs/engines.md lists what each can do",
            )
        if isinstance(found, Later):
            found = self._capabilities[capability] = found.make()
        return found  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"Endpoint({self.ref.engine} at {self.ref.host}:{self.ref.port or 'default port'})"


def engines() -> tuple[str, ...]:
    return tuple(_MODULES)


def connect(ref: EndpointRef) -> Endpoint:
    """The endpoint of a reference. Raises PlanError for an engine that is not known."""
    module: _Engine = import_module(f"landbridge.endpoints.{_module(ref.engine)}")
    return Endpoint(ref, module.FAMILY, module.capabilities(ref))


def embedded() -> ModuleType:
    """The module that runs a private server of the engine that comes with this package (its `server.py`)."""
    return private_server(_EMBEDDED)


def private_server(engine: str) -> ModuleType:
    """The module that runs a private server of this engine. Raises PlanError for an engine that is not known."""
    return import_module(f"landbridge.endpoints.{_module(engine)}.server")


def dialect(family: str) -> "Dialect":
    """The family's SQL, for translation. Raises PlanError for a family that is not known."""
    found: Dialect = import_module(f"landbridge.endpoints.{_module(family)}.dialect").DIALECT
    return found


def shop(engine: str) -> list[str]:
    """The statements that make and fill the demo's shop."""
    script = files(f"landbridge.endpoints.{_module(engine)}").joinpath("shop.sql").read_text(encoding="utf-8")
    return [statement for statement in script.split(";\n") if statement.strip()]


def _module(engine: str) -> str:
    name = _MODULES.get(engine)
    if name is None:
        raise PlanError(f"unknown engine {engine!r}; known: {', '.join(_MODULES)}", mend="correct `engine` in the plan")
    return name
