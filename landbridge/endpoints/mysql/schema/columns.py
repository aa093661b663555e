"""A column's own text as the target takes it: type, character set, default, and clauses that one flavour has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from landbridge.endpoints.mysql.kinds import QUOTED, render
from landbridge.endpoints.mysql.names import qualified
from landbridge.endpoints.mysql.schema.definition import Word, join, without_introducers, words
from landbridge.endpoints.mysql.schema.target import Target, spelled
from landbridge.kinds import Json
from landbridge.model import Column, Default, TableName

_LONG = re.compile(r"(?:tiny|medium|long)?(?:text|blob)|json|geom|point|linestring|polygon|multi")
_CONSTANT = re.compile(rf"-?[\d.]+(?:e[+-]?\d+)?|NULL|{QUOTED}|[xb]{QUOTED}|0x[0-9a-f]+", re.IGNORECASE | re.DOTALL)
_CLOCK = re.compile(r"(?:current_timestamp|now)(?:\(\d*\))?", re.IGNORECASE)
_BEHIND = {
    "WITHOUT",
    "ON",
    "COMMENT",
    "INVISIBLE",
    "CHECK",
    "AUTO_INCREMENT",
    "COLUMN_FORMAT",
    "STORAGE",
    "ENGINE_ATTRIBUTE",
}
"""What may stand behind a default."""

_FLAGS = {True: {"COLUMN_FORMAT": 2, "STORAGE": 2, "SRID": 2}, False: {"COMPRESSED": 1, "REF_SYSTEM_ID": 2}}
"""Clauses that the target's flavour (MariaDB or not) lacks, and of how many words they are."""


@dataclass(kw_only=True)
class Adapted:
    """native: None when the type stays."""

    text: str
    native: str | None = None
    default: Default | None = None
    told: list[str] = field(default_factory=list)


def adapt(text: str, column: Column, names: Mapping[TableName, TableName], target: Target) -> Adapted:
    """text: the column's element of its table's definition, as is `Adapted.text`."""
    made = Adapted(text=text, default=column.default)
    found = words(text)
    if column.nullable and ["NOT", "NULL"] in ([one.text, two.text] for one, two in pairwise(found)):
        found = _without(found, "NOT", 2)  # the plan lets it be NULL where the source has a zero date
    for flag, length in _FLAGS[target.mariadb].items():
        if any(word.text == flag for word in found):
            found = _without(found, flag, length)
            made.told.append(f"the target has no {flag} for columns, it is left out")
    found = _typed(_collated(found, column, target, made), column, target, made)
    if target.mariadb and column.native == "json":
        made.told.append("json is a text here, checked to be JSON, which keeps it as it is written")
    if not target.mariadb and isinstance(column.kind, Json) and column.native != "json":
        made.told.append("it stays a text that is checked to be JSON: the target's json would change the texts")
    if column.default:
        found = _defaulted(found, column, names, target, made)
    made.text = without_introducers(join(found)) if target.mariadb else join(found)
    return made


def _without(found: list[Word], first: str, length: int) -> list[Word]:
    place = next((number for number, word in enumerate(found) if word.text == first), None)
    if place is None:
        return found
    equals = 1 if place + 1 < len(found) and found[place + 1].text == "=" else 0
    return found[:place] + found[place + length + equals :]


def _collated(found: list[Word], column: Column, target: Target, made: Adapted) -> list[Word]:
    """A character set alone means its default collation, which servers choose differently."""
    spoken = [word.text for word in found]
    if "COLLATE" in spoken:
        place = spoken.index("COLLATE") + 1
        collation = target.like(spoken[place])
        if collation != spelled(spoken[place]):
            made.told.append(f"the collation {spoken[place]} becomes {collation}: texts may sort or compare otherwise")
        found = [*found[:place], replace(found[place], text=collation), *found[place + 1 :]]
    elif "CHARACTER" in spoken and column.collation:
        place = spoken.index("CHARACTER") + 3
        found = [*found[:place], Word(text="COLLATE"), Word(text=target.like(column.collation)), *found[place:]]
    if "CHARACTER" in spoken:
        place = spoken.index("CHARACTER") + 2
        charset = target.charset(spoken[place])
        if charset == "utf8mb4" != spoken[place]:
            made.told.append(f"the character set {spoken[place]} becomes utf8mb4")
        found = [*found[:place], replace(found[place], text=charset), *found[place + 1 :]]
    return found


def _typed(found: list[Word], column: Column, target: Target, made: Adapted) -> list[Word]:
    name = found[1].text
    if name == "geomcollection" and target.mariadb:
        made.native = "geometrycollection"  # the name that both flavours take
        return [found[0], replace(found[1], text=made.native), *found[2:]]
    if target.has_type(name):
        return found
    native, _ = render(column.kind, mariadb=target.mariadb, vectors=target.has_type("vector"))
    exact = native if native == "json" else f"{native} CHARACTER SET ascii COLLATE ascii_bin"
    made.told.append(f"the target has no type {column.native}: its values are kept as {native}")
    made.native = native
    arguments = 2 if len(found) > 2 and found[2].is_group and not found[2].blank else 1
    return [found[0], Word(text=exact), *found[1 + arguments :]]


def _defaulted(
    found: list[Word], column: Column, names: Mapping[TableName, TableName], target: Target, made: Adapted
) -> list[Word]:
    begin = next((number for number, word in enumerate(found) if word.text == "DEFAULT"), None)
    if begin is None:
        return found
    end = next((n for n in range(begin + 1, len(found)) if found[n].text.upper() in _BEHIND), len(found))
    text = join(found[begin + 1 : end])
    sequence = column.default.sequence if column.default else None
    if sequence:
        new = names.get(sequence)
        if not target.mariadb or new is None:
            why = "which is not carried" if target.mariadb else "and the target has no sequences"
            made.told.append(f"the default {text} draws from a sequence, {why}: it is left out")
            made.default = None
            return found[:begin] + found[end:]
        text = f"nextval({qualified(new)})"
        made.default = Default(native=text, sequence=new)
    elif not target.mariadb:
        text = _for_mysql(text, made.native or column.native)
    if lacking := target.lacking(text):
        made.told.append(f"the default {text} is left out: the target has no function {lacking}")
        made.default = None
        return found[:begin] + found[end:]
    return [*found[: begin + 1], Word(text=text), *found[end:]]


def _for_mysql(text: str, native: str) -> str:
    """An expression stands in parentheses there, and so does every default of a long type."""
    if _CLOCK.fullmatch(text) or (text.startswith("(") and len(words(text)) == 1):
        return text
    if _CONSTANT.fullmatch(text):
        return f"({text})" if _LONG.match(native) and text.upper() != "NULL" else text
    return f"({text})"
