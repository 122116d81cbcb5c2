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
    if card.webp:
        data = base64.b64encode(card.webp).decode()
        picture = f'<img alt="" src="data:image/webp;base64,{data}">'
    link = escape(card.path if is_url(card.path) else Path(card.path).absolute().as_uri())
    mark = ' class="first"' if card.first else ""
    return (
        f'<figure{mark}><div class="picture">{picture}</div><figcaption><b>{_text(card.label)}</b>'
        f'<a href="{link}">{_text(Path(card.path).name)}</a><br>{_text(card.details)}'
        "</figcaption></figure>"
    )


def _text(text: str) -> str:
    """Escaped; names that are no text keep a visible trace of their bytes."""
    return escape(text.encode("utf-8", "backslashreplace").decode())
