"""Interrupted, crowded, full, read-only, mute: what a command leaves behind and says.

``python -m tests.robustness --kills 100`` is the full run; ``pytest tests/robustness`` holds a short one.
"""
