"""Singer target: writes records to five vendors' business APIs."""
