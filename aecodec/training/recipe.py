"""Training recipes: YAML files beside this module, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml

from aecodec.codec.config import CodecConfig
from aecodec.denoising.config import PARTS, DenoiserConfig
from aecodec.denoising.mixture import SHARES
from aecodec.errors import RecipeError
from aecodec.hashing.config import HashConfig
from aecodec.nn.ms_ssim import MIN_SIDE as MS_SSIM_MIN_SIDE
from aecodec.training.data import Phase
from aecodec.training.soap import SoapConfig

_NUMBERS = {"int": (int,), "float": (int, float)}
_AT_LEAST_ONE = (
    "steps",
    "batch",
    "crop",
    "large_crop",
    "ema_every",
    "validate_every",
    "save_every",
    "drawn_pictures",
)


@dataclass(frozen=True)
class Recipe:
    """How to train a model, whichever it is.

    Attributes:
        steps: optimizer steps of the whole run; the schedule counts in them.
        batch, crop: crops a step and their side in pixels.
        scales: sizes at which each photo is offered; downscaling removes the
            artefacts of lossy training photos and varies their statistics.
        own_noise: photos, at each size, with more noise of their own than this are left out
            (`aecodec.training.own_noise`); None: none are.
        learning_rate: its peak.
        warmup: steps of linear warm-up.
        decay: fraction of the steps, at the end, over which the rate falls to zero.
        large_crop, large_crop_from: side of the crops in the last phase, and the
            fraction of the steps after which it starts; the batch shrinks to keep
            the number of pixels.
        clip: bound on the gradient's norm.
        ema: decay of the weight average, applied every `ema_every` steps.
        held_out: photos kept for validation.
        validate_every, save_every: in steps.
        seed: of weights, data and noise.
        drawn: share of crops that are of drawn pictures (`aecodec.training.drawn`), 0 to 1.
        drawn_pictures: how many are drawn for the run, from its seed.
        soap: the optimizer's other settings.
    """

    steps: int = 200_000
    batch: int = 8
    crop: int = 256
    scales: tuple[float, ...] = (1.0, 0.7, 0.5)
    own_noise: float | None = None
    learning_rate: float = 4e-4
    warmup: int = 500
    decay: float = 0.25
    large_crop: int = 384
    large_crop_from: float = 0.9
    clip: float = 1.0
    ema: float = 0.998
    ema_every: int = 5
    held_out: int = 20
    validate_every: int = 2_500
    save_every: int = 500
    seed: int = 0
    drawn: float = 0.12
    drawn_pictures: int = 400
    soap: SoapConfig = field(default_factory=SoapConfig)

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            known: tuple[type, ...] = _NUMBERS.get(str(one.type), ())
            if known and (isinstance(value, bool) or not isinstance(value, known)):
                # 4e-4 is a text to YAML.
                raise ValueError(
                    f"{one.name} must be a number such as {one.default}, not {value!r}"
                )
        for name in _AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.drawn <= 1:
            raise ValueError(f"drawn must be between 0 and 1, not {self.drawn}")

    def phases(self) -> list[Phase]:
        """Small crops, then large ones, the number of pixels in a batch about the same."""
        shrunk = max(1, round(self.batch * (self.crop / self.large_crop) ** 2))
        start = round(self.large_crop_from * self.steps)
        return [Phase(0, self.batch, self.crop), Phase(start, shrunk, self.large_crop)]


@dataclass(frozen=True)
class CodecRecipe(Recipe):
    """How to train a codec of some architecture.

    Attributes:
        noisy_slope: of `CodecModel`.
        range_margin: by this share, ranges of activations that a run begins with are wider than
            what photographs reach: its weights change, and what they reach with them.
        revive: steps, fewer than all, in which hidden channels that never cross zero learn to
            (`aecodec.training.revival`), where a run begins with trained weights; 0: none.
        log_offset: added before the loss's logarithm, in bits per pixel; 16 bytes in 256x256
            pixels are 0.002.
        fast: train the leaner analysis for `--effort fast` (`aecodec.codec.fast`) alone, for
            weights to begin with.

    Raises:
        ValueError: crops are too small for the model's distortion.
    """

    model: CodecConfig = field(default_factory=CodecConfig)
    noisy_slope: float = 0.8
    range_margin: float = 0.1
    revive: int = 0
    log_offset: float = 0.002
    fast: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        least = min(self.crop, self.large_crop)
        if self.model.distortion != "mse" and least < MS_SSIM_MIN_SIDE:
            raise ValueError(f"MS-SSIM needs crops of at least {MS_SSIM_MIN_SIDE} pixels")
        if not 0 <= self.revive < self.steps:
            raise ValueError(f"revive must be from 0 to under {self.steps} steps")


@dataclass(frozen=True)
class DecoderRecipe(Recipe):
    """How to train a codec's decoder in 8 bits, for weights to begin with.

    Attributes:
        model: of the codec.
        pull: how much of the loss is the squared error against the float decoder's pixels; the
            rest is the model's distortion against the original's.
        samples: crops that tell what a unit of each byte is, and that layers are fitted to before
            training.
        fast: train the leaner one for `--decoder fast` (`aecodec.codec.fast`) instead.

    Raises:
        ValueError: `pull` is not from 0 to 1, or there are no samples.
    """

    model: CodecConfig = field(default_factory=CodecConfig)
    pull: float = 0.5
    samples: int = 160
    fast: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.pull <= 1:
            raise ValueError(f"pull must be from 0 to 1, not {self.pull}")
        if self.samples < 1:
            raise ValueError(f"samples must be at least 1, not {self.samples}")


@dataclass(frozen=True)
class DenoiserRecipe(Recipe):
    """How to train a denoiser of some architecture.

    Attributes:
        invisible: errors below so many levels of 8 bits count little.
        parts: of the model that learn; the others stay as they begin.
        level_weight: of the errors of the estimated noise levels and kinds in the loss.
        level_factor: least and largest factor on what the estimator finds in noise that is not
            Gaussian, so that the denoiser does not rely on it there.
        mixture: how often each kind of noise occurs (`aecodec.denoising.mixture`); kinds that
            are left out do not occur.

    Raises:
        ValueError: the mixture has an unknown kind, or nothing in it.
    """

    model: DenoiserConfig = field(default_factory=DenoiserConfig)
    invisible: float = 1.0
    parts: tuple[str, ...] = PARTS
    level_weight: float = 0.1
    level_factor: tuple[float, float] = (1.0, 1.0)
    mixture: dict[str, float] = field(default_factory=SHARES.copy)

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := self.mixture.keys() - SHARES.keys():
            names = ", ".join(sorted(map(str, unknown)))
            raise ValueError(f"mixture has no {names}; there are {', '.join(SHARES)}")
        if not self.parts or set(self.parts) - set(PARTS):
            raise ValueError(f"parts must be some of {', '.join(PARTS)}")
        if min(self.mixture.values(), default=0) < 0 or not sum(self.mixture.values()):
            raise ValueError("mixture must have shares of at least 0, and not only zeros")


@dataclass(frozen=True)
class HashRecipe(Recipe):
    """How to train a hash model of some architecture: what it shall overlook, and its losses.

    Of the common settings, `crop` is the side of the squares that pictures are kept as;
    `scales`, `large_crop`, `drawn` and `drawn_pictures` do not matter.

    Attributes:
        photo_share: fraction of a batch that is of photos rather than of packed images.
        regions: pieces kept of each photo, beside the whole.
        mixup: fraction of a batch into which another picture is blended: pictures not seen before.
        clean_view: probability that one of two views is the picture as it is.
        single_alteration: share of views that have one alteration only, as near-duplicates
            mostly do.
        area: fraction of a picture that a view may show.
        centred: whether crops are mostly from the middle.
        turn: degrees by which half of the views are rotated at most.
        quarter_turn, flip, border, grey, blur, noise, jpeg, overlay: probabilities.
        jitter: strength of changes in brightness, contrast, saturation and gamma.
        temperature: of the contrastive loss on the codes.
        projection: weight of the contrastive loss on projections.
        covariance, reconstruction, quantisation_weight: weights of these losses; the last keeps
            bits from tipping.
        stochastic: fraction of the steps, at the start, in which bits are drawn.
        neighbours: how many pictures of earlier steps are kept, for the nearest of them to
            share a picture's code; 0: none.
        neighbours_from: fraction of the steps after which it does.
    """

    model: HashConfig = field(default_factory=HashConfig)
    photo_share: float = 0.4
    regions: int = 15
    mixup: float = 0.0
    clean_view: float = 0.5
    single_alteration: float = 0.0
    area: tuple[float, float] = (0.3, 1.0)
    centred: bool = False
    turn: float = 20.0
    quarter_turn: float = 0.1
    flip: float = 0.5
    border: float = 0.2
    jitter: float = 0.4
    grey: float = 0.2
    blur: float = 0.3
    noise: float = 0.3
    jpeg: float = 0.1
    overlay: float = 0.3
    temperature: float = 0.3
    projection: float = 1.0
    covariance: float = 0.1
    reconstruction: float = 0.2
    quantisation_weight: float = 0.0
    stochastic: float = 0.2
    neighbours: int = 0
    neighbours_from: float = 0.5


AnyRecipe = TypeVar("AnyRecipe", CodecRecipe, DecoderRecipe, DenoiserRecipe, HashRecipe)


def load_recipe(
    name: str,
    kind: type[AnyRecipe] = CodecRecipe,  # type: ignore[assignment]
) -> AnyRecipe:
    """The recipe of this name, or in this YAML file.

    Args:
        name: of a shipped recipe, or a path that ends in ".yaml".
        kind: what it is to train.

    Raises:
        RecipeError: when there is no such recipe or it has unknown keys.
    """
    folder = resources.files("aecodec.training") / "recipes"
    path: Any = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.is_file():
        known = sorted(p.name.removesuffix(".yaml") for p in folder.iterdir())
        raise RecipeError(f"no recipe {name!r}; known: {', '.join(known)}")
    try:
        values = _settings(yaml.safe_load(path.read_text()) or {}, kind)
        for part in ("model", "soap"):
            made = type(getattr(kind(), part))
            values[part] = made(**_settings(values.get(part, {}), made))
        return kind(**values)
    except (TypeError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())  # YAML's are of several lines
        raise RecipeError(f"recipe {name!r}: {reason}") from error


def _settings(values: Any, kind: type) -> dict[str, Any]:
    """Those of a recipe or of its model, if it has such."""
    if not isinstance(values, dict):
        raise ValueError(f"has {values!r} where settings should be, each NAME: VALUE")
    known = [one.name for one in fields(kind)]
    if unknown := [str(name) for name in values if name not in known]:
        raise ValueError(
            f"a {kind.__name__} has no setting {', '.join(unknown)};"
            " is it a recipe of another kind?"
        )
    return _with_tuples(values)


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    """YAML knows lists only."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
