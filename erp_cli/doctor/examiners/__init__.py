"""One module a vendor: how its accounts are examined."""
