"""What Photoshop puts beside a picture, in numbered blocks ("8BIM") of JPEG and TIFF."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IPTC = "the IPTC block (captions, credits) is left out"

# They say again what is kept, or how Photoshop showed and printed the file: resolution,
# thumbnails, ICC profile, EXIF, XMP, print settings, guides, layers, slices, versions.
_OF_THE_FILE = frozenset(
    [*range(0x03E8, 0x03EE), 0x03EF, *range(0x03F1, 0x0404), *range(0x0405, 0x040A)]
    + [0x040C, 0x040D, 0x040F, *range(0x0411, 0x0415), 0x0416, 0x0417, 0x0419, 0x041A]
    + [*range(0x0421, 0x0427), *range(0x0428, 0x0431), *range(0x0434, 0x043D), 0x0BB7, 0x0BB8]
    + [*range(0x0FA0, 0x1388), 0x2710]
)
_NAMES = {
    0x03EE: "names of channels",
    0x03F0: "caption",
    0x040A: "copyright flag",
    0x040B: "address of a page",
}


def notes_of_photoshop(blocks: Mapping[int, Any]) -> list[str]:
    """Notes of what is lost with these blocks, by their numbers; zeros say nothing."""
    told = [n for n, block in blocks.items() if not isinstance(block, bytes) or block.strip(b"\0")]
    notes = [IPTC] if 0x0404 in told else []
    names = [
        "path" if 0x07D0 <= number <= 0x0BB6 else _NAMES.get(number, f"block {number:04X}")
        for number in told
        if number != 0x0404 and number not in _OF_THE_FILE
    ]
    if names:
        notes.append(f"left out: Photoshop's {', '.join(dict.fromkeys(names))}")
    return notes
