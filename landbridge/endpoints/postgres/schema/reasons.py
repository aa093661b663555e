"""Why objects of some kinds are not carried, and what to do about them."""

from typing import Literal

Effort = Literal["", "small", "medium", "large"]

_LIBRARY = "it lives in a library of the server: install that on the target, then make it there"
SUPERUSER = "only a superuser may make one, which the target's login is not: make it by hand after the cutover"
_FOREIGN = "it reaches another server with passwords that are not ours to copy: make it on the target by hand"
_ROLES = "rights are carried with `grants: true` only, to roles that the target has; else give them there"

REASONS: dict[str, tuple[str, Effort]] = {
    "base type": (_LIBRARY, "medium"),
    "range type": ("its canonical function lives in a library: make it on the target by hand", "medium"),
    "operator": ("it is only announced, by an operator that names it: make it on the target by hand", "small"),
    "operator class": ("its parts are not read: make it on the target by hand", "medium"),
    "operator family": ("its parts are not read: make it on the target by hand", "medium"),
    "collation": ("its provider is the database's own default: choose one on the target", "small"),
    "conversion": (_LIBRARY, "small"),
    "language": (_LIBRARY, "small"),
    "text search parser": (_LIBRARY, "medium"),
    "text search template": (_LIBRARY, "medium"),
    "foreign data wrapper": (_FOREIGN, "small"),
    "foreign server": (_FOREIGN, "small"),
    "foreign table": (_FOREIGN, "small"),
    "table with foreign partitions": ("rows of its foreign partitions are in no log: detach those first", "medium"),
    "partition": ("its root is not carried", ""),
    "partition being detached": ("finish with DETACH PARTITION ... FINALIZE, then it is a table", "small"),
    "partition of a table elsewhere": (
        "it goes with its table, which is in a schema that the plan leaves out",
        "small",
    ),
    "invalid index": ("it is what a broken build left behind: REINDEX or drop it", "small"),
    "unreadable sequence": ("GRANT SELECT on it on the source", "small"),
    "publication": ("whoever reads it must be pointed to the target: make it there, then subscribe again", "small"),
    "subscription": ("only one server may hold its slot: make it on the target after the cutover", "small"),
    "large objects": ("they are in no table and no log: copy them with the source stopped (pg_dump --blobs)", "medium"),
    "security labels": ("they belong to a provider that the target must load: set them there", "medium"),
    "owner": ("everything belongs to the login that migrates, but with `grants: true`: ALTER ... OWNER TO", "small"),
    "default privileges": (_ROLES, "small"),
    "grant": (_ROLES, "small"),
    "grant on columns": (_ROLES, "small"),
}
"""By kind. Some kinds stand here only for those of their objects that have no definition."""

WITHOUT_DEFINITION: tuple[str, Effort] = (
    "objects of this kind are only listed: make it on the target by hand",
    "medium",
)
RIGHTS = ("grant", "grant on columns", "owner", "default privileges")
