"""What no target of another family holds, as conditions in SQL: for counting such rows before anything moves."""

import re
from collections.abc import Callable, Sequence

from landbridge.endpoints.postgres.names import qualified, quote
from landbridge.kinds import DOCUMENTS, Bytes, Unfit
from landbridge.model import Column, Table

_NOT_FINITE = "('NaN', 'Infinity', '-Infinity')"

_LARGEST, _MOST_DECIMALS = "1e35", 30
"""Of a decimal with 65 digits, 30 of them behind the point."""

_STRINGS = r'"(?:[^"\\]|\\.)*"'
_LONG_NUMBER = (
    r"(?<![0-9.])(?:[1-9][0-9]{20,}|(?:1844[7-9]|184[5-9][0-9]|18[5-9][0-9]{2}|19[0-9]{3}|[2-9][0-9]{4})[0-9]{15})",
    r"-(?:[1-9][0-9]{19,}|(?:922[4-9]|92[3-9][0-9]|9[3-9][0-9]{2})[0-9]{15})",
    r"[1-9](?=[0-9]*\.)(?:\.?[0-9]){17,}",
    r"(?<![0-9.])0\.0*[1-9][0-9]{17,}",
)
"""Beyond 64 bits; with a point and more digits than a double has, before it or behind it only."""

_EXTENSION = re.compile(r"(?P<schema>.*\.)?(?:geometry|geography)\b")


class Inspector:
    def unfit(self, table: Table, asked: Sequence[tuple[Column, Unfit]]) -> str | None:
        if any(unfit.what not in _CONDITIONS for _, unfit in asked):
            return None
        counts = (f"count(*) filter (where {_CONDITIONS[unfit.what](column, unfit)})" for column, unfit in asked)
        place = qualified(table.name) if table.partitioning else f"only {qualified(table.name)}"
        return f"select {', '.join(counts)} from {place}"


def _not_finite(column: Column, _: Unfit) -> str:
    return f"{quote(column.name)} in {_NOT_FINITE}"


def _too_many_digits(column: Column, unfit: Unfit) -> str:
    name = quote(column.name)
    return f"{_not_finite(column, unfit)} or abs({name}) >= {_LARGEST} or scale(trim_scale({name})) > {_MOST_DECIMALS}"


def _long_number(column: Column, _: Unfit) -> str:
    text = (
        f"to_json({quote(column.name)})::text" if isinstance(column.kind, DOCUMENTS) else f"{quote(column.name)}::text"
    )
    return f"regexp_replace({text}, '{_STRINGS}', '', 'g') ~ '{'|'.join(_LONG_NUMBER)}'"


def _beyond_years(column: Column, _: Unfit) -> str:
    """BC, or after 9999: infinities are so."""
    return f"{quote(column.name)} < '0001-01-01' or {quote(column.name)} >= '10000-01-01'"


def _too_long(column: Column, unfit: Unfit) -> str:
    name = quote(column.name)
    length = f"octet_length({name})" if isinstance(column.kind, Bytes) else f"char_length(format('%s', {name}))"
    return f"{length} > {unfit.most}"


def _swapped_uuid(column: Column, _: Unfit) -> str:
    sent = f"uuid_send({quote(column.name)})"
    return f"get_byte({sent}, 6) >= 128 and get_byte({sent}, 8) between 1 and 128"


def _geometry(column: Column) -> tuple[str, str]:
    """The value as a geometry, and the schema of the functions that know it."""
    found = _EXTENSION.match(column.native)
    schema = (found["schema"] or "") if found else ""
    return f"{quote(column.name)}::{schema}geometry", schema


def _empty_geometry(column: Column, _: Unfit) -> str:
    value, schema = _geometry(column)
    return f"{schema}st_isempty({value}) and {schema}geometrytype({value}) <> 'GEOMETRYCOLLECTION'"


def _odd_geometry(column: Column, _: Unfit) -> str:
    value, schema = _geometry(column)
    return f"{schema}st_ndims({value}) > 2 or {schema}st_hasarc({value})"


_CONDITIONS: dict[str, Callable[[Column, Unfit], str]] = {
    "not finite": _not_finite,
    "too many digits": _too_many_digits,
    "long number": _long_number,
    "beyond years": _beyond_years,
    "too long": _too_long,
    "swapped uuid": _swapped_uuid,
    "empty geometry": _empty_geometry,
    "odd geometry": _odd_geometry,
    "own bounds": lambda column, _: f"{quote(column.name)}::text like '[%'",
}
