"""Parsers of foreign text, fed with anything.

Each `fuzz_<name>.py` has `parse(data)`, which raises what is a fault; `SEEDS`, inputs to begin
with; and `WORDS`, pieces that inputs are made of. `python -m tests.fuzz` looks for faults with the
help of coverage, `test_fuzz.py` without it, for a moment.
"""
