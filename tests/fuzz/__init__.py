"""Hostile input: mutations of the reference fleet and generated files against every front door.

``python -m tests.fuzz --cases 20000`` is the full run; ``pytest tests/fuzz`` holds a short one.
"""
