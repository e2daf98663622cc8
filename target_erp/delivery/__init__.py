"""How records reach a vendor: order, batches, outcomes, dead letters."""

from target_erp.delivery.delivery import Delivery
from target_erp.delivery.model import Outcome, Prepared, Reference, RefusedError, Write
from target_erp.delivery.writer import Writer

__all__ = ["Delivery", "Outcome", "Prepared", "Reference", "RefusedError", "Write", "Writer"]
