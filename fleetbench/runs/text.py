"""The text of a trace or of another file of a run: packed or not, as far as it is there, never more than memory takes."""

from __future__ import annotations

import codecs
import zlib
from pathlib import Path

from fleetbench.errors import InputError

MAX_BYTES = 64 * 2**20
"""Of a file, unpacked: beyond it memory would be the limit. The largest trace known takes a few MB."""


def read_text(file: Path, wanted: str) -> str:
    """The text of a regular file; one that ends in ``.gz`` is unpacked. Of one that was cut short, what there is.

    Raises:
        InputError: it is a pipe or a device, cannot be read, is no UTF-8, or is larger than :data:`MAX_BYTES`.
    """
    if not file.is_file():
        raise InputError.at(file, None, None, got="no regular file", wanted=wanted)
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if file.name.endswith(".gz"):
            content = _unpacked(content)
    except (OSError, zlib.error) as error:
        raise InputError.at(
            file, None, None, got=getattr(error, "strerror", None) or str(error), wanted=wanted
        ) from None
    if len(content) > MAX_BYTES:
        raise InputError.at(file, None, None, got=f"more than {MAX_BYTES >> 20} MB", wanted=wanted)
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(content)  # it keeps back half of a character
    except UnicodeDecodeError as error:
        raise InputError.at(file, None, None, got=f"bytes that are no UTF-8 ({error.reason})", wanted=wanted) from None


def _unpacked(packed: bytes) -> bytes:
    """What a gzip file holds, also one whose end is missing; never much more than :data:`MAX_BYTES`."""
    content = b""
    while packed and len(content) <= MAX_BYTES:
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        content += member.decompress(packed, MAX_BYTES + 1 - len(content))
        packed = member.unused_data
    return content
