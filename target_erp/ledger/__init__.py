"""The ledger: what was sent to a vendor, and what became of it, across runs."""

from target_erp.ledger.entry import Entry, Known, Mark
from target_erp.ledger.intents import Intent
from target_erp.ledger.ledger import Ledger, open_ledger
from target_erp.ledger.lines import Found
from target_erp.ledger.runs import Run
from target_erp.ledger.store import Change, LedgerError

__all__ = [
    "Change",
    "Entry",
    "Found",
    "Intent",
    "Known",
    "Ledger",
    "LedgerError",
    "Mark",
    "Run",
    "open_ledger",
]
