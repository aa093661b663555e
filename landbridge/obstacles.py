"""Whether what the source did to a table may be done to the target by itself: no row may be lost or refused by it."""

from collections.abc import Iterator, Mapping

from landbridge import kinds
from landbridge.kinds import Kind
from landbridge.model import Column, Table
from landbridge.plan import Plan


def obstacles(old: Table, new: Table, renamed: Mapping[str, str], plan: Plan) -> Iterator[str]:
    """Why a person has to look at it, the weightiest first; nothing for what is safe."""
    names = {column.name: renamed.get(column.name, column.name) for column in old.columns}
    after = {column.name: column for column in new.columns}
    for column in old.columns:
        if names[column.name] not in after:
            yield from _dropped(column, old, plan)
        else:
            yield from _changed(column, after[names[column.name]])
    for column in new.columns:
        if column.name not in names.values():
            yield from _added(column)
    yield from _beside(old, new, names)


def _dropped(column: Column, table: Table, plan: Plan) -> Iterator[str]:
    if plan.ddl.drop != "allow":
        yield f"it drops the column {column.name}, which the plan does not allow (ddl: {{drop: allow}})"
    if table.primary_key and column.name in table.primary_key.columns:
        yield f"it drops {column.name} of the primary key"


def _added(column: Column) -> Iterator[str]:
    default = column.default
    if column.generated or column.identity:
        yield f"the new column {column.name} gets its values by itself"
    elif not column.nullable:
        yield f"the new column {column.name} is NOT NULL"
    elif default is not None and default.literal is None:
        yield f"the default of the new column {column.name} is no constant: {default.native}"
    elif column.on_update_now:
        yield f"the new column {column.name} is set by every update"


def _changed(old: Column, new: Column) -> Iterator[str]:
    if old.native != new.native and not wider(old.kind, new.kind):
        yield f"the type of {new.name} becomes {new.native}, was {old.native}: not every value may fit"
    if old.nullable and not new.nullable:
        yield f"{new.name} becomes NOT NULL"
    if (old.generated, old.identity, old.on_update_now) != (new.generated, new.identity, new.on_update_now):
        yield f"how {new.name} gets its values by itself changes"
    if old.collation != new.collation:
        yield f"the collation of {new.name} becomes {new.collation}, was {old.collation}"
    default = new.default
    if default != old.default and default is not None and default.literal is None and not default.now:
        yield f"the default of {new.name} becomes {default.native}, which is no constant"


def wider(old: Kind, new: Kind) -> bool:
    """Whether every value of the old kind is, in the same text, one of the new kind."""
    if isinstance(old, kinds.Int) and isinstance(new, kinds.Int):
        return old.unsigned == new.unsigned and new.bits >= old.bits
    if isinstance(old, kinds.Decimal) and isinstance(new, kinds.Decimal):
        if old.precision is None or new.precision is None:
            return False
        return old.scale == new.scale and new.precision >= old.precision
    if isinstance(old, kinds.Text) and isinstance(new, kinds.Text):
        return not (old.fixed or new.fixed) and _longer(old.length, new.length)
    if isinstance(old, kinds.Bytes) and isinstance(new, kinds.Bytes):
        return not (old.fixed or new.fixed) and _longer(old.length, new.length)
    return False


def _longer(old: int | None, new: int | None) -> bool:
    return new is None or (old is not None and new >= old)


def _beside(old: Table, new: Table, names: Mapping[str, str]) -> Iterator[str]:
    """Keys, constraints and the table itself."""
    key = tuple(names[column] for column in old.primary_key.columns) if old.primary_key else ()
    if key != (new.primary_key.columns if new.primary_key else ()):
        yield "it changes the primary key"
    had = {index.name for index in old.indexes}
    if unique := [index.name for index in new.indexes if index.unique and index.name not in had]:
        yield f"{unique[0]} is a new constraint"
    if {c.name for c in old.checks} != {c.name for c in new.checks}:
        yield "it changes what is checked"
    if {k.name for k in new.foreign_keys} - {k.name for k in old.foreign_keys}:
        yield "it adds a foreign key"
    if (old.partitioning is None) != (new.partitioning is None):
        yield "it changes how the table is divided into partitions"
    moved = [name for name, other in names.items() if name != other]
    if moved and (old.checks or old.partitioning or any(c.generated for c in old.columns)):
        yield f"{moved[0]} has another name, and checks, generated columns or partitions may be written with it"
    if (old.transactional, old.inherits) != (new.transactional, new.inherits):
        yield "the table becomes one of another sort"
