"""Crops of held-out photos by aecodec, AVIF and JPEG XL at the same bytes, for the eye.

    python -m benchmarks.studies.eye --data train_photos --out eye

Writes a sheet for each rate: EYE-0.15.webp and so on. Each row is a photo: what it was, then each
codec with its SSIMULACRA 2. The photos are those that are held out of training.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from aecodec.codec.codec import Codec
from aecodec.codec.rate_control import compress_to_target
from aecodec.evaluation.classic_codecs import Avif, ImageCodec, JpegXl
from aecodec.evaluation.metrics import ssimulacra2
from aecodec.evaluation.results import write_bytes
from aecodec.images import find_photos
from aecodec.training.data import centre_crops, load_photos, split_photos

RATES = (0.15, 0.35, 0.8)  # bits per pixel
SIDE = 512  # of what is coded
WINDOW = (300, 200)  # of what is shown, from its middle
LINE = 18


def nearest(codec: ImageCodec, image: Image.Image, size: float) -> bytes:
    """The file of a classic codec that is nearest to so many bytes, in the ratio of the two."""
    low, high = 1, 100
    files: dict[int, bytes] = {}
    while low <= high:
        middle = (low + high) // 2
        files[middle] = codec.encode(image, middle)
        if len(files[middle]) < size:
            low = middle + 1
        else:
            high = middle - 1
    return min(files.values(), key=lambda data: max(len(data) / size, size / len(data)))


def row(
    codec: Codec, rivals: Sequence[ImageCodec], image: Image.Image, rate: float
) -> list[tuple[str, Image.Image]]:
    """Captions and pictures of one photo at a rate."""
    ours = compress_to_target(codec, image, bpp=rate)
    cells = [("original", image)]
    decoded = [("aecodec", ours, codec.decompress(ours))]
    for rival in rivals:
        data = nearest(rival, image, len(ours))
        decoded.append((rival.name, data, rival.decode(data)))
    for name, data, picture in decoded:
        score = ssimulacra2(image, picture)
        cells.append((f"{name}: {len(data):,} bytes, {score:.1f}", picture))
    return cells


def sheet(rows: list[list[tuple[str, Image.Image]]]) -> Image.Image:
    width, height = WINDOW
    page = Image.new("RGB", (4 * width, len(rows) * (height + LINE)), "white")
    pen = ImageDraw.Draw(page)
    for y, cells in enumerate(rows):
        for x, (caption, picture) in enumerate(cells):
            left, top = (picture.width - width) // 2, (picture.height - height) // 2
            place = (x * width, y * (height + LINE))
            page.paste(picture.crop((left, top, left + width, top + height)), place)
            pen.text((place[0] + 4, place[1] + height + 2), caption, fill="black")
    return page


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True, help="the sheets' name, without suffix")
    parser.add_argument("--weights", help="a name or a file; by default those that ship")
    parser.add_argument("--number", type=int, default=10, help="of photos")
    args = parser.parse_args()
    codec, rivals = Codec("cpu", args.weights), (Avif(), JpegXl())
    if missing := [rival.name for rival in rivals if not rival.works()]:
        parser.error(f"{' and '.join(missing)} cannot be written here; install the extra codecs")
    held_out = split_photos(find_photos(args.data), 20)[1][: args.number]
    images = [
        Image.fromarray(crop[0].permute(1, 2, 0).numpy())
        for crop in centre_crops(load_photos(held_out, least=64), SIDE)
    ]
    for rate in RATES:
        buffer = BytesIO()
        sheet([row(codec, rivals, image, rate) for image in images]).save(
            buffer, "WEBP", quality=92
        )
        write_bytes(args.out.with_name(f"{args.out.name}-{rate}.webp"), buffer.getvalue())


if __name__ == "__main__":
    main()
