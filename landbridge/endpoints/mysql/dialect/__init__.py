"""This family's SQL, for translation: how it is read, how it is written, what its sessions change."""

import re
from collections.abc import Sequence

from sqlglot.dialects.mysql import MySQL

from landbridge.endpoints.mysql.dialect import reading, writing
from landbridge.endpoints.mysql.names import quote
from landbridge.translation.dialect import Dialect, bare
from landbridge.translation.terms import Untranslatable

LONGEST_NAME = 64
_OTHERWISE = re.compile(r"ANSI|ANSI_QUOTES|PIPES_AS_CONCAT|NO_BACKSLASH_ESCAPES|HIGH_NOT_PRECEDENCE|ORACLE|NO_UNSIGNED")


def _distrusts(session: Sequence[str]) -> str:
    """Of a program, which is kept as its author wrote it, in the modes of its session (manual, 7.1.11)."""
    mode = next((match[0] for setting in session if (match := _OTHERWISE.search(setting))), "")
    return f"it is written in the mode {mode}, which reads texts in another way" if mode else ""


def _quote(name: str) -> str:
    if len(name) > LONGEST_NAME:
        raise Untranslatable(f"the name {name} is longer than {LONGEST_NAME} characters")
    return quote(name)


DIALECT = Dialect(
    grammar=bare(MySQL),
    functions=reading.FUNCTIONS,
    nodes=reading.NODES,
    numbers_are_truths=True,
    texts=reading.texts,
    nulls_first=True,
    writes=writing.WRITES,
    stable=lambda term: term.op in ("now", "today", "uuid"),
    quote=_quote,
    order=writing.order,
    assign="SET NEW.{column} = {value};",
    otherwise_if="ELSEIF",
    refuse="SIGNAL SQLSTATE {state} SET MESSAGE_TEXT = {message};",
    select="SELECT /*+ SET_VAR(group_concat_max_len = 1073741824) */",
    distrusts=_distrusts,
)
