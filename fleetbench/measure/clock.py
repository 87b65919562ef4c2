"""The real clocks: this machine's, and the cluster's."""

from __future__ import annotations

import time


class SystemClock:
    """The machine's clocks."""

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        return time.monotonic()

    def wall_s(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class ClusterClock(SystemClock):
    """This machine's monotonic clock beside the cluster's wall clock, by which the API stamps objects.

    The wall clock here may be minutes off, or be set while a run lasts: it is not looked at.

    Args:
        server_s: the API server's time now, in seconds since 1970.
    """

    def __init__(self, server_s: float):
        self._offset_s = server_s - self.monotonic_s()

    def wall_s(self) -> float:
        """Seconds since 1970 where the API server runs."""
        return self.monotonic_s() + self._offset_s
