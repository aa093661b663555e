"""This family's SQL, for translation: how it is read, how it is written, what its sessions change."""

from sqlglot.dialects.postgres import Postgres

from landbridge.endpoints.postgres.dialect import reading, writing
from landbridge.endpoints.postgres.names import fits, quote
from landbridge.translation.dialect import Dialect, bare
from landbridge.translation.terms import Untranslatable


def _quote(name: str) -> str:
    """The server would cut a longer name with no more than a notice."""
    if not fits(name):
        raise Untranslatable(f"the name {name} is longer than 63 bytes")
    return quote(name)


DIALECT = Dialect(
    grammar=bare(Postgres),
    functions=reading.FUNCTIONS,
    nodes=reading.NODES,
    numbers_are_truths=False,
    texts=lambda _: "exact",
    nulls_first=False,
    writes=writing.WRITES,
    stable=writing.stable,
    quote=_quote,
    order=writing.order,
    assign="NEW.{column} := {value};",
    otherwise_if="ELSIF",
    refuse="RAISE EXCEPTION USING MESSAGE = {message}, ERRCODE = {state};",
    select="SELECT",
    distrusts=lambda _: "",
)
