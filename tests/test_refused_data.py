"""What the command line does with archives and tables that are refused: one line, exit code 1, nothing written."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image
from tests.made import shape_folder
from tests.read.test_evil_archives import TARS, ZIPS
from tests.test_cli import run

ARCHIVES = {f"{name}.zip": make for name, (make, _) in ZIPS.items()}
ARCHIVES |= {f"{name}.tar": make for name, (make, _) in TARS.items()}
TABLES = {
    "no label column": b"path,kind\na.png,cat\nb.png,dog\n",
    "a missing file": b"path,label\na.png,cat\nb.png,dog\nc.png,cat\n",
    "two labels": b"path,label\na.png,cat\na.png,dog\nb.png,dog\n",
    "no number": b"\xef\xbb\xbfpath;size\na.png;nan\nb.png;3\n",
    "no text": b"path,label\na.png,c\xe4t\nb.png,dog\n",
    "empty": b"",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refused")
    data = shape_folder(folder / "data", count=12)
    assert run("train", data, "--model", "lenet5", "--epochs", 1, "--out", folder / "run") == 0
    return folder / "run"


def refused(words: Sequence[object], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that `foveal WORDS` ends with; nothing in `folder` has changed."""
    before = sorted(folder.rglob("*"))
    capsys.readouterr()
    assert run(*words) == 1
    assert sorted(folder.rglob("*")) == before
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(name: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = ARCHIVES[name](tmp_path / f"x{Path(name).suffix}")
    commands = (
        ("train", archive, "--out", tmp_path / "run"),
        ("convert", archive, "--to", "csv", "--out", tmp_path / "out.csv"),
        ("evaluate", model, archive),
        ("predict", model, archive),
    )
    for words in commands:
        assert refused(words, tmp_path, capsys).startswith(f"foveal: {archive}: ")


@pytest.mark.parametrize("name", TABLES)
def test_tables(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for image in ("a.png", "b.png"):
        Image.new("L", (32, 32)).save(tmp_path / image)
    table = tmp_path / "x.csv"
    table.write_bytes(TABLES[name])
    target = ("--target", "size") if name == "no number" else ()
    assert refused(("train", table, *target, "--out", tmp_path / "run"), tmp_path, capsys).startswith(
        f"foveal: {table}"
    )
