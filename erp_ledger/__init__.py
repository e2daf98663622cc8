"""The ledger: what was sent to a vendor, and what became of it, across runs."""

from erp_ledger.intents import Intent
from erp_ledger.ledger import Ledger, open_ledger
from erp_ledger.read_only import LedgerOutcome, ReadOnlyLedger, open_read_only
from erp_ledger.record import Known, LedgerRecord, RecordStatus
from erp_ledger.records import FoundRecord
from erp_ledger.runs import LedgerRun, new_run
from erp_ledger.store import Change, LedgerError

__all__ = [
    "Change",
    "FoundRecord",
    "Intent",
    "Known",
    "Ledger",
    "LedgerError",
    "LedgerOutcome",
    "LedgerRecord",
    "LedgerRun",
    "ReadOnlyLedger",
    "RecordStatus",
    "new_run",
    "open_ledger",
    "open_read_only",
]
