"""What a search or duplicates found, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from aecodec.hashing.duplicates import Group, Match

_COLUMNS = ("distance", "path", "width", "height", "bytes", "reason")


def match_facts(match: Match) -> dict[str, Any]:
    """A match as JSON."""
    entry = match.entry
    reason = {"reason": match.reason} if match.reason else {}
    return {
        "path": entry.path,
        "distance": match.distance,
        **reason,
        "width": entry.width,
        "height": entry.height,
        "bytes": entry.size,
    }


def group_facts(group: Group) -> dict[str, Any]:
    """A group as JSON."""
    keep, *duplicates = map(match_facts, group.members)
    return {"keep": keep, "duplicates": duplicates}


def groups_csv(groups: Sequence[Group]) -> str:
    """Groups as CSV, with a line of names and then one for each image; lines end with CR LF."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["group", "keep", *_COLUMNS])
    for number, group in enumerate(groups, 1):
        for match in group.members:
            facts = match_facts(match)
            keep = "yes" if match.entry is group.keep else "no"
            writer.writerow([number, keep, *(facts.get(name, "") for name in _COLUMNS)])
    return text.getvalue()
