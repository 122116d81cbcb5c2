"""The images of one folder, found by content, with pictures to show."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from PIL import Image

from aecodec.errors import AecodecError
from aecodec.hashing.adding import Progress, Report
from aecodec.hashing.duplicates import Match
from aecodec.workflows.search import ImageIndex

_GROUPS = 50  # are shown at most


@dataclass(frozen=True)
class Shown:
    """An image of the folder, to be shown.

    Attributes:
        picture: its thumbnail; a grey square of 8 pixels where there is none.
        name: below the folder.
        label: how far it is from the query, or that it is the one to keep.
    """

    picture: Image.Image
    name: str
    label: str


class FolderSearch:
    """An index of a folder, and answers that name nothing outside of it.

    It is opened for each answer, so that several threads may ask.

    Args:
        folder: absolute, without links.
        index: the index file; None: one of this folder's own in the user's data folder.
        device: "auto", "cpu" or "cuda".
    """

    def __init__(self, folder: Path, index: Path | None = None, device: str = "auto") -> None:
        self.folder, self.path, self.device = folder, index or _own_index(folder), device

    def add(self, progress: Progress = lambda done, total: None) -> tuple[int, Report]:
        """Index the folder, and forget what is gone; how many images there are, what was done."""
        with self._index() as index:
            report = index.add(self.folder, prune=True, progress=progress)
            return len(index), report

    def search(self, image: Image.Image, count: int) -> list[Shown]:
        """At most so many images that are most like one, nearest first.

        Raises:
            AecodecError: the folder is not indexed.
        """
        with self._opened() as index:
            # The user's index may have more than this folder.
            matches = [m for m in index.search(image, 20 * count) if self._has(m)][:count]
            return self._shown(index, [(m, f"{m.distance} bits") for m in matches])

    def duplicates(self) -> tuple[list[Shown], int, int]:
        """Images of the first 50 groups that are the same; how many groups, and duplicates.

        Raises:
            AecodecError: the folder is not indexed.
        """
        with self._opened() as index:
            groups = index.duplicates(None, self.folder).groups
            labelled = [
                (match, "keep" if match.entry is group.keep else f"{match.distance} bits")
                for group in groups[:_GROUPS]
                for match in group.members
            ]
            extra = sum(len(group.duplicates) for group in groups)
            return self._shown(index, labelled), len(groups), extra

    def _index(self) -> ImageIndex:
        return ImageIndex(self.path, device=self.device)

    def _opened(self) -> ImageIndex:
        if not self.path.is_file():
            raise AecodecError(f"{self.folder.name} is not indexed yet; index it first")
        return self._index()

    def _has(self, match: Match) -> bool:
        return Path(match.entry.path).is_relative_to(self.folder)

    def _shown(self, index: ImageIndex, labelled: Sequence[tuple[Match, str]]) -> list[Shown]:
        thumbnails = index.pictures([match.entry.id for match, _ in labelled])
        shown = []
        for match, label in labelled:
            webp = thumbnails.get(match.entry.id)
            picture = Image.open(io.BytesIO(webp)) if webp else Image.new("RGB", (8, 8), "grey")
            name = str(Path(match.entry.path).relative_to(self.folder))
            shown.append(Shown(picture, name, label))
        return shown


def _own_index(folder: Path) -> Path:
    name = hashlib.sha256(str(folder).encode(errors="surrogateescape")).hexdigest()[:16]
    return platformdirs.user_data_path("aecodec") / "ui" / f"{name}.sqlite3"
