"""What another family's table says in SQL, in this family's: checks, generated columns, defaults, indexes."""

from collections.abc import Mapping

from landbridge import kinds, translation
from landbridge.endpoints.postgres import FAMILY
from landbridge.endpoints.postgres.names import quote
from landbridge.endpoints.postgres.schema.target import Target
from landbridge.kinds import Kind
from landbridge.model import Column, Default, Generated, Index, IndexPart, Table
from landbridge.translation import Untranslatable

VIRTUAL_COLUMNS = 180_000
"""The first version with virtual generated columns, which no index or key can have and no type of a user's."""


class Foreign:
    """One table's expressions. All methods raise Untranslatable, which says why."""

    def __init__(self, table: Table, family: str, target: Target) -> None:
        self._table = table
        self._family = family
        self._target = target
        self._columns = {column.name: column for column in table.columns if not column.generated}

    def check(self, expression: str) -> str:
        return self._settled(expression, kinds.Bool(), self._columns)

    def generated(self, column: Column) -> Generated:
        """Virtual ones stay virtual where the target can."""
        assert column.generated
        expression = self._settled(column.generated.expression, column.kind, self._columns)
        types = [column.kind, *(each.kind for each in self._columns.values() if quote(each.name) in expression)]
        plain = not any(isinstance(kind, kinds.Enum) for kind in types)
        virtual = not column.generated.stored and self._target.version >= VIRTUAL_COLUMNS
        return Generated(expression=expression, stored=not (virtual and plain and not self._is_indexed(column.name)))

    def default(self, default: Default, kind: Kind) -> str:
        return translation.translate_expression(default.native, self._family, FAMILY, into=kind).text

    def indexed(self, expression: str) -> str:
        return f"({self._settled(expression, None, self._columns)})"

    def words(self, index: Index, natives: Mapping[str, str]) -> IndexPart:
        """All its columns' words together, none stemmed; as the server prints it."""
        names = [part.column for part in index.parts if part.column and part.column in natives]
        if len(names) < len(index.parts) or not all(isinstance(self._table.column(n).kind, kinds.Text) for n in names):
            raise Untranslatable("it has columns that are no text here")
        texts = [self._word(name, natives[name]) for name in names]
        whole = texts[0]
        for text in texts[1:]:
            whole = f"(({whole} || ' '::text) || {text})"
        expression = f"to_tsvector('simple'::regconfig, {whole})"
        return IndexPart(expression=expression, native=expression)

    def _word(self, name: str, native: str) -> str:
        if native == "text":
            return f"COALESCE({self._target.spell(name)}, ''::text)"
        return f"(COALESCE({self._target.spell(name)}, ''::character varying))::text"

    def _settled(self, expression: str, into: Kind | None, columns: Mapping[str, Column]) -> str:
        """What gives the same value for the same row, whoever asks."""
        found = translation.translate_expression(expression, self._family, FAMILY, columns, into=into)
        if found.stable:
            raise Untranslatable("its value depends on the session")
        return found.text

    def _is_indexed(self, name: str) -> bool:
        keys = (*self._table.foreign_keys, *((self._table.primary_key,) if self._table.primary_key else ()))
        parts = [part for index in self._table.indexes for part in index.parts]
        return any(name in key.columns for key in keys) or any(
            name == part.column or name in (part.expression or "") for part in parts
        )
