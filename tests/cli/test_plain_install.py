"""What a plain installation can do, and what it says of the rest."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

import aecodec
from tests.conftest import psnr
from tests.processes import run_python

SCRIPT = """
import os, sys
absent = "torch scipy matplotlib lightning compressai pytorch_msssim polars sklearn yaml onnx"
for name in absent.split():
    sys.modules[name] = None
import aecodec
from aecodec_cli.app import main

def run(*arguments):
    print("$", *arguments, flush=True)
    print(main(arguments), flush=True)

run("compress", "a.png", "b.png", "--quality", "60", "--json")
run("compress", "a.png", "-o", "good.aec", "--ssimulacra2", "60")
run("decompress", "a.aec", "-o", "back.png")
run("info", "a.aec")
run("thumbnail", "a.aec", "-o", "small.png")
run("hash", "a.png", "b.png")
run("index", "a.png", "b.png", "--index", "i.sqlite3")
run("search", "a.aec", "--index", "i.sqlite3", "-n", "1")
run("search", "a.png", "--index", "i.sqlite3", "--html", "found.html")
run("models")
run("export", "codec-psnr", "-o", "onnx")
run("denoise", "a.png")
run("corrupt", "a.png", "-o", "noisy.png")
run("duplicates", "--index", "i.sqlite3")
run("train", "codec", "--data", ".")
run("compress", "a.png", "--effort", "max", "--force")
run("ae", "fit", "linear", "data.npy", "-o", "m.ae")
run("bench", "rd", "--data", ".", "--out", "rd")
if hasattr(os, "fork"):
    expected = aecodec.compress("a.png", 60)
    child = os.fork()
    if not child:
        os._exit(0 if aecodec.compress("a.png", 60) == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
"""
WORKS = 12  # of these, the first


def test_a_plain_installation(tmp_path: Path, cat: Image.Image) -> None:
    cat.crop((100, 50, 228, 150)).save(tmp_path / "a.png")
    cat.crop((200, 100, 300, 228)).save(tmp_path / "b.png")
    (tmp_path / "data.npy").write_bytes(b"")
    done = run_python(SCRIPT, timeout=600, cwd=tmp_path, check=True)
    commands = done.stdout.split("$ ")[1:]
    codes = [int(command.split()[-1]) for command in commands]
    assert codes == [0] * WORKS + [1] * (len(commands) - WORKS), done.stdout + done.stderr
    assert "a.png" in commands[7]
    with Image.open(tmp_path / "back.png") as back, Image.open(tmp_path / "a.png") as image:
        assert 25 < psnr(back, image) < 60
        assert (tmp_path / "good.aec").stat().st_size < len(aecodec.compress(image, 95))
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    extras = ["train", "train", "train", "train", "autoencoders", "bench"]
    assert len(errors) == len(extras), done.stderr
    for line, extra in zip(errors, extras, strict=True):
        assert f"needs the extra {extra!r}: pip install 'aecodec[{extra}]'" in line
