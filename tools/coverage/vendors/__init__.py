"""What each vendor needs of its own; see `tools.coverage`."""
