"""Ctrl-C at moments when Python itself would lose it."""

from __future__ import annotations

import signal
import time
from types import SimpleNamespace
from typing import Any

import pytest

from fleetbench.__main__ import _heed_interrupts


def test_a_ctrl_c_that_comes_in_a_callback_of_pythons_own_is_delivered_again() -> None:
    dropped: Any = SimpleNamespace(exc_type=KeyboardInterrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            _heed_interrupts(dropped)
            time.sleep(10)
    finally:
        signal.signal(signal.SIGINT, before)
