"""Data sets as rows of numbers: folders of images, .npy, .npz, .csv and .parquet."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecodec.errors import AecodecError, warn_caller

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image

SUFFIXES = (".npy", ".npz", ".csv", ".parquet")
Shape = tuple[int, int, int]
_AROUND = ' \t"'  # what may be around names and numbers
_INDEX = ("", "Unnamed: 0", "__index_level_0__")  # what pandas' index is called in files


@dataclass(frozen=True)
class Data:
    """A data set.

    Attributes:
        rows: (samples, features), float32 or float64; images are in [0, 1].
        names: of the samples: files below the folder, or row numbers from 0.
        image_shape: (height, width, channels) if the rows are images.
        columns: names of the features, where a table has them.
    """

    rows: npt.NDArray[Any]
    names: list[str]
    image_shape: Shape | None
    columns: list[str] | None = None


def read(
    path: Path,
    image_shape: Shape | None = None,
    size: tuple[int, int] | None = None,
    at_most: int | None = None,
    advice: str = "bring them to one size first",
) -> Data:
    """Read a data set.

    Arrays of unsigned bytes are divided by 255. Arrays of three or four dimensions are
    images, (samples, height, width) or (samples, height, width, channels).

    Args:
        path: folder of images, or file.
        image_shape: what images are brought to, because a model needs it.
        size: (height, width) that images are brought to; None wants them all of one size.
        at_most: only the first so many samples.
        advice: what to do about images of several sizes.

    Raises:
        AecodecError: not such data, or an image cannot be read.
        OSError: it cannot be read at all.
    """
    if not path.exists():
        raise AecodecError(f"{path}: no such file or folder")
    if path.is_dir():
        return _read_folder(path, image_shape, size, at_most, advice)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise AecodecError(f"{path}: not a folder of images nor one of {', '.join(SUFFIXES)}")
    columns: list[str] | None = None
    if suffix in (".npy", ".npz"):
        array = _read_numpy(path)
    else:
        array, columns = _read_table(path, suffix)
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
    return Data(rows, [str(number) for number in range(len(rows))], shape, columns)


def read_labels(path: Path, count: int) -> list[str]:
    """The classes of so many samples, one a line.

    Raises:
        AecodecError: it is no text, or has not so many lines.
        OSError: it cannot be read at all.
    """
    try:
        labels = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise AecodecError(f"{path}: not text in UTF-8, with a class a line") from None
    if len(labels) != count:
        raise AecodecError(f"{path}: {len(labels)} lines for {count} samples")
    return labels


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


def _read_table(path: Path, suffix: str) -> tuple[Any, list[str] | None]:
    """Rows, and the names of the columns, if the table has any."""
    import polars as pl

    content = path.read_bytes()
    named = True
    try:
        if suffix == ".csv":
            # All rows tell the types: a column may turn fractional late.
            separator = _separator(content)
            named = _has_header(content, separator)
            decimal_comma = separator == ";" and _has_decimal_commas(content)
            frame = pl.read_csv(
                content,
                has_header=named,
                separator=separator,
                decimal_comma=decimal_comma,
                infer_schema_length=None,
            )
            frame = _without_spaces(frame, decimal_comma)
        else:
            frame = pl.read_parquet(content)
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise AecodecError(f"{path}: not a readable table ({reason})") from None
    if frame.is_empty():
        raise AecodecError(f"{path}: no rows")
    if (name := _index_column(frame)) is not None:
        warn_caller("the first column has no name: it is taken for pandas' index, and left out")
        frame = frame.drop(name)
    for name, dtype in frame.schema.items():
        if not dtype.is_numeric():
            raise AecodecError(f"{path}: column {name!r} is not numeric; leave it out")
    numbers = frame.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return numbers, (frame.columns if named else None)


def _without_spaces(frame: Any, decimal_comma: bool) -> Any:
    """Of a .csv file: spaces beside separators are no part of names and numbers."""
    import polars as pl

    frame = frame.rename({name: name.strip(_AROUND) for name in frame.columns})
    for name, dtype in frame.schema.items():
        if dtype == pl.String:
            texts = frame[name].str.strip_chars(_AROUND)
            texts = texts.str.replace(",", ".", literal=True) if decimal_comma else texts
            numbers = texts.cast(pl.Float64, strict=False)
            if numbers.null_count() == (texts.is_null() | (texts == "")).sum():
                frame = frame.with_columns(numbers.alias(name))
    return frame


def _index_column(frame: Any) -> str | None:
    """The first column, if it is the index that pandas writes: alone without a name."""
    names: list[str] = frame.columns
    return names[0] if len(names) > 1 and names[0] in _INDEX else None


def _separator(content: bytes) -> str:
    """Of a .csv file: a semicolon, tab or bar, if its first line has any outside of quotes.

    Commas may be in numbers then.
    """
    first = re.sub(rb'"[^"]*"', b"", content.partition(b"\n")[0])
    return next((mark for mark in (";", "\t", "|") if mark.encode() in first), ",")


def _has_decimal_commas(content: bytes) -> bool:
    return re.search(rb"[0-9],[0-9]", content) is not None


def _has_header(content: bytes, separator: str) -> bool:
    """Whether the first line of a .csv file has names, rather than numbers as all others."""
    import polars as pl

    first = pl.read_csv(
        content, has_header=False, separator=separator, n_rows=1, infer_schema_length=0
    ).row(0)
    if separator == ";" and _has_decimal_commas(content):
        first = tuple(text.replace(",", ".") if text else text for text in first)
    numbers = pl.Series(first, dtype=pl.String).str.strip_chars().cast(pl.Float64, strict=False)
    # pandas names columns 0, 1, 2, ... when they have no names.
    counted = len(first) > 2 and first == tuple(map(str, range(len(first))))
    return counted or numbers.has_nulls()


def _read_folder(
    folder: Path,
    shape: Shape | None,
    size: tuple[int, int] | None,
    at_most: int | None,
    advice: str,
) -> Data:
    import numpy as np
    from PIL import Image

    from aecodec.images import find_photos, open_pixels, to_8_bits

    if shape and shape[2] not in (1, 3):
        raise AecodecError(
            f"{folder}: the model is for images of {shape[2]} channels (the last of their"
            " dimensions), and those of a folder have 1 or 3"
        )
    size = shape[:2] if shape else size
    files = sorted(find_photos([folder]))[:at_most]
    pictures: list[Image.Image] = []  # each in its final size: photos would not fit into memory
    for file in files:
        picture = to_8_bits(open_pixels(file))
        if shape:
            picture = picture.convert("RGB" if shape[2] == 3 else "L")
        height, width = size or (pictures[0] if pictures else picture).size[::-1]
        if picture.size != (width, height) and not size:
            raise AecodecError(
                f"{file} is {picture.width}x{picture.height}, not {width}x{height}; {advice}"
            )
        if picture.size != (width, height):
            picture = picture.resize((width, height), Image.Resampling.LANCZOS)
        pictures.append(picture)
    colours = any(picture.mode == "RGB" for picture in pictures)
    rows = np.empty((len(files), width * height * (3 if colours else 1)), dtype=np.float32)
    for row, picture in zip(rows, pictures, strict=True):
        row[:] = np.asarray(picture.convert("RGB" if colours else "L")).ravel()
    rows /= 255
    return Data(rows, relative_names(files, folder), (height, width, 3 if colours else 1))


def relative_names(files: Sequence[Path], folder: Path) -> list[str]:
    """How files below a folder are called in results."""
    return [str(file.relative_to(folder)) for file in files]


def _about(array: Any) -> str:
    return f"{array.dtype} of shape {array.shape}"
