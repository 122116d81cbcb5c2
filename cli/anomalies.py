"""`aecodec ae anomalies`: data ranked by how strange they are to a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from aecodec.workflows.anomalies import CODEC, CONTAMINATION, rank_anomalies

from .options import AsJson, DataPath, Force, optional
from .output import noting, print_json, say, tell

_UNITS = {
    "reconstruction": "mean squared error",
    "relative": "error relative to the sample",
    "bits": "bits",
}


def anomalies(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="Written by `aecodec ae fit`, or a saved AnomalyDetector, which is taken as it is;"
            f" or the word {CODEC}: an image is strange if it takes many bits.",
            show_default=False,
        ),
    ],
    data: DataPath,
    normal: Annotated[
        Path | None,
        optional(
            "DATA",
            "Normal data that fit has not seen, to set the threshold by.",
            "the data themselves",
        ),
    ] = None,
    contamination: Annotated[
        float | None,
        optional(
            "SHARE",
            "Share of normal data to be called strange.",
            str(CONTAMINATION),
            min=1e-6,
            max=0.5,
        ),
    ] = None,
    scoring: Annotated[
        Literal["reconstruction", "relative", "bits"] | None,
        typer.Option(
            help="Error of the reconstruction, the same relative to the sample's own size, or"
            " description length (mdl, codec).",
            show_default="bits where there are",
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        optional("FILE.png", "Draw the strangest images, their reconstructions and errors."),
    ] = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Rank data by how strange they are to a model, and say which are beyond a threshold.

    The threshold is the quantile of the errors of normal data that leaves out the share
    given by --contamination.
    """
    with noting():
        ranking = rank_anomalies(
            model,
            data,
            normal=normal,
            scoring=scoring,
            contamination=contamination,
            picture=picture,
            overwrite=force,
        )
    if as_json:
        print_json(ranking)
        return
    if ranking["threshold_from"] == "data":
        say("note: the threshold is that of these data themselves; see --normal")
    samples = ranking["samples"]
    for one in samples:
        strange = "anomaly" if one["anomaly"] else "       "
        tell(f"{one['error']:<10.4g}  {strange}  {one['name']}")
    strange = sum(one["anomaly"] for one in samples)
    unit = _UNITS[ranking["scoring"]]
    print(f"{strange} of {len(samples)} above {ranking['threshold']:.4g} ({unit})")
