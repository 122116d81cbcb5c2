"""Data sets as rows of numbers: folders of images, .npy, .npz, .csv and .parquet."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecodec.errors import AecodecError

from .files import walk

if TYPE_CHECKING:
    import numpy.typing as npt

SUFFIXES = (".npy", ".npz", ".csv", ".parquet")
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Data:
    """A data set.

    Attributes:
        rows: (samples, features), float32 or float64; images are in [0, 1].
        names: of the samples: files below the folder, or row numbers from 0.
        image_shape: (height, width, channels) if the rows are images.
    """

    rows: npt.NDArray[Any]
    names: list[str]
    image_shape: Shape | None


def read(
    path: Path,
    image_shape: Shape | None = None,
    size: tuple[int, int] | None = None,
    at_most: int | None = None,
) -> Data:
    """Read a data set.

    Arrays of unsigned bytes are divided by 255. Arrays of three or four dimensions are
    images, (samples, height, width) or (samples, height, width, channels).

    Args:
        path: folder of images, or file.
        image_shape: what images are brought to, because a model needs it.
        size: (height, width) that images are brought to; None wants them all of one size.
        at_most: only the first so many samples.

    Raises:
        AecodecError: not such data, or an image cannot be read.
        OSError: it cannot be read at all.
    """
    if path.is_dir():
        return _read_folder(path, image_shape, size, at_most)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise AecodecError(f"{path}: not a folder of images nor one of {', '.join(SUFFIXES)}")
    array = _read_numpy(path) if suffix in (".npy", ".npz") else _read_table(path, suffix)
    if array.dtype.kind not in "biuf" or array.ndim < 2 or array.size == 0:
        raise AecodecError(f"{path}: need two or more dimensions of numbers, not {_about(array)}")
    shape = None
    if array.ndim in (3, 4):
        height, width, channels = (*array.shape[1:], 1)[:3]
        shape = (height, width, channels)
    rows = array.reshape(len(array), -1)[:at_most]
    if array.dtype == "uint8":
        rows = rows.astype("float32") / 255
    elif array.dtype.kind != "f":
        rows = rows.astype("float64")
    return Data(rows, [str(number) for number in range(len(rows))], shape)


def to_bytes(rows: Any, suffix: str, columns: Sequence[str]) -> bytes:
    """A file of rows (samples, columns) in the format of a suffix from `SUFFIXES`."""
    import numpy as np

    buffer = io.BytesIO()
    if suffix == ".npy":
        np.save(buffer, rows)
    elif suffix == ".npz":
        np.savez_compressed(buffer, rows)
    else:
        import polars as pl

        frame = pl.DataFrame(rows, schema=list(columns))
        (frame.write_csv if suffix == ".csv" else frame.write_parquet)(buffer)
    return buffer.getvalue()


def _read_numpy(path: Path) -> Any:
    import zipfile

    import numpy as np

    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            if len(loaded.files) != 1:
                names = ", ".join(loaded.files) or "none"
                raise AecodecError(f"{path}: need exactly one array in it, not {names}")
            return loaded[loaded.files[0]]
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).partition("\n")[0]
        raise AecodecError(f"{path}: not a readable NumPy file ({reason})") from None


def _read_table(path: Path, suffix: str) -> Any:
    import polars as pl

    content = io.BytesIO(path.read_bytes())
    try:
        frame = pl.read_csv(content) if suffix == ".csv" else pl.read_parquet(content)
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise AecodecError(f"{path}: not a readable table ({reason})") from None
    for name, dtype in frame.schema.items():
        if not dtype.is_numeric():
            raise AecodecError(f"{path}: column {name!r} is not numeric; leave it out")
    return frame.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _read_folder(
    folder: Path, shape: Shape | None, size: tuple[int, int] | None, at_most: int | None
) -> Data:
    import numpy as np
    from PIL import Image

    from aecodec.images import IMAGE_SUFFIXES, open_image, take_apart

    def fail(error: OSError) -> None:
        raise error

    files = walk(folder, IMAGE_SUFFIXES, fail)[:at_most]
    if not files:
        raise AecodecError(f"{folder}: no images in this folder")
    pictures = [take_apart(open_image(file)).pixels for file in files]
    resize = size is not None or shape is not None  # a model's shape is for all its images
    if shape is None:
        height, width = size or pictures[0].size[::-1]
        shape = (height, width, 3 if any(p.mode == "RGB" for p in pictures) else 1)
    rows = np.empty((len(files), shape[0] * shape[1] * shape[2]), dtype=np.float32)
    for number, (file, picture) in enumerate(zip(files, pictures, strict=True)):
        if picture.size != (shape[1], shape[0]) and not resize:
            raise AecodecError(
                f"{file} is {picture.width}x{picture.height}, not {shape[1]}x{shape[0]};"
                " use --size to bring all to one size"
            )
        if picture.mode.startswith("I"):  # 16 bits to 8
            picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
        picture = picture.convert("RGB" if shape[2] == 3 else "L")
        if picture.size != (shape[1], shape[0]):
            picture = picture.resize((shape[1], shape[0]), Image.Resampling.LANCZOS)
        rows[number] = np.asarray(picture, dtype=np.float32).ravel() / 255
    return Data(rows, [str(file.relative_to(folder)) for file in files], shape)


def _about(array: Any) -> str:
    return f"{array.dtype} of shape {array.shape}"
