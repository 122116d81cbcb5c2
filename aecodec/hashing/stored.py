"""A code as it is stored beside an image: 8 bytes of the model's fingerprint, then the code."""

from __future__ import annotations

_FINGERPRINT_BYTES = 8


def pack_code(fingerprint: str, code: bytes) -> bytes:
    """The bytes to store; `fingerprint` is 16 hex digits."""
    return bytes.fromhex(fingerprint) + code


def unpack_code(stored: bytes, fingerprint: str, bits: int) -> bytes | None:
    """The code of `bits` bits, or None where it is of other weights or of another length."""
    ours = bytes.fromhex(fingerprint)
    if stored[:_FINGERPRINT_BYTES] != ours or len(stored) != _FINGERPRINT_BYTES + bits // 8:
        return None
    return stored[_FINGERPRINT_BYTES:]
