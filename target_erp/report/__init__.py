"""`erp-ledger`: what the target did, for people."""
