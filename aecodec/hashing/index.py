"""An index of image files by their binary codes: SQLite for the truth, FAISS for speed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from aecodec.errors import AecodecError, WeightsMismatchError, warn_caller
from aecodec.hashing import duplicates
from aecodec.hashing.adding import File, Progress, Reader, Report, record, take_in
from aecodec.hashing.backends import connect
from aecodec.hashing.backends.base import Backend, CodeIndex, load_current
from aecodec.hashing.calibration import Calibration
from aecodec.hashing.checking import find_groups
from aecodec.hashing.choosing import choose
from aecodec.hashing.database import Database, State
from aecodec.hashing.duplicates import Duplicates, Match
from aecodec.hashing.picture import preview_of, read_preview
from aecodec.hashing.query import SHORTLIST, check_range, in_order, near, query_views
from aecodec.images import IMAGE_SUFFIXES
from aecodec.images.reading import open_image
from aecodec.storage.folders import find_files

if TYPE_CHECKING:
    from aecodec.hashing.hasher import Hasher

Place = str | os.PathLike[str]


def default_path() -> Path:
    """The user's own index file."""
    import platformdirs

    return platformdirs.user_data_path("aecodec") / "index.sqlite3"


class ImageIndex:
    """An index of images. Use it as a context manager, or `close` it.

    Beside the SQLite file lies a cache, named like it with ".faiss" added, which may be
    deleted at any time. Several processes may use one index at once.

    Args:
        path: of the SQLite file, made by `add` if it is not there; None: `default_path()`.
        model: "hash-photo", "hash-cifar10" or a weight file; None: the one of the index, or
            "hash-photo".
        bits: code length that `add` gives a new index, or changes an old one to, which it may at
            any time, since longer codes begin with the shorter ones; None: that of the index, or
            the model's longest.
        device: "auto", "cpu" or "cuda", where the model runs.
        backend: where codes are searched, "postgresql://..." or "milvus://..."; None: by FAISS in a
            file.
    """

    def __init__(
        self,
        path: Place | None = None,
        *,
        model: str | None = None,
        bits: int | None = None,
        device: str = "auto",
        backend: str | None = None,
    ) -> None:
        self.path = Path(path) if path is not None else default_path()
        if not self.path.name:
            raise AecodecError(f"{self.path} is a folder; --index takes the name of a file")
        self.cache_path = self.path.with_name(self.path.name + ".faiss")
        self._model, self._bits, self._device = model, bits, device
        self._opened: Database | None = None
        self._loaded: Hasher | None = None
        self._url = backend
        self._backend: Backend | None = None

    def __enter__(self) -> ImageIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the SQLite file, and the connection to the backend."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        if self._backend is not None:
            self._backend.close()
            self._backend = None

    def __len__(self) -> int:
        return self._database().state().count

    # ---- opening -------------------------------------------------------------------------

    @property
    def hasher(self) -> Hasher:
        """The model, loaded when first asked for.

        Raises:
            AecodecError: there is no such model.
            WeightsMismatchError: the index was made with another.
        """
        if self._loaded is None:
            from aecodec.hashing.hasher import Hasher

            hasher = Hasher(self.model, self._device)
            if self.path.is_file():
                self._check_model(hasher)
            self._loaded = hasher
        return self._loaded

    @property
    def backend(self) -> Backend:
        """Where codes are searched, connected when first asked for.

        Raises:
            AecodecError: there is no such backend, its package is missing, or it cannot be reached.
        """
        if self._backend is None:
            self._backend = connect(self._url, self.cache_path)
        return self._backend

    @property
    def model(self) -> str:
        """The model's name, or its weight file."""
        if self._model:
            return self._model
        from aecodec.hashing.weights import DEFAULT_MODEL

        made_with = self._database().meta("model_name") if self.path.is_file() else None
        return str(made_with or DEFAULT_MODEL)

    def _check_model(self, hasher: Hasher) -> None:
        found = self._database().meta("model")
        if found != hasher.fingerprint:
            raise WeightsMismatchError(
                f"{self.path}: made with hash weights {found}, not {hasher.fingerprint};"
                " use another --index, or delete it and index again"
            )

    def _database(self) -> Database:
        if self._opened is None:
            self._opened = Database(self.path)
        return self._opened

    def _create(self) -> Database:
        """The database, made if it is not there, with the code length asked for."""
        from aecodec.hashing.weights import lasting_name

        hasher, bits = self.hasher, self._bits
        hasher.check_bits(bits)
        if self._url and self._backend is None:
            # Is it there? Not to be found out after hours of hashing, for which it need not stay
            # open.
            connect(self._url, self.cache_path).close()
        if self._opened is None:
            facts: dict[str, str | int] = {
                "model": hasher.fingerprint,
                "model_name": lasting_name(self._model),
                "bits": bits or hasher.lengths[-1],
                "calibration": hasher.calibration.to_json() if hasher.calibration else "",
            }
            self._opened = Database(self.path, facts)
            self._check_model(hasher)  # another process may have made it meanwhile
        if bits and bits != self._opened.meta("bits"):
            self._opened.set_meta("bits", bits)
        return self._opened

    # ---- adding --------------------------------------------------------------------------

    def add(
        self,
        *places: Place,
        workers: int | None = None,
        prune: bool = False,
        readers: Mapping[str, Reader] | None = None,
        progress: Progress = lambda done, total: None,
    ) -> Report:
        """Index the images below folders, and single files, as far as they are not yet.

        What is done stays done: the work is written every few seconds.

        Args:
            *places: folders and files.
            workers: threads that read and decode; None: one for each core, at most 8.
            prune: forget images below these folders whose file is gone.
            readers: how to read files that Pillow cannot: lower-case suffix -> function.
            progress: told (files done, of how many).

        Raises:
            AecodecError: a place is not there, or the model or the backend is not.
            WeightsMismatchError: the index was made with another model.
        """
        readers = readers or {}
        report = Report()
        suffixes = IMAGE_SUFFIXES | set(readers)

        def tell(error: OSError) -> None:
            report.failed.append((str(error.filename), error.strerror or str(error)))

        files = find_files(map(os.path.abspath, places), suffixes, tell)
        database = self._create()
        workers = workers or min(8, os.cpu_count() or 1)
        take_in(files, database, self.hasher, readers, workers, report, progress)
        if prune:
            self._prune(database, places, report)
        self._code_index(say=False)
        return report

    def add_prepared(
        self,
        found: Sequence[tuple[str, int, int]],
        prepare: Callable[[list[str]], Iterable[Sequence[File]]],
        *,
        prune: Sequence[Place] = (),
        progress: Progress = lambda done, total: None,
    ) -> Report:
        """As `add`, of files that are read and hashed elsewhere; their paths may be URLs.

        Args:
            found: (path, bytes, mtime_ns) of the files.
            prepare: reads and hashes those of the paths, which are new or changed, with this
                index's model (`adding.prepare`), and gives them a few at a time, in any order.
            prune: folders on this machine of which to forget the images that are gone.
            progress: told (files done, of how many).

        Raises:
            AecodecError: the model or the backend is not there.
            WeightsMismatchError: the index was made with another model.
        """
        report = Report()
        database = self._create()
        new = [path for path, *stamp in found if database.stat(path) != tuple(stamp)]
        report.unchanged = done = len(found) - len(new)
        for files in prepare(new):
            record(files, database, self.hasher.fingerprint, report)
            done += len(files)
            progress(done, len(found))
        self._prune(database, prune, report)
        self._code_index(say=False)
        return report

    def _prune(self, database: Database, places: Sequence[Place], report: Report) -> None:
        folders = [os.path.abspath(place) for place in places if os.path.isdir(place)]
        known = {row: path for folder in folders for row, path in database.paths(folder)}
        gone = [row for row, path in known.items() if not os.path.lexists(path)]
        database.remove(gone)
        report.pruned = len(gone)

    # ---- the codes -----------------------------------------------------------------------

    def _code_index(self, say: bool = True) -> tuple[CodeIndex, State]:
        """The codes as of now: as the backend has them, caught up, or built again."""
        database, backend = self._database(), self.backend
        index, state, done, kept = load_current(backend, database)
        if done and (say or not kept):
            warn_caller(f"{backend}: {done}")
        return index, state

    # ---- asking --------------------------------------------------------------------------

    def search(
        self, image: Image.Image | Place, k: int | None = 10, radius: int | None = None
    ) -> list[Match]:
        """The images most like one, nearest first; of equal distance by path.

        Distances are to the nearest view of the query (`query_views`). What is near by Hamming
        distance is put in order by how sure the query's bits are (`query.distances`) and by how
        well it fits (`query.rerank`), so that the Hamming distances need not ascend.

        Args:
            image: Pillow image, or an image file. An indexed file finds itself.
            k: at most so many; None: all within the radius.
            radius: only images within this Hamming distance, in bits.

        Raises:
            UnsupportedImageError: the file is not an image.
            WeightsMismatchError: the index was made with another model.
        """
        check_range(k, radius)
        hasher = self.hasher
        small = preview_of(image) if isinstance(image, Image.Image) else read_preview(image)
        index, state = self._code_index()
        logits = hasher.logits(query_views(small, hasher.side))[:, : state.bits]
        shortlist = None if k is None else max(k, SHORTLIST)
        ids = near(index, np.packbits(logits >= 0, axis=1), shortlist, radius)[1]
        entries = list(self._database().entries(np.unique(ids).tolist()).values())
        return in_order(entries, logits, small, self._database().copies)[:k]

    def search_code(
        self, code: bytes, k: int | None = 10, radius: int | None = None
    ) -> list[Match]:
        """As `search`, for a code of at least the index's length. Needs no model.

        Raises:
            ValueError: neither k nor radius is given, or one is out of range; or the code is too
                short.
        """
        check_range(k, radius)
        index, state = self._code_index()
        if 8 * len(code) < state.bits:
            raise ValueError(f"a code of {8 * len(code)} bits, but the index has {state.bits}")
        query = np.frombuffer(code[: state.bits // 8], dtype=np.uint8)[None]
        far, ids = (part.tolist() for part in near(index, query, k, radius))
        entries = self._database().entries(ids)
        matches = [
            Match(entries[image], distance)
            for distance, image in zip(far, ids, strict=True)
            if image in entries  # not -1, nor removed by another process just now
        ]
        return sorted(matches, key=lambda match: (match.distance, match.entry.path))[:k]

    def duplicates(
        self,
        radius: int | None,
        *places: Place,
        keep: Place | None = None,
        verify: str = "thumbnail",
        prefer: str = "best",
        processes: int | None = 1,
        progress: Progress = lambda done, total: None,
    ) -> Duplicates:
        """Groups of images that are the same but for an alteration. Nothing is deleted.

        Codes name candidates, which are then looked at (`duplicates.group_checked`). Files that are
        gone are left out; those in a store are not asked for. Of a file and links to it, only one
        counts: whoever deletes the duplicates shall not lose it.

        Args:
            radius: largest Hamming distance; None: wide, and like layouts, too, where the images
                are looked at, else that of the rate `DEFAULT_FPR`.
            *places: only images below these folders, which must be indexed; none: all.
            keep: folder of reference images, which are never duplicates.
            verify: one of `checking.VERIFY`: look at thumbnails, and at the files where
                thumbnails cannot tell; at the files only; not at all, so that all within the
                radius are the same (`duplicates.group`); or call only those the same whose
                pixels are equal.
            prefer: which of a group is kept, one of `duplicates.RANKS`.
            processes: that look; None: as many as suit. A script needs a guarded main for several.
            progress: told (images done, of how many).

        Raises:
            AecodecError: nothing is indexed below one of the folders; or the radius is None, nobody
                looks, and the model was not calibrated.
        """
        index, state = self._code_index()
        entries, codes, kept = choose(self._database(), state.bits, places, keep)
        if radius is None and verify == "none":
            radius = self.calibration.threshold(state.bits).distance
        return find_groups(
            index,
            entries,
            codes,
            radius,
            verify=verify,
            thumbnails=self.thumbnails,
            copies_of=self._database().copies,
            load=self._load,
            kept=kept,
            rank=duplicates.RANKS[prefer],
            processes=processes,
            progress=progress,
        )

    def links(self) -> list[str]:
        """Indexed paths that are symbolic links."""
        return [path for _, path in self._database().paths() if os.path.islink(path)]

    @staticmethod
    def _load(path: str) -> Image.Image:
        """An indexed file's whole picture."""
        return open_image(path)

    @property
    def bits(self) -> int:
        """Code length in use."""
        return self._database().state().bits

    @property
    def calibration(self) -> Calibration:
        """What distances mean for the index's model. Needs no model.

        Raises:
            AecodecError: its weights were not calibrated.
        """
        text = self._database().meta("calibration")
        if not text:
            raise AecodecError(
                f"{self.path}: its model was not calibrated, so no distance is known to mean"
                " anything; give one with --max-distance"
            )
        return Calibration.from_json(str(text))

    def thumbnails(self, ids: Sequence[int]) -> dict[int, bytes]:
        """WebP files of these images, where there are any."""
        return self._database().thumbnails(ids)
