"""How mkdocs builds the documentation site: its hooks, and what its theme adds (`make docs`)."""
