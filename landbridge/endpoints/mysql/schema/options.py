"""What stands behind a table's columns: engine, character set, storage, partitions."""

import re

from landbridge.endpoints.mysql.schema.target import Target, spelled

Options = tuple[tuple[str, str], ...]

_EVERYWHERE = {
    "ENGINE", "CHARSET", "COLLATE", "COMMENT", "ROW_FORMAT", "KEY_BLOCK_SIZE", "MIN_ROWS", "MAX_ROWS", "AVG_ROW_LENGTH",
    "STATS_PERSISTENT", "STATS_AUTO_RECALC", "STATS_SAMPLE_PAGES", "CHECKSUM", "PACK_KEYS", "DELAY_KEY_WRITE",
}  # fmt: skip
_OWN = {
    True: {"PAGE_COMPRESSED", "PAGE_COMPRESSION_LEVEL", "ENCRYPTED", "ENCRYPTION_KEY_ID"},
    False: {"COMPRESSION", "ENCRYPTION", "AUTOEXTEND_SIZE", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE"},
}
_LOGICAL = {"CHARSET", "COLLATE", "COMMENT", "MIN_ROWS", "MAX_ROWS", "AVG_ROW_LENGTH"}
"""What means the same with any engine."""

_DIRECTORY = re.compile(r"\s(?:DATA|INDEX) DIRECTORY = '(?:[^'\\]|''|\\.)*'|\sTABLESPACE = (?:`[^`]*`|\w+)")
_ENGINE = re.compile(r"(?<= ENGINE = )\w+")


def adapt(options: Options, target: Target) -> tuple[Options, list[str]]:
    """What the target can have of them, and what is to be told of the rest."""
    told = []
    engine = dict(options).get("ENGINE", "InnoDB")
    moved = engine.lower() not in target.engines
    known = _LOGICAL if moved else _EVERYWHERE | _OWN[target.mariadb]
    if moved:
        told.append(f"its engine {engine} has no transactions, which the load needs to lose nothing: it becomes InnoDB")
    kept = [("ENGINE", "InnoDB" if moved else engine)]
    for name, value in options:
        if name == "COLLATE":
            collation = target.like(value)
            told += [] if collation == spelled(value) else [f"its collation {value} becomes {collation}"]
            kept.append((name, collation))
        elif name == "CHARSET":
            charset = target.charset(value)
            told += [f"its character set {value} becomes utf8mb4"] if charset == "utf8mb4" != value else []
            kept.append((name, charset))
        elif name in known and name != "ENGINE":
            kept.append((name, value))
        elif name != "ENGINE":
            told.append(f"the table's option {name}={value} is left out")
    return tuple(kept), told


def partitions(text: str, target: Target) -> tuple[str, list[str]]:
    told = []
    if _DIRECTORY.search(text):
        told.append("places of the partitions' files are left out")
        text = _DIRECTORY.sub("", text)
    if any(engine.lower() not in target.engines for engine in _ENGINE.findall(text)):
        text = _ENGINE.sub("InnoDB", text)
    return text, told
