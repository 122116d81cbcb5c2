"""Rate, distortion and time of aecodec and the classic codecs, measured in one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

from PIL import Image

from aecodec.evaluation import metrics
from aecodec.evaluation.bd_rate import BdRateError, bd_rate, shared_range
from aecodec.evaluation.classic_codecs import ImageCodec, available
from aecodec.evaluation.learned_codec import QUALITIES, LearnedCodec
from aecodec.evaluation.metrics import METRICS
from aecodec.evaluation.photos import is_kodak, list_photos, load_photo
from aecodec.evaluation.rd.plot import plot_rd
from aecodec.evaluation.rd.published import published_kodak
from aecodec.evaluation.rd.table import VERSIONS, rd_markdown
from aecodec.evaluation.results import Result, write_bytes, write_result
from aecodec.weights import shipped_codecs

Progress = Callable[[int, int, str], None]
REFERENCES = ("JPEG", "AVIF", "AVIF, PSNR", "JPEG XL")

Row: TypeAlias = dict[str, Any]
"""One photo through one codec at one setting: codec, setting, image, bytes, bpp, encode_s,
decode_s, and the values of METRICS by their keys; nan where the photo is too small for one."""

Point: TypeAlias = dict[str, Any]
"""Means over the photos at one setting: setting, bpp, encode_s, decode_s, values of METRICS."""

Curves: TypeAlias = dict[str, list[Point]]


def measure_one(
    codec: ImageCodec,
    setting: int,
    image: Image.Image,
    name: str,
    keys: Collection[str] = tuple(METRICS),
) -> Row:
    """One photo, named so, through one codec at one setting, by the METRICS of these keys."""
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
        **{key: METRICS[key].measure(image, decoded) for key in keys},
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
    keys = [key for key in ("bpp", *METRICS, "encode_s", "decode_s") if key in rows[0]]
    return {"setting": setting, **{k: sum(row[k] for row in rows) / len(rows) for k in keys}}


# A curve as plain numbers: bpp, and quality by metric, on the metric's scale.
_Plain: TypeAlias = tuple[Sequence[float], dict[str, Sequence[float]]]


def _plain(points: Sequence[Point]) -> _Plain:
    # The dB of the mean, not the mean of dB: published curves give mean MS-SSIM only.
    quality: dict[str, Sequence[float]] = {
        key: [metric.scale(p[key]) for p in points] for key, metric in METRICS.items()
    }
    return [p["bpp"] for p in points], quality


def _published_plain() -> dict[str, _Plain]:
    plain: dict[str, _Plain] = {}
    for name, curve in published_kodak().items():
        plain[name] = curve.bpp, {"psnr": curve.psnr}
        if curve.ms_ssim:
            plain[name][1]["ms_ssim"] = [metrics.ms_ssim_db(value) for value in curve.ms_ssim]
    return plain


def _compared(
    curves: dict[str, _Plain],
    references: dict[str, _Plain],
    compare: Callable[[_Plain, _Plain, str], Any],
) -> dict[str, Any]:
    """name -> metric -> reference -> what they compare to, or None where that cannot be."""

    def one(reference: _Plain, curve: _Plain, metric: str) -> Any:
        try:
            return compare(reference, curve, metric) if metric in curve[1] else None
        except BdRateError:
            return None

    return {
        name: {m: {ref: one(references[ref], curve, m) for ref in references} for m in METRICS}
        for name, curve in curves.items()
    }


def _bd_rate(reference: _Plain, curve: _Plain, metric: str) -> float:
    """In percent."""
    least = METRICS[metric].least
    return bd_rate(reference[0], reference[1][metric], curve[0], curve[1][metric], least)


def _bd_range(reference: _Plain, curve: _Plain, metric: str) -> list[float]:
    """[lowest, highest], of what a BD-rate is the mean over."""
    return list(shared_range(reference[1][metric], curve[1][metric], METRICS[metric].least))


def summarise(rows: Sequence[Row], *, kodak: bool) -> dict[str, Any]:
    """Mean curves, and BD-rates in percent against REFERENCES as measured here.

    Args:
        rows: from `measure`.
        kodak: whether these are the Kodak photos, so that published curves compare.

    Returns:
        `curves` (codec -> points), `bd_rate` and `published_bd_rate` (name -> metric ->
        reference -> percent; None where curves cannot be compared), `bd_range` (the
        same of the measured ones, -> [lowest, highest], on the metric's scale).
    """
    curves = mean_curves(rows)
    plain = {name: _plain(points) for name, points in curves.items()}
    references = {name: plain[name] for name in REFERENCES if name in plain}
    published = _published_plain() if kodak else {}
    return {
        "curves": curves,
        "bd_rate": _compared(plain, references, _bd_rate),
        "bd_range": _compared(plain, references, _bd_range),
        "published_bd_rate": _compared(published, references, _bd_rate),
    }


def write_rd(figures: dict[str, Any], out: Path) -> Result:
    """Write rd.json, rd.md and for each metric rd_METRIC.png and .svg into a folder."""
    tables = rd_markdown(figures)
    result = write_result(out / "rd.json", figures, tables, versions=VERSIONS)
    published = published_kodak() if figures["kodak"] else {}
    title = f"{figures['data']}, mean of {figures['images']} images"
    for metric, suffix in product(METRICS, ("png", "svg")):
        picture = plot_rd(figures["curves"], published, title=title, metric=metric, format=suffix)
        write_bytes(out / f"rd_{metric}.{suffix}", picture)
    return result


def _tell_apart(codecs: Sequence[LearnedCodec], names: Sequence[str]) -> None:
    """Put weights' names behind those of codecs that would share a curve."""
    counts = Counter(codec.name for codec in codecs)
    for codec, name in zip(codecs, names, strict=True):
        if counts[codec.name] > 1:
            codec.name += f", {Path(name).stem}"


def run_rd(
    data: Path,
    out: Path,
    *,
    device: str = "auto",
    weights: str | None = None,
    qualities: Sequence[int] = QUALITIES,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Measure aecodec and the classic codecs that work here on a folder of photos.

    Times are wall-clock seconds per photo, encoding from pixels to bytes in memory and
    back, with as many threads as torch and libavif take by themselves; for times that
    compare, see `aecodec.evaluation.speed`.

    Args:
        data: folder with photos; with the 24 of Kodak, published curves are shown too.
        out: folder for rd.json, rd.md and the plots.
        device: for aecodec, "auto", "cpu" or "cuda".
        weights: of aecodec, as in `aecodec.Codec`; all that ship by default.
        qualities: of aecodec, each in 1..100; four or more give a BD-rate.
        limit: measure only the first so many photos.
        progress: called after each photo with photos done, photos in all and its name.

    Returns:
        What rd.json holds. Its figures: `data`, `images`, `kodak`, `device`, `weights` (of
        aecodec, name -> codec in the tables), `rows` (one `Row` per photo, codec and setting),
        and all of `summarise`.

    Raises:
        UnsupportedImageError: when the folder holds no photos or an unreadable one.
    """
    photos = list_photos(data, limit)
    names = [weights] if weights else shipped_codecs()
    ours = [LearnedCodec(device=device, weights=name, qualities=qualities) for name in names]
    _tell_apart(ours, names)
    kodak = is_kodak(photos)
    rows = measure([*ours, *available()], photos, progress)
    figures = {
        "data": Path(data).resolve().name,
        "images": len(photos),
        "kodak": kodak,
        "device": device,
        "weights": {Path(n).stem: codec.name for n, codec in zip(names, ours, strict=True)},
        **summarise(rows, kodak=kodak),
        "rows": rows,
    }
    return write_rd(figures, out)
