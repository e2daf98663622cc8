"""Commands for people; it may import every package, and no package imports it."""
