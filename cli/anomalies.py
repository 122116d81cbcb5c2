"""`aecodec ae anomalies`: data ranked by how strange they are to a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from aecodec.storage.atomic import refuse_to_overwrite, write_atomically
from aecodec.storage.folders import keep_inputs
from aecodec.workflows.anomalies import CODEC, CONTAMINATION, AnomalySearch

from .options import AsJson, DataPath, Force
from .output import noting, print_json, say, tell

_UNITS = {
    "reconstruction": "mean squared error",
    "relative": "error relative to the sample",
    "bits": "bits",
}


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    examples = (
        "  aecodec ae anomalies model.safetensors photos --normal good-photos\n"
        "  aecodec ae anomalies codec photos --picture strangest.png"
    )
    app.command(epilog=f"[bold]Examples[/]\n{examples}")(anomalies)


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
        typer.Option(
            metavar="DATA",
            help="Normal data that fit has not seen, to set the threshold by.",
            show_default="the data themselves",
        ),
    ] = None,
    contamination: Annotated[
        float | None,
        typer.Option(
            min=1e-6,
            max=0.5,
            metavar="SHARE",
            help="Share of normal data to be called strange.",
            show_default=str(CONTAMINATION),
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
        typer.Option(
            metavar="FILE.png",
            help="Draw the strangest images, their reconstructions and errors.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Rank data by how strange they are to a model, and say which are beyond a threshold.

    The threshold is the quantile of the errors of normal data that leaves out the share
    given by --contamination.
    """
    if picture and picture.suffix.lower() != ".png":
        raise typer.BadParameter(f"{picture} is not .png", param_hint="--picture")
    refuse_to_overwrite(picture, force)
    keep_inputs(picture, model, data, *([normal] if normal else []))
    search = AnomalySearch(model, scoring, contamination, own_threshold=normal is None)
    with noting():
        found = search.read(data)
    if picture:
        keep_inputs(picture, *(data / name for name in found.names))
        search.check_picture(data, found)
    if not search.complete:
        with noting():
            search.set_threshold(search.read(normal) if normal else found, normal or data)
    errors = search.errors(found, data)
    if picture:
        write_atomically(picture, search.picture(data, found, errors), overwrite=force)
    if not as_json and normal is None and not search.complete:
        say("note: the threshold is that of these data themselves; see --normal")
    _print(search.ranking(found.names, errors), as_json)


def _print(ranking: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(ranking)
        return
    samples = ranking["samples"]
    for one in samples:
        strange = "anomaly" if one["anomaly"] else "       "
        tell(f"{one['error']:<10.4g}  {strange}  {one['name']}")
    strange = sum(one["anomaly"] for one in samples)
    unit = _UNITS[ranking["scoring"]]
    print(f"{strange} of {len(samples)} above {ranking['threshold']:.4g} ({unit})")
