"""
Text of the log as UTF-8. The log carries every string in its column's own character set; what its codes mean is asked
of the server once per stream, so that a change reads exactly as a SELECT does, unassigned codes ('?') included.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from landbridge.errors import Unsupported

Decoder = Callable[[bytes], bytes]

_QUESTION = "landbridge.question"
codecs.register_error(_QUESTION, lambda error: ("?", error.end))  # type: ignore[attr-defined]

_SAME = {"utf8mb4", "utf8mb3", "utf8"}
_WIDE = {"ucs2": "utf-16-be", "utf16": "utf-16-be", "utf16le": "utf-16-le", "utf32": "utf-32-be"}
_GB18030_LONG = rb"[\x81-\xfe][0-9][\x81-\xfe][0-9]"

_TRAIL_GBK = [*range(0x40, 0x7F), *range(0x80, 0xFF)]
_TRAIL_SJIS = [*range(0x40, 0x7F), *range(0x80, 0xFD)]
_LEAD_SJIS = [*range(0x81, 0xA0), *range(0xE0, 0xFD)]
_KANA = [range(0xA1, 0xE0)]
_94 = range(0xA1, 0xFF)
_JAPANESE_EUC: list[Sequence[Iterable[int]]] = [[_94, _94], [[0x8E], range(0xA1, 0xE0)], [[0x8F], _94, _94]]

_MULTIBYTE: dict[str, list[Sequence[Iterable[int]]]] = {
    "big5": [[range(0xA1, 0xFA), [*range(0x40, 0x7F), *range(0xA1, 0xFF)]]],
    "gbk": [[range(0x81, 0xFF), _TRAIL_GBK]],
    "gb18030": [[range(0x81, 0xFF), _TRAIL_GBK]],
    "gb2312": [[range(0xA1, 0xF8), _94]],
    "euckr": [[range(0x81, 0xFF), [*range(0x41, 0x5B), *range(0x61, 0x7B), *range(0x81, 0xFF)]]],
    "sjis": [[_LEAD_SJIS, _TRAIL_SJIS], _KANA],
    "cp932": [[_LEAD_SJIS, _TRAIL_SJIS], _KANA],
    "ujis": _JAPANESE_EUC,
    "eucjpms": _JAPANESE_EUC,
}
"""Which bytes stand where in the codes of more than one byte (and in single ones above ASCII)."""


@dataclass(frozen=True, kw_only=True)
class Charsets:
    """names: character set of every collation's number. widths: most bytes of a character. decoders: None for UTF-8."""

    names: Mapping[int, str]
    widths: Mapping[str, int]
    decoders: Mapping[str, Decoder | None]

    def decoder(self, collation: int) -> Decoder | None:
        return self.decoders[self.names[collation]]


def of_collation(collation: str) -> str:
    """The character set of a collation's name."""
    name = collation.partition("_")[0]
    return "utf8mb3" if name == "utf8" else name


def read(driver: Any, needed: Iterable[str]) -> Charsets:
    """What the server knows, with decoders for the character sets that are needed; statements come in two more."""
    with driver.cursor() as cursor:
        cursor.execute("select character_set_name, maxlen from information_schema.character_sets")
        widths = {str(name): int(width) for name, width in cursor.fetchall()}
        cursor.execute("select id, character_set_name from information_schema.collations where id is not null")
        names = {int(number): str(name) for number, name in cursor.fetchall() if name}
        names |= _late_collations(cursor)
        wanted = sorted({*needed, "utf8mb4", "latin1"})
        decoders = {charset: _decoder(cursor, charset, widths.get(charset)) for charset in wanted}
    return Charsets(names=names, widths=widths, decoders=decoders)


def _late_collations(cursor: Any) -> dict[int, str]:
    """MariaDB's newer collations belong to several character sets and have their numbers in another table only."""
    cursor.execute(
        "select count(*) from information_schema.columns where table_schema = 'information_schema'"
        " and table_name = 'COLLATION_CHARACTER_SET_APPLICABILITY' and column_name = 'ID'"
    )
    if not cursor.fetchone()[0]:
        return {}
    cursor.execute("select id, character_set_name from information_schema.collation_character_set_applicability")
    return {int(number): str(name) for number, name in cursor.fetchall()}


def _decoder(cursor: Any, charset: str, width: int | None) -> Decoder | None:
    if charset in _SAME:
        return None
    if charset == "ascii":
        return _ascii
    if charset in _WIDE:
        return partial(_wide, _WIDE[charset])
    if charset in _MULTIBYTE:
        return _multibyte(cursor, charset)
    if width == 1:
        return _single_byte(cursor, charset)
    raise _unknown(charset)


def _meaning(cursor: Any, charset: str, codes: bytes) -> str | None:
    """What the server turns these codes into; None where it refuses some."""
    cursor.execute(f"select hex(convert(convert(x'{codes.hex()}' using {charset}) using utf8mb4))")
    text = cursor.fetchone()[0]
    return None if text is None else bytes.fromhex(text).decode()


def _single_byte(cursor: Any, charset: str) -> Decoder:
    table = _meaning(cursor, charset, bytes(range(256)))
    if table is None or len(table) != 256:
        raise _unknown(charset)
    same = table[:128] == bytes(range(128)).decode()
    return partial(_mapped if same else _mapped_throughout, table)


def _multibyte(cursor: Any, charset: str) -> Decoder:
    table: dict[bytes, bytes] = {}
    patterns = [_GB18030_LONG] if charset == "gb18030" else []
    for places in _MULTIBYTE[charset]:
        codes = [bytes(code) for code in product(*places)]
        meanings = (_meaning(cursor, charset, b"|".join(codes)) or "").split("|")
        if len(meanings) != len(codes):
            raise _unknown(charset)
        table |= {code: meaning.encode() for code, meaning in zip(codes, meanings, strict=True)}
        patterns.append(b"".join(b"[" + re.escape(bytes(place)) + b"]" for place in places))
    patterns.append(rb"[\x80-\xff]")  # a damaged code
    return partial(_coded, re.compile(b"|".join(patterns), re.DOTALL), table)


def _unknown(charset: str) -> Unsupported:
    return Unsupported(
        f"text in the character set {charset} cannot be read from the log",
        mend="convert the columns that use it: ALTER TABLE ... MODIFY ... CHARACTER SET utf8mb4",
    )


def _ascii(value: bytes) -> bytes:
    return value if value.isascii() else re.sub(rb"[\x80-\xff]", b"?", value)


def _mapped(table: str, value: bytes) -> bytes:
    return value if value.isascii() else codecs.charmap_decode(value, "strict", table)[0].encode()


def _mapped_throughout(table: str, value: bytes) -> bytes:
    return codecs.charmap_decode(value, "strict", table)[0].encode()


def _wide(codec: str, value: bytes) -> bytes:
    return value.decode(codec, _QUESTION).encode()


def _coded(pattern: re.Pattern[bytes], table: Mapping[bytes, bytes], value: bytes) -> bytes:
    if value.isascii():
        return value
    return pattern.sub(lambda code: table.get(code[0]) or code[0].decode("gb18030", _QUESTION).encode(), value)
