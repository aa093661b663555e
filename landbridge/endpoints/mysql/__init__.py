"""MySQL and MariaDB, as source and as target; the flavour is told apart inside."""

from collections.abc import Mapping

from landbridge.endpoints import abc
from landbridge.plan import EndpointRef

FAMILY = "mysql"


def capabilities(ref: EndpointRef) -> Mapping[type, object]:
    from landbridge.endpoints.mysql.apply import Applier
    from landbridge.endpoints.mysql.catalog import Describer
    from landbridge.endpoints.mysql.changes import ChangeLog
    from landbridge.endpoints.mysql.checks import Checker
    from landbridge.endpoints.mysql.connection import Database
    from landbridge.endpoints.mysql.counters import Counters
    from landbridge.endpoints.mysql.ddl import SchemaBuilder
    from landbridge.endpoints.mysql.freeze import Freezer
    from landbridge.endpoints.mysql.load import Loader
    from landbridge.endpoints.mysql.objects import Carrier
    from landbridge.endpoints.mysql.snapshot import SnapshotReader
    from landbridge.endpoints.mysql.sums import Viewer

    db = Database(ref)
    reader = SnapshotReader(db)
    return {
        abc.Connects: db,
        abc.Describes: Describer(db),
        abc.Carries: Carrier(db),
        abc.Counts: Counters(db),
        abc.Prepares: SchemaBuilder(db),
        abc.Checks: Checker(db),
        abc.Snapshots: reader,
        abc.ReadsAgain: reader,
        abc.Views: Viewer(db),
        abc.Changes: ChangeLog(db),
        abc.Freezes: Freezer(db),
        abc.Loads: Loader(db),
        abc.Applies: Applier(db),
    }
