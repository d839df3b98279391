"""A task is a column: a room of its name on each floor, and nothing anywhere else."""

import ast
from pathlib import Path

import numpy as np
import pytest

import foveal
from foveal.annotations import Instance, Objects
from foveal.answers import ANSWERING
from foveal.answers.regress import Measured
from foveal.cli import main
from foveal.images.sources import ArrayImage
from foveal.read import LEARNED_FROM, READERS
from foveal.recipes import RECIPES
from foveal.reporting.tasks import PRESENTATIONS
from foveal.tasks import TASKS
from foveal.types import Dataset, Sample

SRC = Path(foveal.__file__).parent
FLOORS = {"answers": ANSWERING, "tasks": TASKS, "recipes": RECIPES, "reporting": PRESENTATIONS, "read": LEARNED_FROM}
ROOMS = {"answers", "tasks", "recipes", "reporting/tasks", "reporting/galleries"}
INDEXES = {"read/__init__.py", "recipes/__init__.py"}
"""Beside the rooms' own: where a task's name stands as a key, or as the one that is usual."""


@pytest.mark.parametrize("floor", FLOORS)
def test_every_floor_has_a_room_for_every_task(floor: str) -> None:
    assert list(FLOORS[floor]) == list(TASKS)


def test_every_room_names_its_own_task() -> None:
    assert [RECIPES[task].name for task in TASKS] == list(TASKS)
    assert [ANSWERING[task].make(("a", "b"), {}).task for task in TASKS] == list(TASKS)
    made = [TASKS[task].make(("a", "b"), TASKS[task].settings(), ANSWERING[task].decision()) for task in TASKS]
    assert [each.name for each in made] == list(TASKS)


def names_that_decide(source: str) -> set[str]:
    """Tasks' names that the source compares with, matches, or has as keys."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.Compare):
            parts = [node]
        if isinstance(node, ast.MatchValue):
            parts = [node.value]
        if isinstance(node, ast.Dict):
            parts = list(node.keys)
        if isinstance(node, ast.Subscript):
            parts = [node.slice]
        for part in parts:
            if part is not None:
                strings = {each.value for each in ast.walk(part) if isinstance(each, ast.Constant)}
                found |= strings & set(TASKS)
    return found


def test_no_tasks_name_decides_outside_its_rooms() -> None:
    found = {}
    for path in sorted(SRC.rglob("*.py")):
        place = path.relative_to(SRC)
        in_room = place.parent.as_posix() in ROOMS and (place.stem in TASKS or place.stem == "__init__")
        if not in_room and place.as_posix() not in INDEXES:
            found[place.as_posix()] = names_that_decide(path.read_text(encoding="utf-8"))
    assert {path: names for path, names in found.items() if names} == {}


def test_such_names_are_found() -> None:
    assert names_that_decide('a = task == "detect"') == {"detect"}
    assert names_that_decide('a = task in ("regress", other)') == {"regress"}
    assert names_that_decide('a = {"segment": 1}[task]') == {"segment"}
    assert names_that_decide('a = rules["classify"]') == {"classify"}
    assert names_that_decide('match task:\n    case "multilabel":\n        pass') == {"multilabel"}
    assert names_that_decide('a = Task(name="detect")') == set()


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sixth task: a line a floor."""
    rooms = "tests.contracts.counting"
    monkeypatch.setitem(LEARNED_FROM, "counting", Objects)
    monkeypatch.setitem(ANSWERING.places, "counting", f"{rooms}.answering:ROOM")
    monkeypatch.setitem(TASKS.places, "counting", f"{rooms}.learning:ROOM")
    monkeypatch.setitem(RECIPES.places, "counting", f"{rooms}.recipe:RECIPE")
    monkeypatch.setitem(PRESENTATIONS.places, "counting", f"{rooms}.presentation:PRESENTATION")


def squares(folder: Path, count: int = 48) -> Path:
    """A COCO data set of 32×32 images with none to four bright squares and as many dark ones."""
    random = np.random.default_rng(0)
    pixels = np.full((count, 32, 32, 1), 128, np.uint8)
    samples = []
    for index, image in enumerate(pixels):
        cells = random.permutation(16)
        numbers = random.integers(0, 5, 2)
        found = []
        for label, chosen in enumerate((cells[: numbers[0]], cells[4 : 4 + numbers[1]])):
            for cell in chosen.tolist():
                top, left = 8 * (cell // 4) + 1, 8 * (cell % 4) + 1
                image[top : top + 6, left : left + 6] = 255 * (1 - label)
                found.append(Instance(label=label, box_xyxy=(left, top, left + 6, top + 6)))
        split = "test" if index % 4 == 0 else "train"
        samples.append(
            Sample(
                id=f"{split}/{index}.png",
                image=ArrayImage(lambda: pixels, index, str(index)),
                annotation=Objects(tuple(found)),
                split=split,  # type: ignore[arg-type]
                size_hw=(32, 32),
            )
        )
    dataset = Dataset(name="squares", format="coco", root=None, classes=("bright", "dark"), samples=tuple(samples))
    READERS["coco"].write(dataset, folder)
    return folder


@pytest.mark.usefixtures("counting")
def test_a_task_comes_by_its_rooms_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = squares(tmp_path / "data"), tmp_path / "run"
    result = foveal.train(data, task="counting", epochs=2, device="cpu", out=run)
    assert "2 classes to count" in capsys.readouterr().err
    assert result["metrics"]["relative_mae"]["value"] > 0
    evaluated = foveal.evaluate(run, data)
    assert evaluated["task"] == "counting"
    assert evaluated["metrics"] == result["metrics"]
    assert list(evaluated["per_target"]) == ["bright", "dark"]
    image = next(data.rglob("*.png"))
    answer = foveal.load(run, engine="eager", precision="float32", device="cpu")(image)
    assert isinstance(answer, Measured)
    assert list(answer.values) == ["bright", "dark"]
    assert "Mean error" in (run / "report.html").read_text(encoding="utf-8")
    for words in (["evaluate", str(run), str(data)], ["predict", str(run), str(image)]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code in (None, 0)
    printed = capsys.readouterr().out
    assert "counting: 12 test images" in printed
    assert f"{image}\tbright\t{answer.values['bright']:.6g}" in printed
