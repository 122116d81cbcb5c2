"""Mutate .aec files and decode them: only AecodecError may come out.

    python benchmarks/fuzz.py --mutations 100000 --out benchmarks/results

Plain mutations must be refused (or leave the picture untouched); mutations whose
checksums were recomputed may give another picture, but never anything else.
"""

from __future__ import annotations

import argparse
import random
import resource
import struct
import time
import zlib
from collections.abc import Mapping
from pathlib import Path

from aecodec.codec.container import MAGIC
from aecodec.codec.varint import pack_varint, unpack_varint
from aecodec.evaluation.results import markdown_table, write_result


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Flip bits, overwrite, cut, insert, duplicate or swap ranges."""
    out = bytearray(data)
    kind = rng.choice(["flip", "flip", "overwrite", "cut", "insert", "drop", "swap"])
    at = rng.randrange(len(out))
    length = rng.randint(1, 16)
    if kind == "flip":
        for _ in range(rng.randint(1, 3)):
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    elif kind == "overwrite":
        out[at : at + length] = rng.randbytes(length)
    elif kind == "cut":
        del out[at:]
    elif kind == "insert":
        out[at:at] = rng.randbytes(length)
    elif kind == "drop":
        del out[at : at + length]
    else:
        other = rng.randrange(len(out))
        out[at : at + length], out[other : other + length] = (
            out[other : other + length],
            out[at : at + length],
        )
    return bytes(out)


def with_valid_checksums(data: bytes, rng: random.Random) -> bytes:
    """Mutate the payload of one random chunk and recompute its length and checksum."""
    position, chunks = len(MAGIC) + 1, []
    while position < len(data):
        length, begin = unpack_varint(data, position + 1, "")
        chunks.append((data[position], data[begin : begin + length]))
        position = begin + length + 4
    chosen = rng.randrange(len(chunks))
    out = data[: len(MAGIC) + 1]
    for number, (kind, payload) in enumerate(chunks):
        if number == chosen and payload:
            payload = mutate(payload, rng)
        body = bytes([kind]) + pack_varint(len(payload)) + payload
        out += body + struct.pack("<I", zlib.crc32(body))
    return out


def tables(report: Mapping[str, float]) -> str:
    """What became of the files."""
    rows = [[name, f"{value:,}"] for name, value in report.items()]
    return "# Mutated files, decoded\n\n" + markdown_table(["", ""], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--forged", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    arguments = parser.parse_args()

    import skimage.data
    from PIL import Image

    from aecodec.codec.codec import Codec
    from aecodec.errors import AecodecError

    codec = Codec("cpu")
    image = Image.fromarray(skimage.data.chelsea()).resize((90, 60)).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    data = codec.compress(image, 40)
    expected = codec.decompress(data).tobytes()
    rng = random.Random(arguments.seed)
    counts = {"refused": 0, "same picture": 0, "wrong picture": 0, "forged refused": 0}
    counts["forged decoded"] = 0
    started = time.monotonic()
    slowest = 0.0
    for number in range(arguments.mutations + arguments.forged):
        forged = number >= arguments.mutations
        damaged = with_valid_checksums(data, rng) if forged else mutate(data, rng)
        begun = time.monotonic()
        try:
            same = codec.decompress(damaged).tobytes() == expected
            outcome = "forged decoded" if forged else "same picture" if same else "wrong picture"
        except AecodecError:
            outcome = "forged refused" if forged else "refused"
        slowest = max(slowest, time.monotonic() - begun)
        counts[outcome] += 1
    report = {
        **counts,
        "seconds": round(time.monotonic() - started, 1),
        "slowest decode in seconds": round(slowest, 3),
        "peak memory in MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    text = tables(report)
    write_result(arguments.out / "fuzz.json", report, text)
    print(text)
    if counts["wrong picture"]:
        raise SystemExit("a mutated file gave a wrong picture")


if __name__ == "__main__":
    main()
