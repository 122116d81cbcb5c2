"""`aecodec index`, `search` and `hash`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecodec.codec import SUFFIX
from aecodec.errors import explain, named
from aecodec.progress import is_watched, progress_bar
from aecodec.storage.atomic import refuse_to_overwrite
from aecodec.workflows.standard_input import input_file, without_path

from .batch import local_paths, run_cluster
from .hash_common import PANEL, Backend, Html, Index, bits_option, write_html
from .options import (
    AsJson,
    Device,
    Engine,
    Force,
    HashWeights,
    Quiet,
    RayAddress,
    examples,
    inputs,
    optional,
    weights_option,
)
from .output import How, noting, print_json, say, tell

if TYPE_CHECKING:
    from aecodec.hashing.duplicates import Match

app = typer.Typer()
_DEFAULT_BITS = 64


# ---- index -----------------------------------------------------------------------------


@app.command(
    rich_help_panel=PANEL,
    epilog=examples(
        "aecodec index ~/Pictures",
        "aecodec index ~/Pictures --prune",
        "aecodec index photos scans --index work.sqlite3 --bits 64",
    ),
)
def index(
    folders: Annotated[list[str], inputs("DIR", "Folders of images, and images.")],
    index: Index = None,
    weights: Annotated[
        str | None, weights_option("hash model", "that of the index, or hash-photo", "hash")
    ] = None,
    bits: Annotated[int | None, bits_option("that of the index, or the longest")] = None,
    workers: Annotated[
        int | None,
        optional(
            "N", "Threads that read and decode, without Ray.", "one for each core, at most 8", min=1
        ),
    ] = None,
    backend: Backend = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Forget images of these folders that are gone.")
    ] = False,
    engine: Engine = "local",
    ray_address: RayAddress = None,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Index images by their hashes, to search and to find duplicates.

    Only new and changed files are read. It may be interrupted at any moment and run again.
    """
    from aecodec.workflows.search import ImageIndex

    if engine == "ray" and workers:
        raise typer.BadParameter("--workers is for --engine local")
    paths = local_paths(folders, ray_address) if engine == "local" else []
    with (
        ImageIndex(index, model=weights, bits=bits, device=device, backend=backend) as opened,
        noting(),
    ):
        with progress_bar(not quiet and is_watched()) as progress:
            if engine == "ray":
                from aecodec.workflows.ray_index import add_on_ray

                report = add_on_ray(
                    opened,
                    folders,
                    prune=prune,
                    address=ray_address,
                    device=device,
                    progress=progress,
                )
            else:
                report = opened.add(*paths, workers=workers, prune=prune, progress=progress)
        counts = {name: n for name, n in vars(report).items() if name != "failed"}
        parts = [f"{count:,} {name}" for name, count in counts.items() if count]
        if as_json:
            failed = [{"path": path, "error": reason} for path, reason in report.failed]
            facts = {"index": str(opened.path), "images": len(opened), **counts}
            print_json({**facts, "failed": failed})
        elif not quiet:
            print(f"{opened.path}: {len(opened):,} images ({', '.join(parts) or 'nothing new'})")
    for path, reason in report.failed:
        say(f"error: {path}: {reason}")
    if report.failed:
        raise typer.Exit(1)


# ---- search ----------------------------------------------------------------------------


@app.command(
    rich_help_panel=PANEL,
    epilog=examples(
        "aecodec search query.jpg",
        "aecodec search query.jpg -n 50 --html found.html",
        "aecodec search a.jpg b.jpg --radius 10 --json",
    ),
)
def search(
    queries: Annotated[list[Path], inputs("QUERY", "Images to look for.")],
    count: Annotated[
        int | None, optional("N", "At most so many.", "10", "--count", "-n", min=1)
    ] = None,
    radius: Annotated[
        int | None, optional("R", "All within so many bits.", "no limit", min=0)
    ] = None,
    index: Index = None,
    backend: Backend = None,
    device: Device = "auto",
    html: Html = None,
    as_json: AsJson = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Find the indexed images that look most like others.

    Most alike first, with the number of bits that differ. Bits of which the query is unsure count
    little in the order, so that these numbers need not ascend.
    """
    from aecodec.workflows.matches import match_facts
    from aecodec.workflows.search import ImageIndex

    k = 10 if count is None and radius is None else count
    found: list[tuple[Path, list[Match]]] = []
    failed = False
    with ImageIndex(index, device=device, backend=backend) as opened, noting():
        refuse_to_overwrite(html, force, opened.path, *queries)
        # What is wrong with them is said once, not for each query.
        len(opened), opened.hasher, opened.backend
        for query in queries:
            try:
                found.append((query, opened.search(query, k, radius)))
            except Exception as error:
                say(f"error: {named(query, explain(error))}")
                failed = True
        if html:
            from aecodec.workflows.gallery import search_page

            write_html(html, search_page(opened, found), force, quiet)
    if as_json:
        print_json([{"query": str(q), "matches": [*map(match_facts, ms)]} for q, ms in found])
    elif not html:
        for query, matches in found:
            tell(f"{query}: {len(matches)} found")
            for match in matches:
                tell(f"  {match.distance:>3}  {match.entry.path}")
    if failed:
        raise typer.Exit(1)


# ---- hash ------------------------------------------------------------------------------


@app.command("hash", rich_help_panel=PANEL)
def hash_images(
    images: Annotated[
        list[str],
        inputs(
            "IMAGE", "Images and .aec files; - is standard input; with --engine ray folders, too."
        ),
    ],
    bits: Annotated[int, bits_option(str(_DEFAULT_BITS))] = _DEFAULT_BITS,
    weights: HashWeights = None,
    output: Annotated[
        str | None,
        optional("DIR", "Folder for the Parquet files of --engine ray.", False, "--output", "-o"),
    ] = None,
    engine: Engine = "local",
    ray_address: RayAddress = None,
    device: Device = "auto",
    force: Annotated[
        bool, typer.Option("--force", "-f", help="With --engine ray: a folder in use, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the hashes of images in hexadecimal."""
    from aecodec.workflows.search import code_of, hashing, load_hasher

    if engine == "ray":
        from aecodec.images import IMAGE_SUFFIXES

        run_cluster(
            "hash",
            images,
            output,
            partial(hashing, weights=weights, bits=bits, device=device),
            How(force, as_json, quiet=False, ray_address=ray_address),
            suffixes=IMAGE_SUFFIXES | {SUFFIX},
            suffix="",
        )
        return
    if output is not None or force:
        raise typer.BadParameter("--output and --force are for --engine ray")
    paths = local_paths(images, ray_address)
    hasher = load_hasher(weights, bits, device)
    report, failed = [], False
    for path in paths:
        file = path
        try:
            with input_file(str(path)) as file:
                code = code_of(hasher, file)[: bits // 8].hex()
        except Exception as error:
            say(f"error: {named(path, without_path(explain(error), file, str(path)))}")
            failed = True
            continue
        report.append({"path": str(path), "hash": code})
        if not as_json:
            tell(f"{code}  {path}")
    if as_json:
        print_json(report)
    if failed:
        raise typer.Exit(1)
