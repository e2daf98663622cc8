"""The ledger: what was sent to a vendor, and what became of it, across runs."""

from target_erp.ledger.entry import Entry, Known, Mark
from target_erp.ledger.intents import Intent
from target_erp.ledger.ledger import Found, Ledger, Run, open_ledger
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
