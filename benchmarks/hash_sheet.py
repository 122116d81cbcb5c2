"""What the decoder draws from 256 bits: photos above, their codes' thumbnails below.

python benchmarks/hash_sheet.py --data kodak --out docs/hashing_sheet.webp
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.hashing.hasher import Hasher

SIDE = 112
GAP = 6
COLUMNS = 8


def main() -> None:
    parser = arguments(__doc__, out="the picture to write")
    args = parser.parse_args()
    photos = [load_photo(path) for path in list_photos(args.data, 2 * COLUMNS)]
    hasher = Hasher(device="cpu")
    codes = np.stack([np.frombuffer(hasher.code(photo), np.uint8) for photo in photos])
    sheet = Image.new("RGB", (COLUMNS * (SIDE + GAP) - GAP, 4 * (SIDE + GAP) - GAP), "white")
    for number, (photo, drawn) in enumerate(zip(photos, hasher.reconstruct(codes), strict=True)):
        left, top = number % COLUMNS * (SIDE + GAP), number // COLUMNS * 2 * (SIDE + GAP)
        sheet.paste(photo.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (left, top))
        below = Image.fromarray(drawn).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        sheet.paste(below, (left, top + SIDE + GAP))
    sheet.save(args.out, quality=85, method=6)


if __name__ == "__main__":
    main()
