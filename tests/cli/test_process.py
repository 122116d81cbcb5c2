"""The command line as a process of its own: terminals, signals, pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from PIL import Image

from tests.processes import run_python

COMMAND = [sys.executable, "-m", "aecodec_cli"]
posix = pytest.mark.skipif(os.name == "nt", reason="signals and terminals of POSIX")


@pytest.fixture
def photos(small: Image.Image, tmp_path: Path) -> Path:
    for name in "abc":
        small.crop((0, 0, 32, 32)).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What runs in the background of a shell, and all that it starts, is deaf to Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@posix
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_is_quiet_and_leaves_no_half_file(small: Image.Image, tmp_path: Path) -> None:
    small.crop((0, 0, 32, 32)).save(tmp_path / "a.png")
    small.resize((2000, 2000)).save(tmp_path / "b.png")  # long enough to be interrupted
    process = subprocess.Popen(
        [*COMMAND, "compress", "a.png", "b.png"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline().startswith("a.png -> a.aec")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == ""
    assert sorted(os.listdir(tmp_path)) == ["a.aec", "a.png", "b.png"]


def test_ctrl_c_while_it_is_being_imported_is_quiet() -> None:
    code = """if True:
        import builtins, sys

        load = builtins.__import__

        def interrupted(name, *rest):
            if name == "typer":
                raise KeyboardInterrupt
            return load(name, *rest)

        from aecodec_cli.__main__ import main

        builtins.__import__ = interrupted
        sys.exit(main())
    """
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_installed_command_is_what_is_tested_here() -> None:
    (command,) = entry_points(group="console_scripts", name="aecodec")
    assert command.value == "aecodec_cli.__main__:main"


@posix
def test_a_reader_that_leaves_early_is_no_traceback(photos: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "compress", "."], cwd=photos, stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert done.returncode == 1
    assert done.stderr == ""


@posix
def test_the_progress_bar_leaves_redirected_output_alone(photos: Path) -> None:
    import pty

    parent, child = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "compress", "."], cwd=photos, stdout=subprocess.PIPE, stderr=child, text=True
    )
    os.close(child)
    seen = b""
    while True:
        try:
            part = os.read(parent, 4096)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not part:
            break
        seen += part
    os.close(parent)
    assert "3/3" in seen.decode()
    assert b"a.aec" not in seen
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["a.png", "b.png", "c.png", "total:"]
    assert "\x1b" not in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are no text")
def test_names_that_the_terminal_cannot_show(photos: Path) -> None:
    name = os.fsencode(photos) + b"/\xff\xe9.png"
    os.rename(photos / "a.png", name)
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*COMMAND, "compress", name], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "\\udcff" in done.stdout
    assert os.path.exists(name.replace(b".png", b".aec"))


def test_importing_the_package_and_the_command_line_is_light() -> None:
    heavy = {"torch", "lightning", "numpy", "PIL", "scipy", "yaml", "rich"}
    code = f"import sys, aecodec, aecodec_cli.app; print(*({heavy!r} & set(sys.modules)))"
    assert run_python(code, check=True).stdout.strip() == ""
