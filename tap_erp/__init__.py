"""Singer tap: reads five vendors' business APIs."""
