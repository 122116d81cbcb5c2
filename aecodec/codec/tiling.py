"""Tiles of the codec: coded on their own, transformed together with what surrounds them."""

from __future__ import annotations

from aecodec.nn.tiling import Area, Window, windows

__all__ = ["TILE", "Area", "Window", "windows"]

TILE = 96
"""Side of a tile in latents: 1536 pixels, 3 megapixels with its margin."""
