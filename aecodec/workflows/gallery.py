"""What a search or duplicates found, as one HTML file that needs no other."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aecodec.hashing.duplicates import Group, Match
from aecodec.storage.folders import is_url
from aecodec.workflows.search import ImageIndex, Place, small_picture


@dataclass(frozen=True)
class Card:
    """A picture and what is said of it.

    Attributes:
        webp: the picture, a WebP file, or None.
        label, details: short lines of text.
        path: of the image file, named and linked; None: of none.
        first: set apart from the others.
    """

    webp: bytes | None
    label: str
    details: str = ""
    path: str | None = None
    first: bool = False


@dataclass(frozen=True)
class Section:
    """A heading, and rows of cards: many small ones in each, or pairs with what differs."""

    heading: str
    rows: Sequence[Sequence[Card]]
    layout: Literal["cards", "pair"] = "cards"


def search_page(index: ImageIndex, found: Sequence[tuple[Place, Sequence[Match]]]) -> bytes:
    """Each query, and the images that are most like it.

    Args:
        index: the index searched.
        found: (image file, its matches).
    """
    sections = []
    for query, matches in found:
        first = Card(small_picture(query).thumbnail(), "query", path=str(query), first=True)
        pictures = index.pictures([match.entry.id for match in matches])
        cards = [_card(match, pictures.get(match.entry.id)) for match in matches]
        sections.append(Section(str(query), [[first, *cards]]))
    return page("Look-alikes", "", sections)


def duplicates_page(index: ImageIndex, groups: Sequence[Group], summary: str) -> bytes:
    """Each duplicate beside the image that is kept, and what differs.

    Args:
        index: the index that has the groups.
        groups: of `ImageIndex.duplicates`.
        summary: a line above them.
    """
    from aecodec.hashing.verify.difference import webp_difference

    sections = []
    for number, group in enumerate(groups, 1):
        pictures = index.pictures([match.entry.id for match in group.members])
        own = pictures.get(group.keep.id)
        kept, *others = group.members
        rows = []
        for match in others:
            other = pictures.get(match.entry.id)
            differs = webp_difference(own, other) if own and other else None
            difference = Card(differs, "difference, three times")
            rows.append([_card(kept, own, "keep"), difference, _card(match, other, match.reason)])
        heading = f"Group {number}: {len(group.members)} images"
        sections.append(Section(heading, rows, "pair"))
    return page("Duplicates", summary, sections)


def _card(match: Match, webp: bytes | None, label: str = "") -> Card:
    entry = match.entry
    details = f"{entry.width}x{entry.height}, {entry.size:,} bytes"
    return Card(webp, label or f"{match.distance} bits", details, entry.path)


def page(title: str, summary: str, sections: Sequence[Section]) -> bytes:
    """The HTML file, UTF-8."""
    from jinja2 import Environment, PackageLoader

    names = _names({c.path for s in sections for row in s.rows for c in row if c.path is not None})
    environment = Environment(
        loader=PackageLoader("aecodec.workflows", "."), autoescape=True, finalize=_visible
    )
    shown = [
        {
            "heading": section.heading,
            "layout": section.layout,
            "rows": [[_shown(card, names) for card in row] for row in section.rows],
        }
        for section in sections
    ]
    template = environment.get_template("gallery.html.j2")
    return template.render(title=title, summary=summary, sections=shown).encode()


def _names(paths: set[str]) -> dict[str, str]:
    """Of each path the name, with as many folders as tell it from the others."""
    names = dict.fromkeys(paths, "")
    parts = 1
    while paths:
        tails = {path: "/".join(Path(path).parts[-parts:]) for path in paths}
        counts = Counter(tails.values())
        names.update(tails)
        paths = {p for p in paths if counts[tails[p]] > 1 and len(Path(p).parts) > parts}
        parts += 1
    return names


def _shown(card: Card, names: Mapping[str, str]) -> dict[str, object]:
    image = f"data:image/webp;base64,{base64.b64encode(card.webp).decode()}" if card.webp else None
    place = {}
    if card.path is not None:
        link = card.path if is_url(card.path) else Path(card.path).absolute().as_uri()
        place = {"link": link, "name": names[card.path]}
    return {**vars(card), "image": image, **place}


def _visible(text: str) -> str:
    """Names that are no text keep a visible trace of their bytes."""
    return text.encode("utf-8", "backslashreplace").decode()
