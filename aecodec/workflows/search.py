"""Images found by content, .aec files among them.

To codec and hashing alike, the other's part of an .aec file is bytes; here they meet.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from aecodec.codec import SUFFIX
from aecodec.codec.container import ChunkType, read_bytes, read_file
from aecodec.errors import AecodecError, UsageError, named
from aecodec.hashing import index
from aecodec.hashing.adding import Progress, Reader, Report, StoredCode
from aecodec.hashing.calibration import DEFAULT_FPR, Calibration, Threshold
from aecodec.hashing.checking import LONGEST, compare_previews, pixel_digest
from aecodec.hashing.duplicates import EQUAL, Match
from aecodec.hashing.hasher import Hasher, hamming
from aecodec.hashing.picture import THUMBNAIL, Preview, preview_of, read_preview
from aecodec.hashing.stored import pack_code, unpack_code
from aecodec.images.reading import open_image
from aecodec.workflows.batch.local import Product, Work

if TYPE_CHECKING:
    from aecodec.codec.codec import Codec

Place = str | os.PathLike[str]
_LOADING = threading.Lock()  # several threads read .aec files; one loads the codec


class ImageIndex(index.ImageIndex):
    """An index of images and .aec files; those are known by the hash in them, without decoding.

    Arguments and methods as of `aecodec.hashing.index.ImageIndex`, which knows no .aec files.
    """

    def __enter__(self) -> ImageIndex:
        return self

    def add(
        self,
        *places: Place,
        workers: int | None = None,
        prune: bool = False,
        readers: Mapping[str, Reader] | None = None,
        progress: Progress = lambda done, total: None,
    ) -> Report:
        readers = {SUFFIX: aec_reader(lambda: self.hasher), **(readers or {})}
        return super().add(
            *places, workers=workers, prune=prune, readers=readers, progress=progress
        )

    def search(
        self, image: Image.Image | Place, k: int | None = 10, radius: int | None = None
    ) -> list[Match]:
        if not isinstance(image, Image.Image) and _is_aec(image):
            return self.search_code(code_of(self.hasher, image), k, radius)
        return super().search(image, k, radius)

    def pictures(self, ids: Sequence[int]) -> dict[int, bytes]:
        """For a gallery: thumbnails of images of these ids, small WebP files, as far as there are.

        Those of .aec files that are known by the hash in them are made now.
        """
        found = self.thumbnails(ids)
        missing = [number for number in ids if number not in found]
        for number, entry in self._database().entries(missing).items():
            if _is_aec(entry.path):
                with suppress(AecodecError, OSError):  # gone since, or damaged
                    found[number] = small_picture(entry.path).thumbnail()
        return found

    @staticmethod
    def _load(path: str) -> Image.Image:
        return _picture(path)


def _picture(path: Place) -> Image.Image:
    """The picture of an image file or an .aec file."""
    return _codec().decompress(Path(path).read_bytes()) if _is_aec(path) else open_image(path)


def _codec() -> Codec:
    from aecodec.codec.codec import default_codec

    with _LOADING:
        return default_codec()


def small_picture(path: Place) -> Preview:
    """An image file or an .aec file, for galleries; not for hashes.

    A large .aec file is made of its latents alone. The code of such a picture is farther from the
    original's than recompression brings it (`docs/lab/hashing.md`).
    """
    if not _is_aec(path):
        return read_preview(path)
    from aecodec.codec.preview import scale_for

    data = read_bytes(Path(path))
    header, _ = read_file(data)
    scale = scale_for(max(header.width, header.height), THUMBNAIL)
    codec = _codec()
    small = preview_of(codec.decompress(data) if scale == 1 else codec.preview(data, scale))
    return Preview(header.width, header.height, small.image)


def _is_aec(path: Place) -> bool:
    return Path(path).suffix.lower() == SUFFIX


# ---- hashes in .aec files --------------------------------------------------------------


def hash_writer(device: str) -> Callable[[Image.Image], bytes]:
    """What `compress` stores of an image, so that its file is indexed without being decoded."""
    hasher = Hasher(device=device)
    return lambda image: pack_code(hasher.fingerprint, hasher.code(image))


def aec_reader(hasher: Callable[[], Hasher]) -> Reader:
    """How to index an .aec file: by the hash in it, or else by decoding it."""

    def read(path: Path) -> Preview | StoredCode:
        data = read_bytes(path)
        header, chunks = read_file(data)
        model = hasher()
        for chunk in chunks:
            if chunk.type == ChunkType.HASH:
                code = unpack_code(chunk.payload, model.fingerprint, model.lengths[-1])
                if code is not None:
                    return StoredCode(header.width, header.height, code)
        return preview_of(_codec().decompress(data))

    return read


def code_of(hasher: Hasher, image: Image.Image | Place) -> bytes:
    """The longest code of an image, an image file or an .aec file."""
    if isinstance(image, Image.Image):
        return hasher.code(image)
    read = aec_reader(lambda: hasher) if _is_aec(image) else read_preview
    small = read(Path(image))
    if isinstance(small, StoredCode):
        return small.code
    return hasher.codes([small.to_square(hasher.side)]).tobytes()


def load_hasher(
    weights: str | Path | None = None, bits: int | None = None, device: str = "auto"
) -> Hasher:
    """A hash model that has codes of so many bits.

    Raises:
        AecodecError: there is none of that name, or it has no such codes.
    """
    hasher = Hasher(str(weights), device) if weights else Hasher(device=device)
    hasher.check_bits(bits)
    return hasher


def hashing(weights: str | Path | None, bits: int, device: str = "auto") -> Work:
    """What hashes one file: no data, and the code in hexadecimal."""
    hasher = load_hasher(weights, bits, device)

    def work(source: Path) -> Product:
        code = code_of(hasher, source)[: bits // 8].hex()
        return Product(b"", {"hash": code}, code)

    return work


# ---- the same or not -------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Whether two images are the same but for an alteration.

    Attributes:
        same: one explains the other, and their distance is at most `max_distance`, if that is
            given.
        reason: what was done to the first to have the second, or what speaks against it.
        distance: bits of their codes that differ.
        bits: length of the codes.
        max_distance: of images that count as the same; None: any.
        threshold: what is known of `max_distance`, in words; nothing without one.
    """

    same: bool
    reason: str
    distance: int
    bits: int
    max_distance: int | None
    threshold: str


def compare(
    a: Image.Image | Place,
    b: Image.Image | Place,
    *,
    weights: str | None = None,
    bits: int | None = None,
    max_distance: int | None = None,
    fpr: float | None = None,
    device: str = "auto",
) -> Comparison:
    """Tell whether two images are the same but for an alteration, by looking at both.

    Args:
        a, b: Pillow images, image files or .aec files.
        weights: of the hash model: the name of shipped ones, or a file.
        bits: length of the codes; None: the model's longest.
        max_distance: bits of the codes that may differ; None: any, or as many as `fpr` says.
        fpr: so often may two different photos have codes that near; None: any.
        device: "auto", "cpu" or "cuda".

    Raises:
        UsageError: both `max_distance` and `fpr` are given.
        AecodecError, OSError: an image or the model cannot be read, or no distance is that rare.
    """
    hasher = load_hasher(weights, bits, device)
    length = bits or hasher.lengths[-1]

    def calibration() -> Calibration:
        if hasher.calibration is None:
            raise AecodecError("this model was not calibrated; give --max-distance")
        return hasher.calibration

    limit, words = None, ""
    if max_distance is not None or fpr is not None:
        limit, words = largest_distance(calibration, length, max_distance, fpr)
    codes, previews, digests = [], [], []
    for image in (a, b):
        try:
            whole = image if isinstance(image, Image.Image) else _picture(image)
            codes.append(code_of(hasher, image)[: length // 8])
            previews.append(preview_of(whole, LONGEST))
            digests.append(pixel_digest(whole))
        except AecodecError as error:
            if isinstance(image, Image.Image):
                raise
            raise type(error)(named(image, str(error))) from None
    distance = hamming(*codes)
    if digests[0] == digests[1]:
        same, reason = True, EQUAL
    else:
        same, reason = compare_previews(previews[0], previews[1], lambda: False)
    if same and limit is not None and distance > limit:
        same, reason = False, f"{reason}, but their codes are too far apart"
    return Comparison(same, reason, distance, length, limit, words)


def largest_distance(
    calibration: Callable[[], Calibration], bits: int, max_distance: int | None, fpr: float | None
) -> tuple[int, str]:
    """Bits that may differ, and what is known of that, in words.

    Args:
        calibration: gives that of the model, or raises AecodecError.
        bits: length of the codes.
        max_distance, fpr: as of `compare`.

    Raises:
        UsageError: both are given.
        AecodecError: no distance is that rare among different photos, or it is not known.
    """
    if max_distance is not None and fpr is not None:
        raise UsageError("--max-distance and --fpr exclude each other; give one of them")
    if max_distance is not None:
        try:
            return max_distance, _words(calibration().at(bits, max_distance), bits)
        except AecodecError:  # not calibrated, but the distance is given
            return max_distance, f"at most {max_distance} of {bits} bits differ"
    fpr = DEFAULT_FPR if fpr is None else fpr
    threshold = calibration().threshold(bits, fpr)
    if threshold.distance < 0:
        raise AecodecError(
            f"no distance of {bits} bits is as rare as {fpr:g} among different photos;"
            " give a larger --fpr, or --max-distance"
        )
    return threshold.distance, _words(threshold, bits)


def _words(threshold: Threshold, bits: int) -> str:
    return (
        f"at most {threshold.distance} of {bits} bits differ, as measured for {threshold.fpr:.2g}"
        f" of {threshold.pairs:,} pairs of different photos and {threshold.tpr:.1%} of altered"
        " copies"
    )
