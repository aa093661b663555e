"""MySQL and MariaDB, as source; the flavour is told apart inside."""

from collections.abc import Mapping

from landbridge.endpoints import abc
from landbridge.plan import EndpointRef

FAMILY = "mysql"


def capabilities(ref: EndpointRef) -> Mapping[type, object]:
    from landbridge.endpoints.mysql.catalog import Describer
    from landbridge.endpoints.mysql.changes import ChangeLog
    from landbridge.endpoints.mysql.checks import Checker
    from landbridge.endpoints.mysql.connection import Database
    from landbridge.endpoints.mysql.counters import Counters
    from landbridge.endpoints.mysql.freeze import Freezer
    from landbridge.endpoints.mysql.snapshot import SnapshotReader
    from landbridge.endpoints.mysql.sums import Viewer

    db = Database(ref)
    reader = SnapshotReader(db)
    return {
        abc.Connects: db,
        abc.Describes: Describer(db),
        abc.Counts: Counters(db),
        abc.Checks: Checker(db),
        abc.Snapshots: reader,
        abc.ReadsAgain: reader,
        abc.Views: Viewer(db),
        abc.Changes: ChangeLog(db),
        abc.Freezes: Freezer(db),
    }
