"""Results as one HTML file that needs no other."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from aecodec.storage.folders import is_url

_STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; background: #fafafa }
h1 { font-size: 1.4rem } h2 { font-size: 1rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere }
.cards { display: flex; flex-wrap: wrap; gap: 12px; align-items: flex-start }
figure { margin: 0; width: 152px; padding: 8px; background: #fff; border: 1px solid #ddd;
  border-radius: 6px; box-sizing: border-box }
figure.first { border: 2px solid #2a7 }
.picture { height: 128px; display: flex; align-items: center; justify-content: center;
  color: #999 }
img { max-width: 134px; max-height: 128px }
figcaption { font-size: 12px; overflow-wrap: anywhere } a { color: inherit }
b { display: block }
"""


@dataclass(frozen=True)
class Card:
    """A picture and what is said of it.

    Attributes:
        path: of the image file, linked.
        label, details: short lines of text.
        webp: its thumbnail, or None.
        first: set apart from the others.
    """

    path: str
    label: str
    details: str = ""
    webp: bytes | None = None
    first: bool = False


@dataclass(frozen=True)
class Section:
    """A heading, and cards in a row."""

    heading: str
    cards: Sequence[Card] = field(default_factory=list)


@dataclass(frozen=True)
class Pair:
    """Two pictures and, between them, what differs: a WebP file, or None."""

    first: Card
    second: Card
    difference: bytes | None = None


@dataclass(frozen=True)
class PairSection:
    """A heading, and pairs below each other."""

    heading: str
    pairs: Sequence[Pair] = field(default_factory=list)


def pairs_page(title: str, summary: str, sections: Sequence[PairSection]) -> bytes:
    """The HTML file of pairs side by side, UTF-8."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(loader=PackageLoader("aecodec.hashing", "."), autoescape=True)
    shown = [
        {
            "heading": _visible(section.heading),
            "pairs": [
                [
                    _shown(pair.first),
                    {"image": _source(pair.difference), "label": "difference, three times"},
                    _shown(pair.second),
                ]
                for pair in section.pairs
            ],
        }
        for section in sections
    ]
    text = environment.get_template("pairs.html.j2").render(
        title=_visible(title), summary=_visible(summary), sections=shown
    )
    return text.encode()


def _shown(card: Card) -> dict[str, str | None]:
    return {
        "image": _source(card.webp),
        "label": _visible(card.label),
        "link": _link(card.path),
        "name": _visible(Path(card.path).name),
        "details": _visible(card.details),
    }


def _source(webp: bytes | None) -> str | None:
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}" if webp else None


def _link(path: str) -> str:
    return path if is_url(path) else Path(path).absolute().as_uri()


def page(title: str, summary: str, sections: Sequence[Section]) -> bytes:
    """The HTML file, UTF-8."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{_text(title)}</title><style>{_STYLE}</style>",
        f"<h1>{_text(title)}</h1><p>{_text(summary)}</p>",
    ]
    for section in sections:
        cards = "".join(map(_card, section.cards))
        parts.append(f'<h2>{_text(section.heading)}</h2><div class="cards">{cards}</div>')
    return ("\n".join(parts) + "\n</html>\n").encode()


def _card(card: Card) -> str:
    picture = "no preview"
    if source := _source(card.webp):
        picture = f'<img alt="" src="{source}">'
    link = escape(_link(card.path))
    mark = ' class="first"' if card.first else ""
    return (
        f'<figure{mark}><div class="picture">{picture}</div><figcaption><b>{_text(card.label)}</b>'
        f'<a href="{link}">{_text(Path(card.path).name)}</a><br>{_text(card.details)}'
        "</figcaption></figure>"
    )


def _text(text: str) -> str:
    return escape(_visible(text))


def _visible(text: str) -> str:
    """Names that are no text keep a visible trace of their bytes."""
    return text.encode("utf-8", "backslashreplace").decode()
