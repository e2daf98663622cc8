"""What can be set about the played Aimsio, mostly points that the vendor leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from erp_sandbox.config import option
from erp_sandbox.variants import Variant, each


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
        (),
        "entities with an integer id instead of a guid (UNK; of PayrollPeriod, User, Timecard, "
        "Invoice, Equipment, Company, PriceBook)",
    )
    paths: str = option(
        "pascal",
        "paths that no page shows (INF): pascal (in any casing), lower (lower case only) or plural "
        "(Companies)",
        ("pascal", "lower", "plural"),
    )
    detail_keys: str = option(
        "prefixed", "undocumented key names of details (INF): prefixed (companyGuid), plain (guid) "
        "or absent", ("prefixed", "plain", "absent"),
    )  # fmt: skip
    detail_stamps: str = option(
        "prefixed", "undocumented names of stamps in details (INF): prefixed (companyUpdatedAt), "
        "plain (updatedAt) or absent", ("prefixed", "plain", "absent"),
    )  # fmt: skip
    detail: str = option(
        "object", "a detail: object (INF) or list (an array of one)", ("object", "list")
    )
    index_extra: str = option(
        "none", "what index elements carry beyond the documented: none or embedded (the record)",
        ("none", "embedded"),
    )  # fmt: skip


VARIANTS = (
    Variant(
        "paths", "7 INF", "paths that no page shows", each("paths", "pascal", "lower", "plural")
    ),
    Variant(
        "identity", "4.1 UNK", "entities of which it is not known are found by guid or by id",
        {
            "guid": {},
            "id": {"id_entities": ("PayrollPeriod", "Timecard", "Invoice", "User")},
        },
    ),
    Variant(
        "detail_keys", "7 INF", "undocumented key names of details: companyGuid, guid, or neither",
        each("detail_keys", "prefixed", "plain", "absent"),
    ),
    Variant(
        "detail_stamps", "7 INF",
        "undocumented names of stamps in details: companyUpdatedAt, updatedAt, or neither",
        each("detail_stamps", "prefixed", "plain", "absent"),
    ),
    Variant(
        "detail", "4.1 INF", "a detail is an object, or an array of one",
        each("detail", "object", "list"),
    ),
    Variant(
        "no_permission", "2 UNK", "status for a user without API permission (user no-permission)",
        {str(status): {"no_permission_status": status} for status in (403, 401)},
    ),
    Variant(
        "index_extra", "8.6 DOC", "what index elements carry beyond the documented",
        each("index_extra", "none", "embedded"),
    ),
)  # fmt: skip
