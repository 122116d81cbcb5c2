from PIL import Image

from aecodec.evaluation.learned_codec import NAMES, LearnedCodec
from aecodec.evaluation.metrics import psnr
from aecodec.weights import shipped_codecs


def test_the_shipped_codec_fits_the_interface(photo: Image.Image) -> None:
    codec = LearnedCodec(device="cpu", qualities=(90, 20))
    assert codec.settings == [20, 90]
    files = [codec.encode(photo, setting) for setting in codec.settings]
    pictures = [codec.decode(data) for data in files]
    assert len(files[0]) < len(files[1])
    assert [(p.size, p.mode) for p in pictures] == [(photo.size, "RGB")] * 2
    assert psnr(photo, pictures[0]) < psnr(photo, pictures[1])


def test_codecs_that_ship_are_named_by_what_they_were_trained_for() -> None:
    codecs = [LearnedCodec(device="cpu", weights=name) for name in shipped_codecs()]
    assert [codec.name for codec in codecs] == list(NAMES.values())
