import pytest
from PIL import Image

from aecodec.evaluation.classic_codecs import (
    Avif,
    AvifPsnr,
    ImageCodec,
    Jpeg,
    available,
    file_of_size,
)
from aecodec.evaluation.metrics import psnr


def test_jpeg_is_there_and_comes_first() -> None:
    assert available()[0].name == "JPEG"
    names = [codec.name for codec in available()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("codec", available(), ids=lambda codec: codec.name)
def test_settings_run_from_small_and_poor_to_large_and_good(
    codec: ImageCodec, photo: Image.Image
) -> None:
    low, middle, high = (codec.settings[i] for i in (0, len(codec.settings) // 2, -1))
    files = [codec.encode(photo, setting) for setting in (low, middle, high)]
    pictures = [codec.decode(data) for data in files]
    assert [(p.size, p.mode) for p in pictures] == [(photo.size, "RGB")] * 3
    assert len(files[0]) < len(files[1]) < len(files[2])
    quality = [psnr(photo, picture) for picture in pictures]
    assert quality[0] < quality[1] < quality[2]
    assert quality[0] > 15
    assert quality[2] > 33


def test_jpeg_is_progressive_and_smaller_than_the_default(photo: Image.Image, tmp_path) -> None:
    data = Jpeg().encode(photo, 50)
    (tmp_path / "ours.jpg").write_bytes(data)
    photo.save(tmp_path / "plain.jpg", quality=50)
    with Image.open(tmp_path / "ours.jpg") as image:
        assert image.info["progressive"]
    assert len(data) < (tmp_path / "plain.jpg").stat().st_size


@pytest.mark.skipif(not AvifPsnr().works(), reason="Pillow without AVIF by aom")
def test_avif_tuned_for_psnr_is_ahead_by_it_and_keeps_more_colour(photo: Image.Image) -> None:
    tuned, plain = AvifPsnr(), Avif()
    data = tuned.encode(photo, 60)
    larger = file_of_size(plain, photo, len(data))
    decoded = tuned.decode(data), plain.decode(larger)
    assert len(data) <= len(larger)
    assert psnr(photo, decoded[0]) > psnr(photo, decoded[1])
    reds = [picture.convert("YCbCr").getchannel("Cr") for picture in (photo, *decoded)]
    assert psnr(reds[0], reds[1]) > psnr(reds[0], reds[2])
