"""The Python blocks of the pages run as they stand, over small made data under the names that the pages use."""

import csv
import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from tests.docs.pages import PAGES, ROOT, blocks

import foveal


def example(name: str) -> ModuleType:
    """A script of examples/ as a module."""
    found = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages speak of: digits/, flowers/, flowers.zip, trees/, smears/, new/ and the run folder
    run/."""
    ground = tmp_path_factory.mktemp("docs")
    example("train_your_own_folder").make_class_folder(ground / "digits", per_class=12)
    flower_table(ground / "flowers")
    shutil.make_archive(str(ground / "flowers"), "zip", ground / "flowers")
    tree_table(ground / "trees")
    smear_table(ground / "smears")
    (ground / "new").mkdir()
    for number, path in enumerate(sorted((ground / "digits" / "7").iterdir())[:2]):
        shutil.copy(path, ground / "new" / f"{number}.png")
    foveal.train(ground / "digits", epochs=1, out=ground / "run")
    return ground


def flower_table(folder: Path) -> None:
    """labels.csv and the images that it names."""
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "split", "group"])
        for number in range(12):
            name = f"images/{number:04}.png"
            Image.new("RGB", (40, 30), (20 * number, 90, 60)).save(folder / name)
            table.writerow([name, ("rose", "tulip")[number % 2], "", f"garden-{number // 2}"])


def tree_table(folder: Path) -> None:
    """labels.csv with numbers, and the images that it names."""
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "age", "height"])
        for number in range(1, 21):
            name = f"images/{number:04}.png"
            Image.new("RGB", (40, 30), (10 * number, 90, 60)).save(folder / name)
            table.writerow([name, number, number / 3])


def smear_table(folder: Path) -> None:
    """labels.csv with sets of labels, and the images that it names."""
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "labels"])
        for number in range(1, 21):
            name = f"images/{number:04}.png"
            Image.new("RGB", (40, 30), (10 * number, 90, 60)).save(folder / name)
            table.writerow([name, ("red|white", "", "red")[number % 3]])


def arrays() -> dict[str, object]:
    """The names of docs/data.md that a reader has already: twelve images, their labels, splits and patients."""
    random = np.random.default_rng(0)
    return {
        "images": random.integers(0, 256, (12, 20, 24), dtype=np.uint8),
        "labels": np.arange(12) % 2,
        "splits": ["train"] * 6 + [None] * 6,
        "patients": [f"patient-{number // 2}" for number in range(12)],
    }


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if blocks(text, "python")])
def test_the_code_runs(page: str, ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ground, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("foveal.verbs.demo.EPOCHS", 1)  # all 30 take ten seconds
    namespace: dict[str, object] = arrays()
    for body in blocks(PAGES[page], "python"):
        exec(compile(body, page, "exec"), namespace)
