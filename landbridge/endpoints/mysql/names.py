"""Names in SQL text: the one place that quotes them."""

from landbridge.model import TableName


def quote(name: str) -> str:
    """A name as an identifier in SQL, exactly as it is."""
    return "`" + name.replace("`", "``") + "`"


def qualified(name: TableName) -> str:
    return f"{quote(name.schema)}.{quote(name.name)}"
