"""Compress a photo that ships with scikit-image, compare with JPEG and AVIF at the same bytes.

python benchmarks/demo.py --out demo
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photo", default="coffee", help="astronaut, chelsea or coffee")
    parser.add_argument("--bpp", type=float, default=0.25, help="of aecodec, at most")
    parser.add_argument("--out", type=Path, default=Path("demo"))
    arguments = parser.parse_args()

    import skimage.data
    from rich.console import Console
    from rich.table import Table

    import aecodec
    from aecodec.codec.rate_control import compress_to_target
    from aecodec.evaluation.classic_codecs import Avif, Jpeg
    from aecodec.evaluation.equal_bytes import Version, at_equal_bytes, table_rows
    from aecodec.evaluation.side_by_side import caption, side_by_side

    arguments.out.mkdir(parents=True, exist_ok=True)
    original = Image.fromarray(getattr(skimage.data, arguments.photo)())
    png = arguments.out / f"{arguments.photo}.png"
    original.save(png)
    data = compress_to_target(aecodec.Codec(), original, bpp=arguments.bpp)
    (arguments.out / f"{arguments.photo}.aec").write_bytes(data)
    decoded = aecodec.decompress(data)
    decoded.save(arguments.out / f"{arguments.photo}.aec.png")

    versions = at_equal_bytes(original, len(data), (Jpeg(), Avif()))
    versions["aecodec"] = Version(data, decoded)
    table = Table(title=f"{arguments.photo}, {original.width}x{original.height}")
    for column in ("", "bytes", "bpp", "PSNR (dB)", "SSIMULACRA 2"):
        table.add_column(column, justify="right")
    for row in table_rows(original, versions, ("psnr", "ssimulacra2")):
        table.add_row(*row)
    Console().print(table)
    captions = [(f"original: {png.stat().st_size:,} bytes as PNG", "24 bpp uncompressed")]
    captions += [caption(name, v.data, original, v.image) for name, v in versions.items()]
    picture = side_by_side(original, [v.image for v in versions.values()], captions)
    target = arguments.out / "side_by_side.png"
    picture.save(target, optimize=True)
    print(f"wrote {target}")


if __name__ == "__main__":
    main()
