"""Compress a photo that ships with scikit-image, compare with JPEG at the same bytes, draw both.

python benchmarks/demo.py --out demo
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photo", default="coffee", help="astronaut, chelsea or coffee")
    parser.add_argument("--quality", type=int, default=28)
    parser.add_argument("--out", type=Path, default=Path("demo"))
    arguments = parser.parse_args()

    import skimage.data
    from rich.console import Console
    from rich.table import Table

    import aecodec
    from aecodec.evaluation.classic_codecs import Jpeg, file_of_size
    from aecodec.evaluation.metrics import bits_per_pixel, ms_ssim, psnr
    from aecodec.evaluation.side_by_side import caption, side_by_side

    arguments.out.mkdir(parents=True, exist_ok=True)
    original = Image.fromarray(getattr(skimage.data, arguments.photo)())
    original.save(arguments.out / f"{arguments.photo}.png")
    data = aecodec.compress(original, arguments.quality)
    (arguments.out / f"{arguments.photo}.aec").write_bytes(data)
    decoded = aecodec.decompress(data)
    decoded.save(arguments.out / f"{arguments.photo}.aec.png")
    jpeg = file_of_size(Jpeg(), original, len(data))
    jpeg_decoded = Jpeg().decode(jpeg)

    table = Table(title=f"{arguments.photo}, {original.width}x{original.height}")
    for column in ("", "bytes", "bpp", "PSNR (dB)", "MS-SSIM"):
        table.add_column(column, justify="right")
    for name, blob, image in (("aecodec", data, decoded), ("JPEG", jpeg, jpeg_decoded)):
        table.add_row(
            name,
            f"{len(blob):,}",
            f"{bits_per_pixel(blob, original.size):.3f}",
            f"{psnr(original, image):.2f}",
            f"{ms_ssim(original, image):.4f}",
        )
    Console().print(table)
    name = f"original: {(arguments.out / f'{arguments.photo}.png').stat().st_size:,} bytes as PNG"
    picture = side_by_side(
        original,
        jpeg_decoded,
        decoded,
        [
            (name, "24 bpp uncompressed"),
            caption("JPEG", jpeg, original, jpeg_decoded),
            caption("aecodec", data, original, decoded),
        ],
    )
    target = arguments.out / "side_by_side.png"
    picture.save(target, optimize=True)
    print(f"wrote {target}")


if __name__ == "__main__":
    main()
