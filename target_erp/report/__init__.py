"""What the target did, for people: in words for `erp ledger`, and as an HTML page."""
