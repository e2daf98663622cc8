"""What each vendor's API is like. Knows nothing of Singer."""
