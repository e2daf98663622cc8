"""What can be set about the played Aimsio, mostly points that the vendor leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from erp_sandbox.config import option


@dataclass
class AimsioOptions:
    """Options of the played Aimsio; DOC, INF and UNK are the sheet's marks."""

    username: str = option("sandbox-user", "user name (HTTP Basic)")
    password: str = option("sandbox-password", "password")
    rate: float = option(10.0, "calls per second (DOC 10)")
    parallel: int = option(10, "calls in work at the same time (DOC 10)")
    queue_seconds: float = option(5.0, "seconds in the queue before the time-out (DOC 5)")
    sequential_free: bool = option(
        default=False,
        text="a call that comes while no other is in work is not counted against the rate "
        "(another reading of 'sequential calls are not limited')",
    )
    timeout: str = option("cut", "how a time-out shows: cut or 504 (UNK)", ("cut", "504"))
    no_permission_status: int = option(
        403, "status for 'no-permission', a user whom the vendor has not switched on (UNK)"
    )
    batch: str = option(
        "whole",
        "a list with a bad record: whole = refused as a whole, each = the good ones are kept (UNK)",
        ("whole", "each"),
    )
    answer: str = option(
        "keys", "body of an accepted POST: keys, full (records) or empty (UNK)",
        ("keys", "full", "empty"),
    )  # fmt: skip
    unknown_fields: str = option(
        "ignore",
        "properties that a documented list does not name: ignore or refuse (UNK; resources "
        "without a documented list keep them)",
        ("ignore", "refuse"),
    )
    read_only_fields: str = option(
        "ignore",
        "properties of the GET only, embedded arrays of a job among them: ignore or refuse (UNK)",
        ("ignore", "refuse"),
    )
    omitted_fields: str = option(
        "keep", "properties that an update leaves out: keep or clear (UNK)", ("keep", "clear")
    )
    required_on_update: bool = option(
        default=True, text="required properties are required in updates too (INF)"
    )
    job_status: str = option(
        "Finished", "the one jobStatus that a POST may set on an existing job (UNK which)"
    )
    timecards_module: bool = option(
        default=False, text="the account has the Timecards module: payroll fields are required"
    )
    id_entities: tuple[str, ...] = option(
        ("PayrollPeriod", "User"),
        "entities with an integer id instead of a guid (UNK; of PayrollPeriod, User, Timecard, "
        "Invoice, Equipment, Company, PriceBook)",
    )
