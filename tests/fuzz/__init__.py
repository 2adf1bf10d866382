"""Hostile bytes by the thousand: targets for a coverage-guided fuzzer, their corpus, and mutated cards.

See docs/how-to/fuzz.md. Nothing here needs the fuzzer but `python -m tests.fuzz target`.
"""
