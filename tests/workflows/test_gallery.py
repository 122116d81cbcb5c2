from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import aecodec
from aecodec.hashing.database import Entry
from aecodec.hashing.duplicates import Group, Match
from aecodec.workflows.gallery import Card, Section, duplicates_page, page, search_page
from aecodec.workflows.matches import group_facts, groups_csv
from tests.hashing.conftest import weights  # noqa: F401  (a fixture)


@pytest.fixture
def index(weights: Path, cat: Image.Image, tmp_path: Path) -> Iterator[aecodec.ImageIndex]:  # noqa: F811
    folder = tmp_path / "photos"
    folder.mkdir()
    cat.save(folder / "a <b>.png")
    cat.resize((225, 150)).save(folder / "half.png")
    with aecodec.ImageIndex(tmp_path / "i", model=str(weights), device="cpu") as opened:
        opened.add(folder)
        yield opened


def pictures(html: str) -> list[Image.Image]:
    found = re.findall(r"data:image/webp;base64,([^\"]+)", html)
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in found]


def test_a_search_is_shown_with_its_query_first(
    index: aecodec.ImageIndex, cat: Image.Image, tmp_path: Path
) -> None:
    cat.save(tmp_path / "query.png")
    found = [(tmp_path / "query.png", index.search(cat, 2))]
    html = search_page(index, found).decode()
    assert [picture.size for picture in pictures(html)] == [(128, 85)] * 3
    assert html.count('class="first"') == 1
    assert "a &lt;b&gt;.png" in html
    assert "<b>.png" not in html


def test_duplicates_are_shown_beside_what_is_kept(index: aecodec.ImageIndex) -> None:
    groups = index.duplicates(None).groups
    html = duplicates_page(index, groups, "one group & no more").decode()
    assert "Group 1: 2 images" in html
    assert "one group &amp; no more" in html
    assert len(pictures(html)) == 3  # the two, and what differs
    assert html.index(">keep<") < html.index("difference") < html.index("scaled 1/2")


def test_a_picture_in_a_store_is_linked_to_there() -> None:
    card = Card(None, "0", path="s3://bucket/a&b.jpg")
    html = page("", "", [Section("", [[card]])]).decode()
    assert 'href="s3://bucket/a&amp;b.jpg"' in html
    assert "no preview" in html


def test_groups_are_told_as_json_and_csv() -> None:
    keep, other = (Entry(f"/{n}.png", 2 * n, 0, b"", 4 - n, n + 1, b"") for n in (1, 2))
    group = Group(keep, [Match(other, 5, "scaled 2/3")])
    facts = group_facts(group)
    assert facts["keep"]["path"] == "/1.png"
    assert "reason" not in facts["keep"]
    assert [one["reason"] for one in facts["duplicates"]] == ["scaled 2/3"]
    assert groups_csv([group]).splitlines() == [
        "group,keep,distance,path,width,height,bytes,reason",
        "1,yes,0,/1.png,3,2,2,",
        "1,no,5,/2.png,2,3,4,scaled 2/3",
    ]


def test_names_have_folders_where_two_files_have_one_name() -> None:
    paths = ["/photos/a/1.jpg", "/photos/b/1.jpg", "/photos/b/2.jpg"]
    html = page("", "", [Section("", [[Card(None, "", path=path) for path in paths]])]).decode()
    assert [name for name in ("a/1.jpg", "b/1.jpg", "2.jpg") if f">{name}</a>" in html] == [
        "a/1.jpg",
        "b/1.jpg",
        "2.jpg",
    ]
