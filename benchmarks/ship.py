"""Put a run's weights into the package, or a benchmark's figures on their card.

python benchmarks/ship.py codec-psnr --run runs/codec-psnr
aecodec bench rd --data kodak --out benchmarks/results/kodak
python benchmarks/ship.py codec-psnr --figures benchmarks/results/kodak/rd.json
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from aecodec.codec import fast
from aecodec.codec.preview import is_preview_file, preview_file
from aecodec.codec.weights import digest
from aecodec.evaluation.metrics import METRICS
from aecodec.evaluation.results import read_result
from aecodec.weights import shipped_models, weight_file


def take_weights(run: Path, target: Path, note: str) -> None:
    """Copy a run's weights and card; the card's commit is today's.

    Leaner transforms (`aecodec.codec.fast`) are put beside the weights that they are for.
    """
    (weights,) = (path for path in run.glob("*.safetensors") if not is_preview_file(path))
    if fast.is_fast_file(weights):
        take_fast(weights, target)
        return
    card = json.loads(weights.with_suffix(".json").read_text())
    card["commit"] = commit()
    card["total"] = total(card)
    if note:
        card["note"] = note
    shutil.copyfile(weights, target)
    if preview_file(weights).exists():
        shutil.copyfile(preview_file(weights), preview_file(target))
    write_card(card, target)


def take_fast(weights: Path, target: Path) -> None:
    """Put one of the leaner transforms beside `target`, where the other may be already."""
    of = digest(target)
    plain = weights.with_name(weights.name.replace(".fast.", "."))
    tensors = fast.load(plain, of)
    if not tensors:
        raise SystemExit(f"{weights}: for other weights than {target}")
    fast.save(fast.load(target, of) | tensors, target, of)
    made = json.loads(weights.with_suffix(".json").read_text()) | {"commit": commit()}
    card = json.loads(target.with_suffix(".json").read_text())
    name = "analysis" if fast.has_analysis(tensors) else "synthesis"
    card["fast"] = card.get("fast", {}) | {name: made}
    write_card(card, target)


def commit() -> str:
    """Of today."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def total(card: dict[str, Any]) -> dict[str, Any]:
    """Runs, steps and hours of a run and of the shipped weights that it began with."""
    found = {"runs": 1, "steps": card["steps"], "hours": card["hours"]}
    for before in shipped_models():
        if before["sha256"] in card.get("start", ""):
            known = before["total"]
            found = {name: round(found[name] + known[name], 2) for name in found}
            if "hours_of_steps" in known:  # of the earliest runs no hours were noted
                found["hours_of_steps"] = card["steps"] + known["hours_of_steps"]
    return found


def take_figures(file: Path, target: Path) -> None:
    """Note a benchmark's figures under its folder's name."""
    result = read_result(file)["figures"]
    card = json.loads(target.with_suffix(".json").read_text())
    card.setdefault("figures", {})[file.parent.name] = FIGURES[file.stem](result, target.stem)
    write_card(card, target)


def rd_figures(result: dict[str, Any], weights: str) -> dict[str, Any]:
    """BD-rates and the mean curve of one codec."""
    name = result["weights"][weights]
    curve = [
        {key: round(point[key], 4) for key in ("setting", "bpp", *METRICS) if key in point}
        for point in result["curves"][name]
    ]
    return {"bd_rate_percent": result["bd_rate"][name], "curve": curve}


def denoise_figures(result: dict[str, Any], _: str) -> dict[str, Any]:
    """PSNR and SSIM of each task, told what the noise is and not."""
    return {
        task: {
            name: {key: round(means[key], 4) for key in ("psnr", "ssim")}
            for name, means in methods.items()
            if name.startswith("aecodec")
        }
        for task, methods in result["summary"].items()
    }


def near_duplicate_figures(result: dict[str, Any], _: str) -> dict[str, Any]:
    """Means over the transformations, for each code length: of codes, and as `search` finds."""
    return {
        f"{bits} bits{label}": {
            kind: {key: round(value, 4) for key, value in means.items()}
            for kind, means in result[bits][f"aecodec{label}"]["means"].items()
        }
        for bits in result
        if bits.isdigit()
        for label in ("", ", search")
    }


def cifar10_figures(result: dict[str, Any], _: str) -> dict[str, Any]:
    """mAP@1000 for each code length."""
    return {f"{bits} bits": round(value, 4) for bits, value in result["map"]["aecodec"].items()}


# From a benchmark's figures and a model's name to what goes onto its card.
FIGURES = {
    "rd": rd_figures,
    "denoise": denoise_figures,
    "near_duplicates": near_duplicate_figures,
    "cifar10_hashing": cifar10_figures,
}


def write_card(card: dict[str, Any], target: Path) -> None:
    target.with_suffix(".json").write_text(json.dumps(card, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("name", help="of the model, as it ships: codec-psnr, hash-photo, ...")
    parser.add_argument("--run", type=Path, help="folder of a training run")
    parser.add_argument("--note", default="", help="what else the card should say")
    parser.add_argument("--figures", type=Path, help="the JSON file of a benchmark")
    arguments = parser.parse_args()
    target = weight_file(arguments.name)
    if arguments.run:
        take_weights(arguments.run, target, arguments.note)
    if arguments.figures:
        take_figures(arguments.figures, target)


if __name__ == "__main__":
    main()
