"""Rate, distortion and time of aecodec and the classic codecs, measured in one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any, TypedDict

from PIL import Image

from aecodec.evaluation import machine, metrics
from aecodec.evaluation.bd_rate import BdRateError, bd_rate
from aecodec.evaluation.classic_codecs import ImageCodec, available
from aecodec.evaluation.files import write_bytes, write_json
from aecodec.evaluation.learned_codec import QUALITIES, LearnedCodec
from aecodec.evaluation.photos import is_kodak, list_photos, load_photo
from aecodec.evaluation.published import published_kodak
from aecodec.evaluation.rd_plot import plot_rd
from aecodec.evaluation.rd_table import rd_markdown
from aecodec.weights import shipped_codecs

Progress = Callable[[int, int, str], None]
REFERENCES = ("JPEG", "AVIF")


class Row(TypedDict):
    """One photo through one codec at one setting."""

    codec: str
    setting: int
    image: str
    bytes: int
    bpp: float
    psnr: float  # dB
    ms_ssim: float  # [0, 1]; nan where the photo is too small
    encode_s: float
    decode_s: float


class Point(TypedDict):
    """Means over the photos at one setting of one codec."""

    setting: int
    bpp: float
    psnr: float
    ms_ssim: float
    encode_s: float
    decode_s: float


Curves = dict[str, list[Point]]


def measure_one(codec: ImageCodec, setting: int, image: Image.Image, name: str) -> Row:
    """One photo, named so, through one codec at one setting."""
    start = perf_counter()
    data = codec.encode(image, setting)
    encoded = perf_counter()
    decoded = codec.decode(data)
    done = perf_counter()
    return {
        "codec": codec.name,
        "setting": setting,
        "image": name,
        "bytes": len(data),
        "bpp": metrics.bits_per_pixel(data, image.size),
        "psnr": metrics.psnr(image, decoded),
        "ms_ssim": metrics.ms_ssim(image, decoded),
        "encode_s": encoded - start,
        "decode_s": done - encoded,
    }


def measure(
    codecs: Sequence[ImageCodec], photos: Sequence[Path], progress: Progress | None = None
) -> list[Row]:
    """Every photo through every codec at every setting, after one pass to warm each up.

    Args:
        codecs: what to measure.
        photos: image files.
        progress: called after each photo with photos done, photos in all and its name.
    """
    first = load_photo(photos[0])
    for codec in codecs:
        codec.decode(codec.encode(first, codec.settings[0]))
    rows: list[Row] = []
    for done, path in enumerate(photos, 1):
        image = load_photo(path)
        for codec in codecs:
            rows += [measure_one(codec, s, image, path.name) for s in codec.settings]
        if progress:
            progress(done, len(photos), path.name)
    return rows


def mean_curves(rows: Sequence[Row]) -> Curves:
    """Means over the photos for each codec and setting, in order of growing rate.

    Published Kodak curves are made this way: mean bpp against mean PSNR, not the
    quality at the rate of the set as a whole.
    """
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["codec"], row["setting"]), []).append(row)
    curves: Curves = {}
    for (codec, setting), group in groups.items():
        curves.setdefault(codec, []).append(_mean_point(setting, group))
    return {name: sorted(points, key=lambda p: p["bpp"]) for name, points in curves.items()}


def _mean_point(setting: int, rows: Sequence[Row]) -> Point:
    return {
        "setting": setting,
        "bpp": sum(row["bpp"] for row in rows) / len(rows),
        "psnr": sum(row["psnr"] for row in rows) / len(rows),
        "ms_ssim": sum(row["ms_ssim"] for row in rows) / len(rows),
        "encode_s": sum(row["encode_s"] for row in rows) / len(rows),
        "decode_s": sum(row["decode_s"] for row in rows) / len(rows),
    }


# A curve as plain numbers: bpp, and quality in dB by metric.
_Plain = tuple[Sequence[float], dict[str, Sequence[float]]]


def _plain(points: Sequence[Point]) -> _Plain:
    # The dB of the mean, not the mean of dB: published curves give mean MS-SSIM only.
    similarity = [metrics.ms_ssim_db(p["ms_ssim"]) for p in points]
    return [p["bpp"] for p in points], {"psnr": [p["psnr"] for p in points], "ms_ssim": similarity}


def _published_plain() -> dict[str, _Plain]:
    plain: dict[str, _Plain] = {}
    for name, curve in published_kodak().items():
        plain[name] = curve.bpp, {"psnr": curve.psnr}
        if curve.ms_ssim:
            plain[name][1]["ms_ssim"] = [metrics.ms_ssim_db(value) for value in curve.ms_ssim]
    return plain


def _bd_rates(curves: dict[str, _Plain], references: dict[str, _Plain]) -> dict[str, Any]:
    """name -> metric -> reference -> percent, or None where there is none."""
    return {
        name: {
            metric: {ref: _bd_rate(references[ref], curve, metric) for ref in references}
            for metric in ("psnr", "ms_ssim")
        }
        for name, curve in curves.items()
    }


def _bd_rate(reference: _Plain, curve: _Plain, metric: str) -> float | None:
    if metric not in curve[1]:
        return None
    try:
        return bd_rate(reference[0], reference[1][metric], curve[0], curve[1][metric])
    except BdRateError:
        return None


def summarise(rows: Sequence[Row], *, kodak: bool) -> dict[str, Any]:
    """Mean curves, and BD-rates in percent against JPEG and AVIF as measured here.

    Args:
        rows: from `measure`.
        kodak: whether these are the Kodak photos, so that published curves compare.

    Returns:
        `curves` (codec -> points), `bd_rate` and `published_bd_rate` (name -> "psnr" or
        "ms_ssim" -> reference -> percent; None where curves cannot be compared).
    """
    curves = mean_curves(rows)
    plain = {name: _plain(points) for name, points in curves.items()}
    references = {name: plain[name] for name in REFERENCES if name in plain}
    published = _published_plain() if kodak else {}
    return {
        "curves": curves,
        "bd_rate": _bd_rates(plain, references),
        "published_bd_rate": _bd_rates(published, references),
    }


def write_rd(result: dict[str, Any], out: Path) -> None:
    """Write rd.json, rd.md, rd_psnr.{png,svg} and rd_ms_ssim.{png,svg} into a folder."""
    write_json(out / "rd.json", result)
    write_bytes(out / "rd.md", rd_markdown(result).encode())
    published = published_kodak() if result["kodak"] else {}
    title = f"{result['data']}, mean of {result['images']} images"
    for metric, suffix in product(("psnr", "ms_ssim"), ("png", "svg")):
        picture = plot_rd(result["curves"], published, title=title, metric=metric, format=suffix)
        write_bytes(out / f"rd_{metric}.{suffix}", picture)


def run_rd(
    data: Path,
    out: Path,
    *,
    device: str = "auto",
    weights: str | None = None,
    qualities: Sequence[int] = QUALITIES,
    effort: str = "default",
    limit: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure aecodec and the classic codecs that work here on a folder of photos.

    Times are wall-clock seconds per photo, encoding from pixels to bytes in memory and
    back, with as many threads as torch and libavif take by themselves; for times that
    compare, see `speed.run_speed`.

    Args:
        data: folder with photos; with the 24 of Kodak, published curves are shown too.
        out: folder for rd.json, rd.md and the plots.
        device: for aecodec, "auto", "cpu" or "cuda".
        weights: of aecodec, as in `aecodec.Codec`; all that ship by default.
        qualities: of aecodec, each in 1..100; four or more give a BD-rate.
        effort: of aecodec's encoder, "fast", "default" or "max".
        limit: measure only the first so many photos.
        progress: called after each photo with photos done, photos in all and its name.

    Returns:
        What rd.json holds: `data`, `images`, `kodak`, `device`, `weights`, `effort`, `machine`,
        `rows` (one `Row` per photo, codec and setting), and all of `summarise`.

    Raises:
        UnsupportedImageError: when the folder holds no photos or an unreadable one.
    """
    photos = list_photos(data, limit)
    names = [weights] if weights else shipped_codecs()
    ours = [
        LearnedCodec(device=device, weights=name, qualities=qualities, effort=effort)
        for name in names
    ]
    codecs = [*ours, *available()]
    kodak = is_kodak(photos)
    rows = measure(codecs, photos, progress)
    result = {
        "data": Path(data).resolve().name,
        "images": len(photos),
        "kodak": kodak,
        "device": device,
        "weights": ", ".join(Path(name).stem for name in names),
        "effort": effort,
        "machine": machine.describe(),
        **summarise(rows, kodak=kodak),
        "rows": rows,
    }
    write_rd(result, out)
    return result
