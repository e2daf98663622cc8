"""A suite for any Singer target that writes to an HTTP API: see docs/conformance.md."""
