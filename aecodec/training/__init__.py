"""Training of the shipped models, with Lightning."""

from aecodec.errors import require

require("training", "train", "torch", "lightning", "yaml", "matplotlib")

from aecodec.torchvision_repair import make_importable  # noqa: E402

make_importable()  # before anything here imports Lightning
