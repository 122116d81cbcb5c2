"""Measure sections and keep their results: autoencoders.json, .md and pictures.

Each section has a size at which it takes a few minutes on one core, and is kept on its own, so
that a run can be continued: --sections anomalies selection.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from aecodec.evaluation.results import (
    Result,
    make_result,
    markdown_table,
    provenance,
    write_bytes,
    write_json,
)
from benchmarks.autoencoders.anomalies import anomalies
from benchmarks.autoencoders.data import Data, Rows, read_mnist
from benchmarks.autoencoders.description import description
from benchmarks.autoencoders.features import features, selection
from benchmarks.autoencoders.generation import likelihood, likelihood_pythae
from benchmarks.autoencoders.reconstruction import digits, linear, reconstruction
from benchmarks.autoencoders.training import contraction, denoising, pretraining, speed

VERSIONS = ("aecodec", "torch", "numpy")


class Section(NamedTuple):
    """What is measured, and on how many images and for how many epochs unless told otherwise."""

    measure: Callable[[Data], Rows]
    train: int
    epochs: int
    test: int = 10_000


SECTIONS = {
    "reconstruction": Section(reconstruction, 10_000, 12),
    "digits": Section(digits, 1_347, 60, 450),
    "linear": Section(linear, 4_000, 300),
    "anomalies": Section(anomalies, 10_000, 20, 2_000),
    "likelihood": Section(likelihood, 60_000, 24),
    "likelihood_pythae": Section(likelihood_pythae, 60_000, 24),
    "features": Section(features, 6_000, 12),
    "selection": Section(selection, 10_000, 20),
    "description": Section(description, 10_000, 16, 2_000),
    "contraction": Section(contraction, 3_000, 10),
    "denoising": Section(denoising, 6_000, 6),
    "pretraining": Section(pretraining, 3_000, 12),
    "speed": Section(speed, 10_000, 1),
}


def to_markdown(results: dict[str, Result]) -> str:
    """A table per section, in the order of SECTIONS."""
    parts = []
    for name in SECTIONS:
        if name not in results:
            continue
        section = results[name]["figures"]
        rows = section["rows"]
        columns = list(dict.fromkeys(key for row in rows.values() for key in row))
        table = [
            [label, *("" if row.get(key) is None else f"{row[key]:.4g}" for key in columns)]
            for label, row in rows.items()
        ]
        sizes = (
            f"{section['train']:,} training and {section['test']:,} test images,"
            f" {section['epochs']} epochs.\n"
        )
        parts.append(f"## {name}\n\n{SECTIONS[name].measure.__doc__}\n{sizes}\n")
        parts.append(f"{provenance(results[name], VERSIONS)}\n\n")
        parts.append(markdown_table(["", *columns], table) + "\n")
    return "# Autoencoders\n\n" + "".join(parts).rstrip("\n") + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.autoencoders", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of MNIST, four idx files")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--pictures", type=Path, default=Path("docs/autoencoders"))
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    for size in ("--train", "--test", "--epochs"):
        parser.add_argument(size, type=int, help="default: the section's own")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.pictures.mkdir(parents=True, exist_ok=True)
    mnist = read_mnist(args.data, args.pictures)
    file = args.out / "autoencoders.json"
    for name in args.sections:
        section = SECTIONS[name]
        train, test = args.train or section.train, args.test or section.test
        epochs = args.epochs or section.epochs
        rows = section.measure(mnist.cut(train, test, epochs))
        results: dict[str, Result] = json.loads(file.read_text()) if file.exists() else {}
        figures = {"rows": rows, "train": train, "test": test, "epochs": epochs}
        results[name] = make_result(name, figures)
        write_json(file, results)
        write_bytes(args.out / "autoencoders.md", to_markdown(results).encode())
        print(to_markdown({name: results[name]}), flush=True)


if __name__ == "__main__":
    main()
