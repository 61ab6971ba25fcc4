"""The body of an answer: of a sane size, also when it is unpacked."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from reconciler.transport.faults import Lost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import httpx

LARGEST = 64 << 20
"""Bytes of one answer, unpacked."""
_PART = 1 << 20
"""Bytes that are unpacked at once: a few KiB can be made to stand for GiB."""
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


def read_body(response: httpx.Response) -> bytes | Lost:
    """The body, unpacked. Lost if it is too large, or packed in a way that nobody asked for."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
        return Lost("the answer is compressed in a way that was not asked for", passing=False, bad=True)
    parts: Iterable[bytes] = response.iter_raw()
    if encoding in {"gzip", "x-gzip"}:
        parts = _unpack(parts, _GZIP)
    elif encoding == "deflate":
        parts = _unpack(parts, _ZLIB)
    try:
        return _gather(parts)
    except zlib.error:
        return Lost("the answer is compressed, and broken", passing=False, bad=True)


def _gather(parts: Iterable[bytes]) -> bytes | Lost:
    kept: list[bytes] = []
    size = 0
    for part in parts:
        kept.append(part)
        size += len(part)
        if size > LARGEST:
            return Lost(f"the answer is larger than {LARGEST >> 20} MiB", passing=False, bad=True)
    return b"".join(kept)


def _unpack(parts: Iterable[bytes], form: int) -> Iterator[bytes]:
    """The content, never more than a part at once. zlib.error if it is broken or cut short."""
    inflater, begun = zlib.decompressobj(form), False
    for part in parts:
        try:
            content = inflater.decompress(part, _PART)
        except zlib.error:
            if begun or form != _ZLIB:
                raise
            inflater = zlib.decompressobj(_RAW)  # some servers take the word deflate literally
            content = inflater.decompress(part, _PART)
        begun = begun or bool(part)
        yield content
        while inflater.unconsumed_tail:
            yield inflater.decompress(inflater.unconsumed_tail, _PART)
    if begun and not inflater.eof:
        raise zlib.error("cut short")
