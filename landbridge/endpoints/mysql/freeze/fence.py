"""
The fence around a source that is read-only: nobody but our own login and administrators can connect.

MySQL has offline_mode for that (manual, "Server System Variables"): whoever lacks CONNECTION_ADMIN is sent away and not
let in again. MariaDB has no such thing, and max_user_connections = -1 cannot be set where it was 0 at the start: so
each account that has not SUPER is locked (ALTER USER ... ACCOUNT LOCK), and exactly those are unlocked again.
"""

from collections.abc import Iterable
from typing import Any

from landbridge.endpoints.mysql.catalog import fetch
from landbridge.endpoints.mysql.freeze.revoke import give_back, spelled
from landbridge.errors import Terminal

_OPEN = """
select u.user, u.host from mysql.user u join mysql.global_priv p on p.user = u.user and p.host = u.host
where u.super_priv = 'N' and coalesce(json_value(p.priv, '$.is_role'), 0) = 0
    and coalesce(json_value(p.priv, '$.account_locked'), 0) = 0 order by 1, 2"""
_RULERS = "select user, host from mysql.user where super_priv = 'Y' order by 1, 2"


def to_shut(connection: Any, mariadb: bool) -> list[str]:
    """Accounts to lock; none in MySQL, which shuts all at once. Terminal where somebody else has shut it."""
    if mariadb:
        own = str(fetch(connection, "select current_user()")[0][0])
        accounts = [(str(user), str(host)) for user, host in fetch(connection, _OPEN)]
        return [spelled(*account) for account in accounts if "@".join(account) != own]
    if fetch(connection, "select @@global.offline_mode")[0][0]:
        raise Terminal(
            "the source is in offline mode already, and not by landbridge",
            mend="SET GLOBAL offline_mode = OFF; or migrate from the server that applications connect to",
        )
    return []


def shut(connection: Any, mariadb: bool, accounts: Iterable[str]) -> None:
    if mariadb:
        give_back(connection, [f"alter user {account} account lock" for account in accounts])
    else:
        fetch(connection, "set global offline_mode = on")


def reopen(connection: Any, mariadb: bool, accounts: Iterable[str]) -> None:
    if mariadb:
        give_back(connection, [f"alter user {account} account unlock" for account in accounts])
    else:
        fetch(connection, "set global offline_mode = off")


def admitted(connection: Any) -> list[str]:
    """Administrators, who come through. In MySQL those with CONNECTION_ADMIN alone do as well."""
    return [spelled(str(user), str(host)) for user, host in fetch(connection, _RULERS)]
