"""The experiments on the bundled digits, in seconds: that they run and say what they promise, not what they find."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from foveal.files import read_json

FOLDER = Path(__file__).parents[2] / "examples" / "fundamentals"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "experiments")


@pytest.fixture(autouse=True)
def _their_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)


def script(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_answers(name: str, tmp_path: Path) -> None:
    found = script(name).answer(None, seeds=1)
    found.save(tmp_path)
    head, rule, *rows = found.table.splitlines()
    assert len(rows) >= 2
    assert {line.count("|") for line in (head, rule, *rows)} == {head.count("|")}
    assert json.loads((tmp_path / f"{found.name}.json").read_text(encoding="utf-8"))
    drawings = [path.suffix for path in tmp_path.iterdir() if path.suffix in (".svg", ".jpg")]
    assert len(drawings) == 1
    docs = FOLDER.parents[1] / "docs" / f"{found.name}.md"
    assert f"images/fundamentals-{found.name}{drawings[0]}" in docs.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_page_shows_the_table_that_was_measured(name: str) -> None:
    root, name = FOLDER.parents[1], name.replace("_", "-")
    kept = read_json(root / "benchmarks" / "results" / f"fundamentals-{name}.json")
    page = (root / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert all(each["table"].strip() in page for each in kept["repetitions"])


def test_shifting_moves_every_pixel_and_brings_in_background() -> None:
    batch = torch.arange(16.0).reshape(1, 1, 4, 4)
    moved = script("pooling").shifted(batch, 1, -2, fill=-1.0)
    assert moved[0, 0].tolist() == [[-1, 8, 9, 10], [-1, 12, 13, 14], [-1] * 4, [-1] * 4]


def test_the_plain_network_is_the_residual_one_without_its_shortcuts() -> None:
    depth, experiments = script("depth"), script("experiments")
    images = experiments.load(None, side=16).first(8, 8)
    torch.manual_seed(0)
    residual = depth.Classifier("resnet20_cifar", images).eval()
    parameters = sum(each.numel() for each in residual.parameters())
    plain = depth.without_shortcuts(residual)
    assert sum(each.numel() for each in plain.parameters()) == parameters
    assert not any(isinstance(each, depth.ResidualBlock) for each in plain.modules())
    assert plain(images.train).shape == (8, 10)


def test_the_smallest_weights_go_first() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(10, 1, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[5.0, -1, 3, 2, -9, 8, 7, 6, 4, 10]]))
    script("sparsity").without_smallest(net, 0.3)
    assert net[0].weight.flatten().tolist() == [5, 0, 0, 0, -9, 8, 7, 6, 4, 10]


def test_a_sure_mistake_moves_cross_entropy_and_hardly_squares_of_the_softmax() -> None:
    losses = script("losses")
    assert losses.wrong_and_sure(losses.LOSSES["cross-entropy"]) == pytest.approx(1.48, abs=0.01)
    assert losses.wrong_and_sure(losses.LOSSES["squared error of the softmax"]) < 0.2


def test_they_run_as_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(sys, "argv", ["losses.py", "--seeds", "1", "--out", str(tmp_path)])
    losses = script("losses")
    script("experiments").main(losses.answer, losses.__doc__)
    assert capsys.readouterr().out.startswith("| loss | best rate |")
    assert (tmp_path / "losses.svg").read_text(encoding="utf-8").startswith('<svg xmlns="http://www.w3.org/2000/svg"')
