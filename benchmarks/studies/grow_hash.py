"""Train a deeper hash network from a checkpoint of a shallower one, as the shipped photo hash was.

    python benchmarks/studies/grow_hash.py last.ckpt --recipe deep.yaml --data photos --out deep

The blocks that are new in a stage come after those it had and add nothing at first, so that
the network starts as the function that was learned; the optimizer starts anew. Go on with
`aecodec train hash --recipe deep.yaml --data photos --out runs/deep --resume`.
"""

from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import torch

from aecodec.evaluation.arguments import arguments
from aecodec.training import kinds, run
from aecodec.training.hashing import HashTraining
from aecodec.training.recipe import HashRecipe, Recipe, load_recipe

STAGES = "model.encoder.stages."


def places(before: tuple[int, ...], after: tuple[int, ...]) -> list[int]:
    """Where each block of the shallower network is in the deeper: blocks of each stage."""
    starts = [sum(after[:stage]) for stage in range(len(after))]
    return [
        start + block for start, count in zip(starts, before, strict=True) for block in range(count)
    ]


def grow(task: HashTraining, saved: dict[str, torch.Tensor], before: tuple[int, ...]) -> None:
    """Give a new network what a shallower one has learned."""
    where = places(before, task.recipe.model.blocks)
    state = task.state_dict()
    new = set(state)
    for name, value in saved.items():
        if name.startswith(STAGES):
            block, _, rest = name.removeprefix(STAGES).partition(".")
            name = f"{STAGES}{where[int(block)]}.{rest}"
        state[name] = value
        new.discard(name)
    for name in new:  # relu(0 + x) is x, which is not negative
        if name.endswith("second.1.weight"):
            state[name] = torch.zeros_like(state[name])
    task.load_state_dict(state)


def main() -> None:
    parser = arguments(__doc__, data=None, out="folder of the run")
    parser.add_argument("checkpoint", type=Path, help="of the shallower network")
    parser.add_argument("--blocks", type=int, nargs="+", default=(1, 1, 2), help="which it has")
    parser.add_argument("--recipe", required=True, help="of the deeper one")
    parser.add_argument("--data", type=Path, required=True, nargs="+")
    args = parser.parse_args()
    saved = torch.load(args.checkpoint, map_location="cpu", weights_only=True)["state_dict"]

    def task(recipe: Recipe) -> HashTraining:
        assert isinstance(recipe, HashRecipe)
        made = HashTraining(recipe)
        grow(made, saved, tuple(args.blocks))
        return made

    kind = replace(kinds.KINDS["hash"], module=task)
    with patch.dict(kinds.KINDS, hash=kind):
        run.train(load_recipe(args.recipe, HashRecipe), args.data, args.out)


if __name__ == "__main__":
    main()
