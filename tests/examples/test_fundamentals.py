"""The experiments on the bundled digits, in seconds: that they run and say what they promise, not what they find."""

import importlib
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

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


def test_the_page_of_the_norms_shows_the_scales_that_were_measured() -> None:
    root, experiments = FOLDER.parents[1], script("experiments")
    (kept,) = read_json(root / "benchmarks" / "results" / "fundamentals-batch-norm.json")["repetitions"]
    layers = (1, 2, 4, 6, 8, 10)
    rows = []
    for each in kept["figures"]:
        by_layer = list(zip(*each["scales"], strict=True))
        rows.append([f"{each['norms']} norms", *(experiments.spread(by_layer[layer - 1], 2) for layer in layers)])
    told = experiments.table(["spread of the values", *(f"layer {layer}" for layer in layers)], rows)
    assert told in (root / "docs" / "batch-norm.md").read_text(encoding="utf-8")


def test_choices_are_made_with_the_last_training_images() -> None:
    images = script("experiments").load(None, side=8).first(50, 20)
    choosing = images.for_choices(1 / 5)
    assert torch.equal(torch.cat([choosing.train, choosing.test]), images.train)
    assert torch.equal(torch.cat([choosing.train_labels, choosing.test_labels]), images.train_labels)
    assert len(choosing.test) == 10


@pytest.mark.parametrize("name", ["losses", "optimisers"])
def test_the_test_images_have_no_part_in_the_choice_of_a_rate(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    images = script("experiments").load(None, side=8).first(160, 40)
    others = replace(images, test=-images.test, test_labels=images.test_labels.flip(0))
    answers = []
    for each in (images, others):
        monkeypatch.setattr(script(name), "load", lambda *_, each=each, **__: each)
        answers.append(script(name).answer(None, seeds=1).figures)
    assert [row["trials"] for row in answers[0]] == [row["trials"] for row in answers[1]]
    assert any(len(set(row["trials"].values())) > 1 for row in answers[0])


def test_two_charts_side_by_side_have_one_height() -> None:
    left, right = {"a": [(0.0, 1.0), (1.0, 3.0)]}, {"a": [(0.0, 2.0), (9.0, 5.0)]}
    drawing = script("experiments").chart_pair(left, right, title="both", across=("step", "seconds"))
    lines = [points.split() for points in re.findall(r'points="([^"]+)"', drawing)]
    (low_left, _), (_, high_right) = lines
    assert float(low_left.split(",")[1]) > float(high_right.split(",")[1])
    assert low_left == "58.0,320.0"  # the least of both at the bottom, the most of both at the top
    assert high_right == "626.0,64.0"


def test_a_weight_of_nothing_is_drawn_grey_and_the_largest_at_an_end() -> None:
    net = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Conv2d(3, 2, (1, 3), bias=False))
    with torch.no_grad():
        net[1].weight.zero_()
        net[1].weight[0, :, 0, 0] = torch.tensor([2.0, -4.0, 0.0])
        net[1].weight[1, :, 0, 2] = torch.tensor([0.5, 0.5, 0.5])
    first, second = script("convolution").first_kernels(net)
    assert first.size == (3, 1)
    assert [first.getpixel((x, 0)) for x in range(3)] == [(191, 0, 128), (128, 128, 128), (128, 128, 128)]
    assert second.getpixel((2, 0)) == (255, 255, 255)


def test_photographs_get_a_deeper_network_and_fewer_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    for label, (low, high) in {"dark": (0, 90), "light": (160, 255)}.items():
        (tmp_path / label).mkdir()
        for number in range(12):
            pixels = random.integers(low, high, (66, 90, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / label / f"{number}.png")
    handcrafted = script("handcrafted")
    monkeypatch.setattr(handcrafted, "COUNTS", (8, 16))
    monkeypatch.setattr(handcrafted, "PHOTOGRAPH_STEPS", 4)
    taken = []
    train = handcrafted.train
    monkeypatch.setattr(
        handcrafted, "train", lambda *given, **named: taken.append((given, named)) or train(*given, **named)
    )
    found = handcrafted.answer(tmp_path, seeds=1)
    assert found.table.splitlines()[0] == "| test images right, %, taught by | 8 | 16 |"
    assert {named["steps"] for _, named in taken} == {4}
    network, images = taken[0][0]
    assert images.train.shape == (8, 3, 98, 98)
    assert [part.stride[0] for part in network if isinstance(part, torch.nn.Conv2d)] == [4, 2, 2, 2]


def test_without_scikit_image_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    monkeypatch.delitem(sys.modules, "handcrafted", raising=False)
    with pytest.raises(SystemExit, match=r"need scikit-image: pip install scikit-image"):
        script("handcrafted")


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
