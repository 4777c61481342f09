"""Messages to multipart and back; the only place that knows the bytes.

A message is a list of ZeroMQ parts (behind the identity that a ROUTER adds, which never comes here)::

    [0]  header: msgpack map {"v": wire version, "k": kind, "b": body map, "n": [length of each buffer]}
    [1…] raw buffers, in the order that the message's class documents

Buffers are sent and received without a copy; what is returned are read-only memoryviews on them.
"""

from collections.abc import Sequence
from typing import Literal

import msgpack
from pydantic import TypeAdapter, ValidationError

from smearwatch.daemon.wire.messages import MESSAGES, WIRE_VERSION, Message

Buffer = bytes | bytearray | memoryview
MAX_HEADER_BYTES = 8 * 1024 * 1024
MAX_PARTS = 4096
_MOST_IN_A_LIST = 100_000  # files that wait before a line
_MOST_IN_A_MAP = 1_000

Flaw = Literal["empty", "too_large", "not_msgpack", "wrong_version", "unknown_kind", "bad_body", "truncated"]

_ADAPTERS: dict[str, TypeAdapter[Message]] = {}


class Unreadable(ValueError):
    """What came is no message of this wire.

    Attributes
    ----------
    flaw : str
        One of the `Flaw` codes, used as a counter's name.
    """

    def __init__(self, flaw: Flaw, detail: str) -> None:
        super().__init__(detail)
        self.flaw = flaw


def encode(message: Message, buffers: Sequence[Buffer] = ()) -> list[Buffer]:
    """Return the parts of a message, header first; the buffers are passed through untouched."""
    header = {
        "v": WIRE_VERSION,
        "k": message.kind,
        "b": _adapter(message.kind).dump_python(message),
        "n": [memoryview(buffer).nbytes for buffer in buffers],
    }
    return [msgpack.packb(header, use_bin_type=True), *buffers]


def decode(parts: Sequence[Buffer], *, max_bytes: int) -> tuple[Message, list[memoryview]]:
    """Read a message from its parts.

    Parameters
    ----------
    parts : sequence of buffers
        As received, without the ROUTER's identity.
    max_bytes : int
        The most that all buffers together may hold.

    Raises
    ------
    Unreadable
        With the flaw's code; nothing else is ever raised for bytes from outside.
    """
    if not parts:
        raise Unreadable("empty", "a message of no parts")
    if len(parts) > MAX_PARTS or memoryview(parts[0]).nbytes > MAX_HEADER_BYTES:
        raise Unreadable("too_large", f"{len(parts)} parts, header {memoryview(parts[0]).nbytes} bytes")
    kind, body, sizes = _header(parts[0])
    buffers = [memoryview(part).toreadonly() for part in parts[1:]]
    got = [buffer.nbytes for buffer in buffers]
    if sum(got) > max_bytes:
        raise Unreadable("too_large", f"{kind}: {sum(got)} bytes in buffers, at most {max_bytes}")
    if got != list(sizes):
        raise Unreadable("truncated", f"{kind}: buffers of {got} bytes where the header announces {list(sizes)}")
    try:
        return _adapter(kind).validate_python(body), buffers
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "body"
        raise Unreadable("bad_body", f"{kind}: {where}: {first['msg']}") from None


def _header(part: Buffer) -> tuple[str, object, tuple[int, ...]]:
    try:
        header = msgpack.unpackb(
            part,
            use_list=False,
            raw=False,
            strict_map_key=True,
            max_ext_len=0,
            max_array_len=_MOST_IN_A_LIST,
            max_map_len=_MOST_IN_A_MAP,
        )
    except (ValueError, msgpack.UnpackException) as error:
        raise Unreadable("not_msgpack", f"the header is not msgpack: {error}") from None
    if not isinstance(header, dict) or set(header) != {"v", "k", "b", "n"}:
        raise Unreadable("not_msgpack", "the header is not a map of v, k, b, n")
    if header["v"] != WIRE_VERSION:
        raise Unreadable("wrong_version", f"wire version {header['v']!r:.40}, this is {WIRE_VERSION}")
    kind, sizes = header["k"], header["n"]
    if not isinstance(kind, str) or kind not in MESSAGES:
        raise Unreadable("unknown_kind", f"unknown kind {kind!r:.60}")
    if not isinstance(sizes, tuple) or not all(type(size) is int and size >= 0 for size in sizes):
        raise Unreadable("bad_body", f"{kind}: n is not a list of lengths")
    return kind, header["b"], sizes


def _adapter(kind: str) -> TypeAdapter[Message]:
    adapter = _ADAPTERS.get(kind)
    if adapter is None:
        adapter = _ADAPTERS[kind] = TypeAdapter(MESSAGES[kind])
    return adapter
