"""Put a run's weights into the package, or a benchmark's figures on their card.

python benchmarks/ship.py --run runs/codec-cpu
python benchmarks/rd.py --data kodak --out benchmarks/results/kodak
python benchmarks/ship.py --rd benchmarks/results/kodak/rd.json
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from aecodec.codec.weights import DEFAULT_MODEL, weight_folder

WEIGHTS = weight_folder() / f"{DEFAULT_MODEL}.safetensors"
CARD = WEIGHTS.with_suffix(".json")


def take_weights(run: Path, note: str) -> None:
    """Copy weights and card, with the commit they were trained at."""
    card = json.loads((run / "codec.json").read_text())
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    )
    card["commit"] = commit.stdout.strip()
    if note:
        card["note"] = note
    shutil.copyfile(run / "codec.safetensors", WEIGHTS)
    write_card(card)


def take_figures(rd: Path) -> None:
    """Note the mean curve and the BD-rates of a benchmark under its data set's name."""
    result = json.loads(rd.read_text())
    card = json.loads(CARD.read_text())
    curve = [
        {key: round(point[key], 4) for key in ("setting", "bpp", "psnr", "ms_ssim")}
        for point in result["curves"]["aecodec"]
    ]
    figures = {"bd_rate_percent": result["bd_rate"]["aecodec"], "curve": curve}
    card.setdefault("figures", {})[rd.parent.name] = figures
    write_card(card)


def write_card(card: dict[str, Any]) -> None:
    CARD.write_text(json.dumps(card, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, help="folder of a training run")
    parser.add_argument("--note", default="", help="what else the card should say")
    parser.add_argument("--rd", type=Path, help="rd.json of a benchmark")
    arguments = parser.parse_args()
    if arguments.run:
        take_weights(arguments.run, arguments.note)
    if arguments.rd:
        take_figures(arguments.rd)


if __name__ == "__main__":
    main()
