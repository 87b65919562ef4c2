"""Seconds inside, Go durations at the edges: the only place where either is parsed or written; other units; counts in words.

Everywhere else a time is a ``float`` of seconds whose name ends in ``_s``.
"""

from __future__ import annotations

import math
import re

from fleetbench.errors import briefly

_UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")

MAX_DURATION_S = 2**63 / 1e9
"""Go's ``time.Duration`` is an int64 of nanoseconds: about 292 years."""


def parse_duration(text: object) -> float:
    """Parse a Go duration such as ``1m30s`` or ``500ms``.

    Args:
        text: the duration as Go's ``time.ParseDuration`` reads it; a sign is accepted only by Go, not here,
            since no Flux field means anything with a negative duration.

    Returns:
        Seconds.

    Raises:
        ValueError: the text is no duration, is negative, or does not fit Go's int64 of nanoseconds.

    >>> parse_duration("1m30s"), parse_duration("500ms"), parse_duration("0")
    (90.0, 0.5, 0.0)
    """
    if not isinstance(text, str):
        raise ValueError(f"got {briefly(text)}, wanted a duration such as 1m30s")
    stripped = text.strip()
    if stripped in ("0", "+0"):
        return 0.0
    if stripped.startswith("-"):
        raise ValueError(f"got {_short(text)}, wanted a duration that is not negative, such as 1m30s")
    rest = stripped.removeprefix("+")
    total, position = 0.0, 0
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None:
            break
        total += float(part[1]) * _UNIT_S[part[2]]
        position = part.end()
    if position == 0 or position != len(rest):
        raise ValueError(f"got {_short(text)}, wanted a duration such as 1m30s (units ns, us, ms, s, m, h)")
    if total > MAX_DURATION_S:
        raise ValueError(f"got {_short(text)}, wanted a duration below 292 years")
    return total


def parse_seconds(value: object) -> float:
    """Parse a number of seconds or a Go duration, as files that people write by hand hold them.

    Raises:
        ValueError: neither, negative, or not finite.
    """
    if isinstance(value, bool):
        raise ValueError(f"got {value!r}, wanted seconds or a duration such as 1m30s")
    if isinstance(value, (int, float)):
        try:
            seconds = float(value)
        except OverflowError:
            seconds = math.inf
        if not math.isfinite(seconds) or seconds < 0 or seconds > MAX_DURATION_S:
            raise ValueError(f"got {briefly(value)}, wanted seconds that are finite and not negative")
        return seconds
    return parse_duration(value)


def format_duration(seconds: float | None) -> str:
    """Write seconds for people: ``1h02m03s``, ``2m05s``, ``12.3s``, ``85ms``; ``never`` for None.

    >>> format_duration(512.34), format_duration(12.34), format_duration(0.0852), format_duration(None)
    ('8m32s', '12.3s', '85ms', 'never')
    """
    if seconds is None:
        return "never"
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds < 1:
        return "0s" if seconds < 0.0005 else f"{seconds * 1000:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}h{minutes:02d}m{rest:02d}s" if hours else f"{minutes}m{rest:02d}s"


def rounded(seconds: float | None) -> float | None:
    """To the microsecond, so that a JSON document does not depend on how floats are printed; None = never."""
    return None if seconds is None else round(seconds, 6)


def counted(number: int, noun: str) -> str:
    """Write a number with what it counts.

    >>> counted(1, "workload"), counted(3, "workload"), counted(0, "HelmRelease")
    ('1 workload', '3 workloads', '0 HelmReleases')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def go_duration(seconds: float) -> str:
    """Write seconds as Go prints a duration in a manifest: ``1m30s``, ``10m0s``, ``500ms``.

    >>> go_duration(90), go_duration(600), go_duration(0.5), go_duration(3600)
    ('1m30s', '10m0s', '500ms', '1h0m0s')
    """
    if 0 < seconds < 1:
        return f"{seconds * 1000:.6g}ms"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{rest:.6g}s"
    if hours:
        return f"{hours:.0f}h{minutes:.0f}m{text}"
    return f"{minutes:.0f}m{text}" if minutes else text


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")


def parse_bool(text: str) -> bool:
    """Parse a boolean flag of a controller as Go's ``strconv.ParseBool`` does, by which spf13/pflag reads one.

    Raises:
        ValueError: it is none, and a controller that is given it does not start.

    >>> parse_bool("T"), parse_bool("0")
    (True, False)
    """
    if text not in _TRUE + _FALSE:
        raise ValueError(f"got {_short(text)}, wanted true or false")
    return text in _TRUE


_SUFFIXES = {
    "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip


def parse_quantity(text: object) -> float:
    """A Kubernetes quantity, such as a volume's size in bytes.

    Source: Kubernetes apimachinery pkg/api/resource quantity.go ParseQuantity, suffix.go.

    Raises:
        ValueError: it is none.

    >>> parse_quantity("2Gi") == 2 * 1024**3, parse_quantity("1e3"), parse_quantity(5)
    (True, 1000.0, 5.0)
    """
    match = re.fullmatch(r"([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d+|[KMGTPE]i|[mkMGTPE]?)", str(text).strip())
    if match is None:
        raise ValueError(f"got {str(text)!r}, wanted a quantity, as in 2 or 1.5Gi")
    number, suffix = match[1], match[2]
    return float(number) * _SUFFIXES[suffix] if suffix in _SUFFIXES else float(number + suffix)


def cpu_text(processors: float) -> str:
    """Processors as Flux's manifests write them: ``1000m``."""
    return f"{round(processors * 1000)}m"
