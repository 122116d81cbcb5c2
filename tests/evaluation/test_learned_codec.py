import pytest
from PIL import Image

from aecodec.codec.config import DISTORTIONS
from aecodec.evaluation import learned_codec
from aecodec.evaluation.learned_codec import LearnedCodec, display_name, is_ours
from aecodec.evaluation.metrics import psnr


def test_the_shipped_codec_fits_the_interface(photo: Image.Image) -> None:
    codec = LearnedCodec(device="cpu", qualities=(90, 20))
    assert codec.settings == [20, 90]
    files = [codec.encode(photo, setting) for setting in codec.settings]
    pictures = [codec.decode(data) for data in files]
    assert len(files[0]) < len(files[1])
    assert [(p.size, p.mode) for p in pictures] == [(photo.size, "RGB")] * 2
    assert psnr(photo, pictures[0]) < psnr(photo, pictures[1])


def test_names_say_what_weights_are_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def ship(*distortions: str) -> None:
        cards = [{"task": "codec", "recipe": {"model": {"distortion": d}}} for d in distortions]
        monkeypatch.setattr(learned_codec, "shipped_models", lambda: [{"task": "hash"}, *cards])

    ship("mse", "ms-ssim")
    assert [display_name(d) for d in ("mse", "ms-ssim")] == ["aecodec", "aecodec, MS-SSIM"]
    ship("balanced", "mse")
    names = [display_name(d) for d in ("balanced", "mse")]
    assert names == ["aecodec", "aecodec, tuned for PSNR"]
    assert all(is_ours(name) for name in names)
    assert not any(is_ours(name) for name in ("AVIF, PSNR", "aecodecs"))


def test_every_distortion_has_a_name() -> None:
    names = {display_name(distortion) for distortion in DISTORTIONS}
    assert "aecodec" in names
    assert all(is_ours(name) for name in names)
