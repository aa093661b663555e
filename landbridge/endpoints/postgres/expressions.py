"""
SQL expressions that yield canonical text (docs/canonical-text.md), by the kind of the source's column and the type of
ours. Escaping is left to COPY.

NULL is tested on the raw column. Nothing here cuts a text to a length: a value that the source cannot have must show.
"""

from collections.abc import Callable, Sequence

from landbridge.endpoints.postgres.names import literal, quote
from landbridge.kinds import (
    DOCUMENTS,
    FREE_TEXT,
    Bool,
    Bytes,
    Composite,
    Decimal,
    Float,
    Geometry,
    Inet,
    Other,
    Time,
    Timestamp,
    TimestampTz,
    Year,
)
from landbridge.model import Field, Relation

_TAB = r"E'\t'"
_NULL = r"'\N'"

_ENCODING = "(select pg_char_to_encoding(getdatabaseencoding()))"
"""The seed of the hash of a plain row, for the hash is of the bytes in the database's own encoding."""


def canonical(field: Field) -> str:
    """The canonical text of a column, NULL where the column is. A column of texts keeps it as it is."""
    if field.native == "text":
        return quote(field.name)
    made = _BY_KIND.get(type(field.kind))
    return made(quote(field.name), field) if made else f"{quote(field.name)}::text"


def is_null(field: Field) -> str:
    """Of a composite value that consists of NULLs IS NULL would say that it is one."""
    return f"{quote(field.name)} is {'not distinct from ' * isinstance(field.kind, Composite)}null"


def _timestamp(column: str, field: Field) -> str:
    return _moment(f"{column}::text", column, field)


def _timestamptz(column: str, field: Field) -> str:
    return _moment(f"({column} at time zone 'UTC')::text", column, field, "+00")


def _moment(text: str, column: str, field: Field, zone: str = "") -> str:
    """Infinity, BC and years above 9999 have no usual form: the server's own shows."""
    usual = f"{column} >= '0001-01-01 00:00:00{zone}' and {column} < '10000-01-01 00:00:00{zone}'"
    fraction = _fraction(text, "2000-01-01 00:00:00", field)
    return f"case when {usual} then {fraction}{f' || {literal(zone)}' * bool(zone)} else {column}::text end"


def _time(column: str, field: Field) -> str:
    if field.native.startswith("interval"):
        return _span(f"{column}::text", field)
    return _fraction(f"{column}::text", "00:00:00", field)


def _span(text: str, field: Field) -> str:
    """[-]HH:MM:SS of two or three digits of hours. Days and months, which no source sends, show as they are."""
    fsp = getattr(field.kind, "fsp", 0)
    if fsp == 0:
        return text
    padded = f"rpad({text}, strpos({text}, '.') + {fsp}, '0')"
    return f"case when strpos({text}, '.') > 0 then {padded} else {text} || {literal('.' + '0' * fsp)} end"


def _fraction(text: str, whole: str, field: Field) -> str:
    """The server leaves out a fraction's last zeros; they are added, up to `fsp` digits."""
    fsp = getattr(field.kind, "fsp", 0)
    if fsp == 0:
        return text
    return f"{text} || substr({literal('.' + '0' * fsp)}, octet_length({text}) - {len(whole) - 1})"


def _decimal(column: str, field: Field) -> str:
    """Without a scale of the column's each value has its own, which other engines cannot keep."""
    unscaled = isinstance(field.kind, Decimal) and field.kind.scale is None
    return f"trim_scale({column})::text" if unscaled else f"{column}::text"


def _bool(column: str, field: Field) -> str:
    return f"{column}::int::text" if field.native == "boolean" else f"{column}::text"


def _double(column: str, _: Field) -> str:
    return f"{column}::float8::text"


def _bytes(column: str, _: Field) -> str:
    return rf"'\x' || encode({column}, 'hex')"


def _year(column: str, _: Field) -> str:
    return f"lpad({column}::text, greatest(4, octet_length({column}::text)), '0')"


def _inet(column: str, _: Field) -> str:
    """IPv6 written out, for servers shorten it in ways of their own; the mask where it is not the whole address."""
    groups = rf"regexp_replace(encode(substring(inet_send({column}) from 5), 'hex'), '(....)(?=.)', '\1:', 'g')"
    address = f"case family({column}) when 4 then host({column}) else {groups} end"
    whole = f"case family({column}) when 4 then 32 else 128 end"
    return f"{address} || case masklen({column}) when {whole} then '' else '/' || masklen({column}) end"


def _printed(column: str, _: Field) -> str:
    """What the log has of the value: a type of one's own may have a cast to text that says something else."""
    return f"case when {column} is null then null else format('%s', {column}) end"


def _geometry(column: str, field: Field) -> str:
    return f"lower({_printed(column, field)})"


def _document(column: str, _: Field) -> str:
    return f"to_json({column})::text"


_BY_KIND: dict[type, Callable[[str, Field], str]] = {
    Timestamp: _timestamp,
    TimestampTz: _timestamptz,
    Time: _time,
    Bool: _bool,
    Float: _double,
    Bytes: _bytes,
    Year: _year,
    Inet: _inet,
    Decimal: _decimal,
    Geometry: _geometry,
    Other: _printed,
    **dict.fromkeys(DOCUMENTS, _document),
}


def columns(relation: Relation) -> str:
    """The select list for COPY: the columns themselves where the engine's own text travels."""
    return ", ".join(quote(f.name) if relation.plain else canonical(f) for f in relation.fields)


def hashed(relation: Relation) -> str:
    """
    64 bits of a row, as bigint. Canonical: the first of the SHA-256 of `text`. Plain: of the row's own text, by the
    engine's own hash, which is three times faster.
    """
    if relation.plain:
        row = ", ".join(quote(field.name) for field in relation.fields)
        return f'hashtextextended(row({row})::text collate "C", {_ENCODING})'
    # textsend gives the bytes in the client's encoding, UTF-8, whatever the database's is.
    return f"('x' || encode(substring(sha256(textsend({text(relation)})) from 1 for 8), 'hex'))::bit(64)::bigint"


def text(relation: Relation) -> str:
    """
    The row as text to be hashed: fields joined by TAB, not escaped, then the byte length of each free text (nothing for
    NULL), so that different rows never have the same text. Read from its end, it can be parsed in one way only.
    """
    fields = [f"case when {is_null(f)} then {_NULL} else {canonical(f)} end" for f in relation.fields]
    free = [field for field in relation.fields if isinstance(field.kind, FREE_TEXT)]
    lengths = [f"coalesce(octet_length({canonical(field)})::text, '')" for field in free]
    return _joined(fields + lengths)


def _joined(parts: Sequence[str]) -> str:
    """As a balanced tree, so that long texts are not copied once for every column. A NULL part makes all NULL."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({_joined(parts[:half])} || {_TAB} || {_joined(parts[half:])})"
