"""Training of the shipped models, with Lightning."""

from aecodec.torchvision_repair import make_importable

make_importable()  # before anything here imports Lightning
