"""Curves of aecodec's weights measured anew in a result of `aecodec bench rd`; the others stay.

    python -m benchmarks.rd_again codec-psnr --data kodak --out benchmarks/results/kodak

Bytes and pixels of other codecs do not change while their libraries and the photos do not, which is
checked. The result says where they are from; times are those of the machine that measured each.
"""

from __future__ import annotations

from typing import Any

from aecodec.errors import AecodecError
from aecodec.evaluation import machine
from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.learned_codec import LearnedCodec
from aecodec.evaluation.photos import list_photos
from aecodec.evaluation.rd.measure import measure, summarise, write_rd
from aecodec.evaluation.rd.table import VERSIONS
from aecodec.evaluation.results import Result, read_result

_OF_CODECS = [name for name in VERSIONS if name not in ("aecodec", "torch")]


def check_libraries(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Raise AecodecError if a classic codec is another one than it was, by versions."""
    for name in _OF_CODECS:
        if old.get(name) != new.get(name):
            raise AecodecError(f"{name} was {old.get(name)}, and is {new.get(name)}")


def origins(before: Result, measured: set[str]) -> dict[str, dict[str, Any]]:
    """Where the curves are from that are not measured anew."""
    known = before["figures"].get("origins", {})
    cpu = (before["machine"] or {}).get("cpu")
    last = {"commit": before["commit"], "date": before["date"], "cpu": cpu}
    kept = [name for name in before["figures"]["curves"] if name not in measured]
    return {name: known.get(name, last) for name in kept}


def main() -> None:
    parser = arguments(__doc__, data="folder of photos")
    parser.add_argument("weights", nargs="+", help="names of shipped weights")
    args = parser.parse_args()
    before = read_result(args.out / "rd.json")
    figures, described = before["figures"], before["machine"] or {"versions": {}}
    check_libraries(described["versions"], machine.describe()["versions"])
    codecs = [LearnedCodec(device=figures["device"], weights=name) for name in args.weights]
    measured = {codec.name for codec in codecs}
    if unknown := measured - set(figures["weights"].values()):
        raise AecodecError(f"{args.out}: has no curve of {', '.join(unknown)}")
    photos = list_photos(args.data)
    if {path.name for path in photos} != {row["image"] for row in figures["rows"]}:
        raise AecodecError(f"{args.data}: other photos than those of {args.out}")
    rows = measure(codecs, photos, lambda n, of, name: print(n, of, name))
    rows += [row for row in figures["rows"] if row["codec"] not in measured]
    made = {**figures, **summarise(rows, kodak=figures["kodak"]), "rows": rows}
    made["origins"] = origins(before, measured)
    write_rd(made, args.out)


if __name__ == "__main__":
    main()
