"""The ledger: what was sent to a vendor, and what became of it, across runs."""

from target_erp.ledger.entry import Entry, Mark
from target_erp.ledger.ledger import Found, Ledger, Run, open_ledger

__all__ = ["Entry", "Found", "Ledger", "Mark", "Run", "open_ledger"]
