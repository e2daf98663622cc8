"""The ledger's tables, and the way to them from every earlier version."""

from __future__ import annotations

import typing as t

from erp_vendors.errors import ConfigError

VERSION = 7
"""Version of the tables; `_MIGRATIONS` leads to it from every earlier one."""

_OF_PARTITIONS = ("records", "intents", "aliases", "answers", "failing", "leases")
_MIGRATIONS: dict[int, tuple[str, ...]] = {
    0: (
        """CREATE TABLE erp_entries (
            account TEXT NOT NULL, stream TEXT NOT NULL, key TEXT NOT NULL,
            digest TEXT NOT NULL, mark TEXT NOT NULL, vendor_id TEXT, attempts INTEGER NOT NULL,
            run TEXT NOT NULL, first_at TEXT NOT NULL, last_at TEXT NOT NULL, body TEXT,
            PRIMARY KEY (account, stream, key))""",
        """CREATE INDEX erp_open ON erp_entries (account, stream)
            WHERE mark IN ('intent', 'unknown')""",
        """CREATE TABLE erp_runs (
            run TEXT PRIMARY KEY, started_at TEXT NOT NULL, ended_at TEXT, report TEXT)""",
    ),
    # Short lines: a look-up among a million of them reads as few pages as one among thousands.
    1: (
        """CREATE TABLE erp_places (
            place INTEGER PRIMARY KEY, account TEXT NOT NULL, stream TEXT NOT NULL,
            UNIQUE (account, stream))""",
        """CREATE TABLE erp_records (
            place INTEGER NOT NULL, key TEXT NOT NULL, mark TEXT NOT NULL, digest {bytes} NOT NULL,
            held {bytes}, vendor_id TEXT, attempts INTEGER NOT NULL, run TEXT NOT NULL,
            first_at {long} NOT NULL, last_at {long} NOT NULL, failed_at {long},
            parent TEXT, body TEXT, PRIMARY KEY (place, key)) {compact}""",
        """INSERT INTO erp_places (place, account, stream)
            SELECT row_number() OVER (ORDER BY account, stream), account, stream
            FROM (SELECT DISTINCT account, stream FROM erp_entries) AS found""",
        """INSERT INTO erp_records (place, key, mark, digest, vendor_id, attempts, run, first_at,
                last_at, body)
            SELECT p.place, e.key, e.mark, {unhex}, e.vendor_id, e.attempts, e.run,
                {millis_of_first}, {millis_of_last}, e.body
            FROM erp_entries AS e JOIN erp_places AS p
                ON p.account = e.account AND p.stream = e.stream""",
        "DROP TABLE erp_entries",
        # With the time, as otherwise SQLite walks through all lines of the place instead.
        """CREATE INDEX erp_unsettled ON erp_records (place, last_at)
            WHERE mark IN ('intent', 'unknown')""",
        "CREATE INDEX erp_children ON erp_records (place, last_at) WHERE parent IS NOT NULL",
    ),
    # What is under way has rows of its own, and comes among the records only if a run is cut off.
    2: (
        """CREATE TABLE erp_intents (
            intent {long} PRIMARY KEY, place INTEGER NOT NULL, run TEXT NOT NULL,
            noted_at {long} NOT NULL, lines TEXT NOT NULL)""",
    ),
    # Records with several names, what answers are known to mean, who fails again and again, and
    # who may write.
    3: (
        """CREATE TABLE erp_aliases (
            place INTEGER NOT NULL, alias TEXT NOT NULL, key TEXT NOT NULL,
            PRIMARY KEY (place, alias)) {compact}""",
        "CREATE INDEX erp_names ON erp_aliases (place, key)",
        """CREATE TABLE erp_answers (
            place INTEGER NOT NULL, shape TEXT NOT NULL, run TEXT NOT NULL,
            noted_at {long} NOT NULL, PRIMARY KEY (place, shape)) {compact}""",
        """CREATE TABLE erp_failing (
            place INTEGER NOT NULL, key TEXT NOT NULL, runs INTEGER NOT NULL, run TEXT NOT NULL,
            PRIMARY KEY (place, key)) {compact}""",
        """CREATE TABLE erp_leases (
            place INTEGER PRIMARY KEY, number {long} NOT NULL, token TEXT NOT NULL,
            longest {long} NOT NULL, proven_at {long} NOT NULL, busy_until {long} NOT NULL)""",
    ),
    # The names that the code uses.
    4: (
        "ALTER TABLE erp_places RENAME TO erp_partitions",
        *(
            f"ALTER TABLE erp_{table} RENAME COLUMN place TO partition"
            for table in ("partitions", *_OF_PARTITIONS)
        ),
        "ALTER TABLE erp_records RENAME COLUMN mark TO status",
    ),
    # Hashes of fields: apart from the records, because most sinks keep none.
    5: (
        """CREATE TABLE erp_bases (
            partition INTEGER NOT NULL, key TEXT NOT NULL, base {bytes} NOT NULL,
            PRIMARY KEY (partition, key)) {compact}""",
        "CREATE TABLE erp_base_key (number INTEGER PRIMARY KEY, secret {bytes} NOT NULL)",
    ),
    # Texts are hashed as they are: what was hashed before tells nothing of them.
    6: ("DELETE FROM erp_bases",),
}
_DIALECTS: dict[str, dict[str, str]] = {
    "sqlite": {
        "bytes": "BLOB",
        "long": "INTEGER",
        "compact": "WITHOUT ROWID",
        "unhex": "erp_unhex(e.digest)",
        "millis_of_first": "strftime('%s', e.first_at) * 1000 + substr(e.first_at, 21, 3)",
        "millis_of_last": "strftime('%s', e.last_at) * 1000 + substr(e.last_at, 21, 3)",
    },
    "postgresql": {
        "bytes": "BYTEA",
        "long": "BIGINT",
        "compact": "",
        "unhex": "decode(e.digest, 'hex')",
        "millis_of_first": "(extract(epoch FROM e.first_at::timestamptz) * 1000)::BIGINT",
        "millis_of_last": "(extract(epoch FROM e.last_at::timestamptz) * 1000)::BIGINT",
    },
}


def migrate(cursor: t.Any, dialect: str, where: str) -> None:  # noqa: ANN401 - DB-API has no type
    """Bring the tables to this version, inside the caller's transaction.

    Args:
        cursor: A cursor of the store.
        dialect: `sqlite` or `postgresql`.
        where: What the ledger is called in errors.

    Raises:
        ConfigError: If a newer version has been at work there.
    """
    cursor.execute("CREATE TABLE IF NOT EXISTS erp_ledger (version INTEGER NOT NULL)")
    cursor.execute("SELECT version FROM erp_ledger")
    row = cursor.fetchone()
    version = 0 if row is None else int(row[0])
    if row is None:
        cursor.execute("INSERT INTO erp_ledger (version) VALUES (0)")
    if version < 0:
        msg = (
            f"the ledger {where} was moved to PostgreSQL by erp ledger move, and is not used any "
            "more; set 'ledger' to the place that it was moved to"
        )
        raise ConfigError(msg)
    _check_known(version, where, "ledger")
    for step in range(version, VERSION):
        for statement in _MIGRATIONS[step]:
            cursor.execute(statement.format(**_DIALECTS[dialect]))
    if version < VERSION:
        cursor.execute(f"UPDATE erp_ledger SET version = {VERSION}")  # noqa: S608 - a constant


def check_version(version: int, where: str, setting: str) -> None:
    """Refuse a ledger of another version, for who may not change it.

    Args:
        version: Its version.
        where: What the ledger is called.
        setting: The setting that names it.

    Raises:
        ConfigError: If it is another one than this erp-singer's.
    """
    _check_known(version, where, setting)
    if version < VERSION:
        msg = (
            f"the ledger {where} (setting '{setting}') was written by an older erp-singer (version "
            f"{version}, this one reads {VERSION}); one run of this version's target-erp brings it "
            "up to date"
        )
        raise ConfigError(msg)


def _check_known(version: int, where: str, setting: str) -> None:
    if version > VERSION:
        msg = (
            f"the ledger {where} was written by a newer erp-singer (version {version}, this one "
            f"knows {VERSION}); upgrade, or set another '{setting}'"
        )
        raise ConfigError(msg)
