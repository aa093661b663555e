"""One object of this family as statements for the target, or why it cannot be there."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from landbridge.endpoints.abc import Carried, Phase, Statement
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.names import alone, qualified, quote, references, rename, unquote, with_calls
from landbridge.endpoints.postgres.queries import reading
from landbridge.endpoints.postgres.schema import listing, presence, reasons, target
from landbridge.endpoints.postgres.schema.reasons import Effort
from landbridge.endpoints.postgres.schema.target import Target
from landbridge.model import ForeignKey, Index, SchemaObject, TableMap, TableName

_PHASES: Mapping[str, Phase] = {
    "extension": "tables",
    "exclusion constraint": "unique",
    "deferrable primary key": "unique",
    "primary key of a partition": "unique",
    "unproven check constraint": "foreign keys",
    "unproven not null": "foreign keys",
    "unproven foreign key": "foreign keys",
    "unproven check of a domain": "foreign keys",
    "temporal foreign key": "foreign keys",
    "foreign key that sets some columns": "foreign keys",
    "match full of a foreign key": "foreign keys",
    "trigger": "triggers",
    "rule": "triggers",
    "policy": "triggers",
    "row level security": "triggers",
    "grant": "triggers",
    "grant on columns": "triggers",
    "comment on a constraint": "triggers",
    "comment on a domain constraint": "triggers",
    "comment on a trigger": "triggers",
    "comment on a rule": "triggers",
    "comment on a policy": "triggers",
    # They would act on what is made after them, so they come last, once the target is open.
    "event trigger": "validate",
    "comment on a event trigger": "validate",
}
_CONSTRAINTS = (
    "exclusion constraint", "deferrable primary key", "primary key of a partition", "unproven check constraint",
    "unproven not null", "unproven foreign key", "temporal foreign key", "foreign key that sets some columns",
    "match full of a foreign key", "check constraint of a partition", "check",
)  # fmt: skip
_BODY = re.compile(r"\nAS \$|^ SET ", re.MULTILINE)
_IN_LIBRARY = re.compile(r"^ LANGUAGE c$.*?^AS '((?:[^']|'')+)', ", re.MULTILINE | re.DOTALL)
_INSTALLED = """
select l as name from unnest(%s) l where exists (
    select from unnest(array['', '.so', '.dylib', '.dll']) suffix
    cross join pg_config() c
    where c.name = 'PKGLIBDIR' and (pg_stat_file(
        replace(case when l like '%%/%%' then l else '$libdir/' || l end, '$libdir', c.setting) || suffix, true
    )).size is not null
)"""
_LANGUAGE = re.compile(r"^ LANGUAGE (\w+)", re.MULTILINE)
_ROLES = re.compile(r" TO ((?:\w+|\"(?:[^\"]|\"\")+\")(?:, (?:\w+|\"(?:[^\"]|\"\")+\"))*)(?= USING | WITH |$)")
_FOR_ROLE = re.compile(r" FOR ROLE (\w+|\"(?:[^\"]|\"\")+\")")
_FOR_OTHERS = ("owner", "default privileges")
"""Kinds named by a role that the login acts for."""

_MADE_SCHEMA = re.compile(r"CREATE SCHEMA IF NOT EXISTS (?P<name>.+)")
_OWN_SCHEMA = "extended statistics"
"""They hang on a table, but may stand in another schema."""

_EXACT = ("comment", "grant", "owner", "default privileges", "storage parameters", "row level security")
"""Kinds of which the name alone does not say what the object is."""


@dataclass(frozen=True, kw_only=True)
class There:
    """
    What the target server has: its objects, the extensions it offers, schemas, roles, languages, and those of the
    libraries asked for. superuser: its login.
    """

    target: Target
    extensions: frozenset[str]
    schemas: frozenset[str]
    roles: frozenset[str]
    own_roles: frozenset[str]
    languages: frozenset[str]
    libraries: frozenset[str]
    superuser: bool


def look(database: Database, extensions: Collection[str], libraries: Collection[str]) -> There:
    with reading(database) as cursor:

        def names(query: str, parameters: tuple[object, ...] | None = None) -> frozenset[str]:
            cursor.execute(query, parameters)
            return frozenset(row["name"] for row in cursor.fetchall())

        offered = names("select name::text from pg_catalog.pg_available_extensions")
        schemas = names("select nspname::text as name from pg_catalog.pg_namespace")
        roles = names("select rolname::text as name from pg_catalog.pg_roles")
        own = names("select rolname::text as name from pg_catalog.pg_roles where pg_catalog.pg_has_role(oid, 'USAGE')")
        languages = names("select lanname::text as name from pg_catalog.pg_language")
        superuser = bool(names("select rolname::text as name from pg_roles where rolname = current_user and rolsuper"))
        installed = names(_INSTALLED, (list(libraries),)) if libraries and superuser else frozenset[str]()
    found = target.read(database, offered.intersection(extensions))
    return There(
        target=found, extensions=offered, schemas=schemas, roles=roles, own_roles=own, languages=languages,
        libraries=installed, superuser=superuser,
    )  # fmt: skip


def libraries(objects: Sequence[SchemaObject]) -> frozenset[str]:
    """Which the objects' functions live in."""
    found = (_IN_LIBRARY.search(each.definition[0]) for each in objects if each.definition and each.kind == "function")
    return frozenset(each[1] for each in found if each)


class Carrying:
    """`carry` is asked for what an object needs before the object: one left out takes along what rests on it."""

    def __init__(
        self,
        there: There,
        objects: Sequence[SchemaObject],
        names: Mapping[TableName, TableName],
        tables: Sequence[TableMap],
        *,
        rights: bool,
    ) -> None:
        self._there = there
        schemas = {old.schema: new.schema for old, new in names.items()}
        beside = {}
        for each in objects:
            parent = names.get(each.parent) if each.parent else None
            if parent:
                own = schemas.get(each.name.schema, each.name.schema)
                beside[each.name] = replace(each.name, schema=own if each.kind == _OWN_SCHEMA else parent.schema)
        self._names = with_calls({**beside, **names})
        self._rights = rights
        self._tables = {table.source.name for table in tables}
        self._left_out: set[TableName] = set()
        self._lost: list[SchemaObject] = []
        self._constraints = {name: held for table in tables for name, held in _constraints(table)}
        self._moved = {old.schema for old, new in names.items() if new.schema != old.schema}
        self._respelled = {old for old, new in names.items() if new.name != old.name and "(" not in old.name}
        self._languages = there.languages | {found.name.name for found in objects if found.kind == "extension"}

    def carry(self, found: SchemaObject) -> Carried:
        name = self._name(found)
        why = self._why_not(found)
        if why is not None:
            if found.kind not in reasons.RIGHTS and found.name not in self._tables:  # those are named after others
                self._left_out.add(found.name)
            self._lost.append(found)
            return Carried(source=found, name=name, reason=why[0], effort=why[1])
        if found.parent and found.kind in _CONSTRAINTS:
            self._constraints.setdefault(found.parent, set()).add(found.name.name)
        return Carried(
            source=found, name=name, statements=tuple(self._statements(found, name)), reason=self._mind(found)
        )

    def _name(self, found: SchemaObject) -> TableName:
        schema = self._names.get(found.name, found.name).schema
        if found.parent in self._names and found.kind != _OWN_SCHEMA:
            schema = self._names[found.parent].schema
        signature = "(" in found.name.name or found.kind == "cast"  # it holds names of types
        return TableName(schema=schema, name=self._renamed(found.name.name) if signature else found.name.name)

    def _renamed(self, text: str) -> str:
        return rename(text, self._names, self._there.target.spell)

    def _why_not(self, found: SchemaObject) -> tuple[str, Effort] | None:
        if not found.definition or (found.kind in reasons.RIGHTS and not self._rights):
            return reasons.REASONS.get(found.kind, reasons.WITHOUT_DEFINITION)
        if found.kind == "extension":
            offered = found.name.name in self._there.extensions
            return (
                None if offered else (f"the target does not offer the extension {found.name.name}: install it", "small")
            )
        for what in (next(self._faults(found), ""), self._cannot_rename(found)):
            if what:
                return what, "small"
        return None

    def _faults(self, found: SchemaObject) -> Iterator[str]:
        """What it needs and will not have."""
        if found.parent and (found.parent not in self._names or found.parent in self._left_out):
            yield f"it belongs to {found.parent}, which is not carried"
        for need in found.needs:
            if need in self._left_out or not self._has(need):
                yield f"it needs {need}, which is not carried"
        yield from self._subject_left_out(found)
        heads = [_parts(text)[0] for text in found.definition]
        if found.kind in _CONSTRAINTS:
            for missing in (each for head in heads for each in self._there.target.missing(head, self._names)):
                yield f"it needs {missing}, which is not carried"
        collations = [each for head in heads for each in references(head) if each[0] == "collation"]
        if missing_here := [str(name) for what, name in collations if (what, name) not in self._there.target.names]:
            yield f"it needs the collation {', '.join(dict.fromkeys(missing_here))}, which the target has not"
        language = _LANGUAGE.search(heads[0])
        if language and language[1] not in self._languages:
            yield f"it is written in {language[1]}, which the target has not"
        yield from self._needs_rank(found, language[1] if language else "")
        roles = [role for text in found.definition for role in _roles(found.kind, text)]
        if unknown := [role for role in roles if role not in self._there.roles]:
            yield f"it names roles that the target has not: {', '.join(unknown)}"
        if found.kind in _FOR_OTHERS and found.name.name not in self._there.own_roles:
            yield f"the target's login is no member of the role {found.name.name}"

    def _needs_rank(self, found: SchemaObject, language: str) -> Iterator[str]:
        """What only a superuser may make, and what a file of the server's must be there for."""
        if not self._there.superuser and (found.kind == "event trigger" or language in ("c", "internal")):
            yield reasons.SUPERUSER
        library = _IN_LIBRARY.search(found.definition[0])
        if library and library[1] not in self._there.libraries:
            yield f"it lives in the library {library[1]}: install that on the target"

    def _has(self, name: TableName) -> bool:
        bare = TableName(schema=name.schema, name=name.name.partition("(")[0])
        return name in self._names or any(
            (what, bare) in self._there.target.names for what in ("other", "function", "operator")
        )

    def _subject_left_out(self, found: SchemaObject) -> Iterator[str]:
        """Of a comment."""
        kind = found.kind.removeprefix("comment on a ")
        if kind == found.kind:
            return
        signature = found.name.name.replace('"', "")  # with its schema, where there is one
        lost = any(
            each.kind == kind and each.parent == found.parent and f".{signature}".endswith(f".{each.name.name}")
            for each in self._lost
        )
        if kind == "constraint" and found.parent and self._constraints:
            lost = found.name.name not in self._constraints.get(found.parent, ())
        if lost:
            yield f"its {kind} is not carried"

    def _cannot_rename(self, found: SchemaObject) -> str:
        """
        A new schema's name is put into the text where an old one stands before a dot, which is exact unless something
        else is called like it. A body in quotes is not looked into, nor is a table's own new name given to its columns.
        """
        for text in found.definition:
            head, body = _parts(text)
            if clash := self._moved.intersection(alone(head)):
                return f"its text uses {', '.join(sorted(clash))} for more than the schema that the plan moves"
            if mentioned := [schema for schema in sorted(self._moved) if re.search(rf"\b{re.escape(schema)}\b", body)]:
                return f"its body names the schema {', '.join(mentioned)}, which the plan moves: correct and make it"
            renamed = self._respelled.intersection(name for _, name in references(head))
            if renamed - {found.parent}:
                return f"it names {', '.join(map(str, sorted(renamed)))}, to which the plan gives another name"
        return ""

    def _mind(self, found: SchemaObject) -> str:
        if any("\n SECURITY DEFINER" in text or " SECURITY DEFINER\n" in text for text in found.definition):
            return "it runs with the rights of its owner, who is the login that migrates: ALTER ... OWNER TO"
        if found.kind in ("function", "procedure") and found.name.schema in self._moved:
            return "its body is carried as it is: what it names without a schema is found by search_path"
        return ""

    def _statements(self, found: SchemaObject, name: TableName) -> Iterator[Statement]:
        phase = "tables" if found.early else self._phase(found)
        if name.schema and not found.parent and name.schema not in self._there.schemas:
            sql = f"CREATE SCHEMA IF NOT EXISTS {quote(name.schema)}"
            yield Statement(phase=phase, kind=found.kind, name=name, sql=sql, exists=presence.schema(name.schema))
        for place, text in enumerate(self._of_what_moves(found)):
            head, body = _parts(text)
            sql = text if found.kind == "extension" else self._renamed(head) + body
            exists = self._exists(found, name, sql, place)
            undo = self._undo(found, name) if place == 0 else ""
            yield Statement(
                phase=phase, kind=found.kind, name=name, sql=sql, exists=exists, session=found.session, undo=undo
            )

    def _of_what_moves(self, found: SchemaObject) -> Iterator[str]:
        """An owner is named for all that is his: what the plan leaves out may be another thing on the target."""
        for text in found.definition:
            named = [name for what, name in references(text.partition("(")[0]) if what != "collation"]
            if found.kind != "owner" or all(name in self._names and name not in self._left_out for name in named):
                yield text

    def _undo(self, found: SchemaObject, name: TableName) -> str:
        if found.kind == "event trigger":
            return f"DROP EVENT TRIGGER {quote(name.name)}"
        if found.parent is None or found.kind not in ("trigger", "rule"):
            return ""
        return f"DROP {found.kind.upper()} {quote(name.name)} ON {qualified(self._names[found.parent])}"

    def _phase(self, found: SchemaObject) -> Phase:
        return _PHASES.get(found.kind, "objects")

    def _exists(self, found: SchemaObject, name: TableName, sql: str, place: int) -> str:
        parent = self._names[found.parent] if found.parent else None
        if parent and found.kind in _CONSTRAINTS:
            return presence.constraint(parent, name.name)
        if parent and found.kind.startswith(("default of", "not null of")):
            column = f" ALTER COLUMN {self._there.target.spell(name.name)} "
            return presence.column_change(parent, name.name, sql.partition(column)[2])
        if parent and found.kind == "index":
            return presence.index(parent, name.name) if place == 0 else presence.comment(name, None)
        told = sql if place > 0 or found.kind.startswith(_EXACT) else None
        return self._exists_alone(found, name, sql, place) or listing.exists(found.kind, name, parent, told)

    def _exists_alone(self, found: SchemaObject, name: TableName, sql: str, place: int) -> str | None:
        if made := _MADE_SCHEMA.fullmatch(sql):
            return presence.schema(made["name"].removeprefix('"').removesuffix('"').replace('""', '"'))
        if sql.startswith("REFRESH MATERIALIZED VIEW "):
            return presence.populated(name)
        if found.kind == "domain":
            return presence.type_(name) if place == 0 else presence.has_comment(name)
        if found.kind == "unproven check of a domain":
            domain = found.needs[0]
            return presence.domain_constraint(self._names.get(domain, domain), name.name)
        if found.kind == "extension":
            return listing.exists(found.kind, name, None)
        return None


def _constraints(table: TableMap) -> Iterator[tuple[TableName, set[str]]]:
    """By the table and its partitions on the source, what they will have on the target."""
    target, source = table.target, table.source
    key = {target.primary_key.name} if target.primary_key else set()
    yield source.name, key | {it.name for it in target.checks} | _of_part(target.indexes, target.foreign_keys)
    if source.partitioning and target.partitioning:
        made = {each.name.name: each for each in target.partitioning.partitions}
        for part in source.partitioning.partitions:
            own = made.get(part.name.name)
            yield part.name, _of_part(own.indexes, own.foreign_keys) if own else set()


def _of_part(indexes: Sequence[Index], foreign_keys: Sequence[ForeignKey]) -> set[str]:
    return {index.name for index in indexes} | {key.name for key in foreign_keys}


def _parts(text: str) -> tuple[str, str]:
    """A statement up to a body in quotes or settings of its own, which are other text, and those."""
    found = _BODY.search(text) if text.startswith(("CREATE OR REPLACE FUNCTION", "CREATE OR REPLACE PROC")) else None
    return (text[: found.start()], text[found.start() :]) if found else (text, "")


def _roles(kind: str, text: str) -> Iterator[str]:
    if maker := _FOR_ROLE.search(text) if kind == "default privileges" else None:
        yield unquote(maker[1]) if maker[1].startswith('"') else maker[1]
    found = _ROLES.search(text) if kind in ("policy", *reasons.RIGHTS) else None
    for role in re.findall(r'\w+|"(?:[^"]|"")+"', found[1]) if found else ():
        if role != "PUBLIC":
            yield role.removeprefix('"').removesuffix('"').replace('""', '"')
