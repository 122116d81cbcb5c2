"""How much of the noise of real photos the denoiser finds: a table on standard output.

    python -m benchmarks.studies.flat_places --data photos [--weights denoiser.safetensors]

In flat places of 64x64 pixels what a cubic surface leaves is the noise that the camera, resizing
and compression left. Columns: strength, places, and the median of the level found in them to the
true one; the same with that noise replaced by Gaussian noise of its spectrum (random phases), and
by white noise.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aecodec.denoising.weights import DEFAULT_MODEL, load
from aecodec.images import find_photos, open_image, to_8_bits
from aecodec.weights import find_weights

Floats = npt.NDArray[np.float32]

_SIDE = 64
_BOUNDS = (1.2, 2.0, 3.0, 5.0, 20.0)
_MOST = 6  # places of a photo, the quietest


def surfaces() -> Floats:
    """An orthonormal basis of the cubic ones, (pixels, 10)."""
    y, x = np.mgrid[:_SIDE, :_SIDE].reshape(2, -1) / _SIDE - 0.5
    terms = [x**i * y**j for i in range(4) for j in range(4 - i)]
    return np.linalg.qr(np.stack(terms, 1))[0].astype(np.float32)


def flat_places(photo: Floats, basis: Floats) -> list[tuple[Floats, Floats]]:
    """Surfaces and what they leave, (64, 64, 3) each, where that looks like noise."""
    rows, columns = photo.shape[0] // _SIDE, photo.shape[1] // _SIDE
    blocks = photo[: rows * _SIDE, : columns * _SIDE].reshape(rows, _SIDE, columns, _SIDE, 3)
    blocks = blocks.swapaxes(1, 2).reshape(-1, _SIDE**2, 3)
    ground = np.einsum("pk,bkc->bpc", basis, np.einsum("pk,bpc->bkc", basis, blocks))
    rest = blocks - ground
    cells = rest.reshape(-1, 4, 16, 4, 16, 3)
    strength = np.sqrt((rest**2).mean((1, 2)))
    coarse = np.sqrt((cells.mean((2, 4)) ** 2).mean((1, 2, 3)))
    each = np.sqrt((cells**2).mean((2, 4, 5))).reshape(-1, 16)
    peaked = (rest**4).mean((1, 2)) / np.maximum((rest**2).mean((1, 2)) ** 2, 1e-9)
    clipped = ((blocks < 8) | (blocks > 247)).mean((1, 2))
    alike = (each.max(1) < 1.5 * each.min(1)) & (coarse < 0.2 * strength) & (peaked < 3.6)
    (found,) = np.nonzero(alike & (clipped < 0.02) & (strength > _BOUNDS[0]))
    found = found[np.argsort(strength[found])]
    found = found[: min(_MOST, max(3, len(found) // 4))] if len(found) >= 3 else found[:0]
    shape = (_SIDE, _SIDE, 3)
    return [(ground[i].reshape(shape), rest[i].reshape(shape)) for i in found]


def variants(rest: Floats, rng: np.random.Generator) -> list[Floats]:
    phases = np.fft.fft2(rng.normal(size=(_SIDE, _SIDE)))
    phases /= np.maximum(np.abs(phases), 1e-9)
    same_spectrum = np.fft.ifft2(np.fft.fft2(rest, axes=(0, 1)) * phases[..., None], axes=(0, 1))
    white = rng.normal(size=rest.shape) * rest.std()
    return [rest, same_spectrum.real.astype(np.float32), white.astype(np.float32)]


def level(networks: Any, pixels: Floats) -> float:
    """The median of the levels found, but for the edges."""
    x = np.ascontiguousarray(np.round(pixels).transpose(2, 0, 1)[None] / np.float32(255))
    return 255 * float(np.median(networks.estimate(x, None)[0, 0, 2:-2, 2:-2]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", default=DEFAULT_MODEL, help="a name or a file")
    parser.add_argument("--every", type=int, default=2, help="of so many photos one")
    args = parser.parse_args()
    networks = load(find_weights(args.weights, "denoise"), "onnx").networks
    basis, rng = surfaces(), np.random.default_rng(0)
    found = []
    for path in find_photos(args.data)[:: args.every]:
        photo = np.asarray(to_8_bits(open_image(path)).convert("RGB"), np.float32)
        for ground, rest in flat_places(photo, basis):
            ratios = [level(networks, ground + n) / n.std() for n in variants(rest, rng)]
            found.append((float(rest.std()), *ratios))
    table = np.array(found)
    print("strength|places|real|random phases|white")
    for low, high in zip(_BOUNDS, _BOUNDS[1:], strict=False):
        rows = table[(table[:, 0] >= low) & (table[:, 0] < high)]
        if len(rows):
            medians = "|".join(f"{x:.2f}" for x in np.median(rows[:, 1:], 0))
            print(f"{low:g} to {high:g}|{len(rows)}|{medians}")


if __name__ == "__main__":
    main()
