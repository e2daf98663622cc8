"""Measures the speed of the tap and the target against the vendors' limits and against peers."""
