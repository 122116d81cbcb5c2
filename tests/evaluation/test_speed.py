from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data

from aecodec.errors import AecodecError
from aecodec.evaluation import machine
from aecodec.evaluation.classic_codecs import Jpeg
from aecodec.evaluation.speed import measure as speed


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(data.coffee()).resize((800, 533)).rotate(90, expand=True).save(
        folder / "tall.png"
    )
    return folder


class FakeLearnedCodec(Jpeg):
    name = "aecodec"

    def __init__(self, *, device: str, qualities: tuple[int, ...], **how: str) -> None:
        pass

    def preview(self, data: bytes) -> Image.Image:
        return self.decode(data).reduce(8)


def test_all_codecs_are_timed_in_turn(photo: Image.Image) -> None:
    order = []

    def contestant(name: str) -> speed.Contestant:
        def encode(image: Image.Image) -> str:
            order.append(f"encode {name}")
            return name

        def decode(compressed: str) -> Image.Image:
            assert compressed == name
            order.append(f"decode {name}")
            return photo

        return speed.Contestant(name, encode, decode, len)

    times = speed.time_interleaved([contestant("a"), contestant("b")], photo, repeats=3)
    assert order[4:] == 3 * ["encode a", "decode a", "encode b", "decode b"]
    assert len(times["a"].encode) == len(times["b"].decode) == 3
    assert times["a"].bpp == pytest.approx(8 / (240 * 176))


@pytest.mark.skipif(find_spec("compressai") is None, reason="CompressAI is not installed")
def test_a_run_reports_ratios_to_mbt2018_mean(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "LearnedCodec", FakeLearnedCodec)
    monkeypatch.setattr(speed, "cold_start", lambda image: {"help_s": 0.1, "compress_s": 1.0})
    result = speed.run_speed(tmp_path / "out", data=photos, repeats=1, threads=(1,))["figures"]
    rows = {row["codec"]: row for row in result["rows"]}
    assert rows["mbt2018-mean"]["encode_ratio"] == 1
    assert rows["JPEG (quality 25)"]["encode_ratio"] < 0.5
    assert speed.PREVIEW in rows
    for name in ("bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean"):
        assert 0.4 < rows[name]["bpp"] < 0.6, "the entropy coder has an unusual load"
    table = (tmp_path / "out" / "speed.md").read_text()
    assert "untrained" in table
    assert (tmp_path / "out" / "speed.json").exists()


def test_a_small_photo_is_refused(tmp_path: Path, photo: Image.Image) -> None:
    photo.save(tmp_path / "small.png")
    with pytest.raises(AecodecError, match="768x512"):
        speed.run_speed(tmp_path / "out", data=tmp_path)


def test_threads_are_set_and_put_back() -> None:
    before = torch.get_num_threads()
    with machine.threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_a_failing_command_line_is_an_error() -> None:
    with pytest.raises(AecodecError, match="no-such-command"):
        speed._wall_time(["no-such-command"])
