"""`foveal train --weights`: from a model file, a .pth and an address to a run that says what it took."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.launched import Launched
from tests.made import SHAPES, shape_folder, shape_images, shapes
from tests.training.test_resume import _Killed, assert_same_tensors, kill_at
from tests.weights.stand_in import stand_in
from torch import nn

import foveal
from foveal.bundle import load_bundle
from foveal.cli import main
from foveal.errors import ModelError, UsageError
from foveal.networks.build import build_network
from foveal.read.arrays import from_arrays
from foveal.runs import RunFolder
from foveal.weights import published
from foveal.weights.torchvision import to_torchvision

TUNED = {"epochs": 2.0, "batch_size": 10, "precision": "float32"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder to start from: grey shapes."""
    out = tmp_path_factory.mktemp("first") / "run"
    foveal.train(shapes(60), model="resnet20_cifar", epochs=2, batch_size=10, precision="float32", out=out)
    return out


def backbone_of(run: Path) -> dict[str, torch.Tensor]:
    """Weights and statistics, without counters."""
    tensors = load_file(run / "model.safetensors")
    return {name: value for name, value in tensors.items() if name.startswith("backbone.") and value.ndim}


def test_a_frozen_backbone_is_that_of_the_file(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, labels = shape_images(60, seed=5)
    data = from_arrays(images, labels, classes=("pole", "disc", "ring"))
    foveal.train(data, weights=run, freeze=3, out=tmp_path / "run", **TUNED)
    said = capsys.readouterr().err
    assert (
        "weights: run/model.safetensors (resnet20_cifar): 95 tensors taken, classes new; of the file 2 left out "
        "(head.fc.bias, head.fc.weight); of the network 2 new (head.fc.weight, head.fc.bias)\n" in said
    )
    assert "model: resnet20_cifar (that of the weights)" in said
    assert "268,979 parameters, 268,784 of them frozen" in said
    before, after = backbone_of(run), backbone_of(tmp_path / "run")
    assert [name for name, value in before.items() if not torch.equal(value, after[name])] == []


def test_the_run_keeps_where_it_started(run: Path, tmp_path: Path) -> None:
    images, labels = shape_images(60, channels=3, seed=5)
    foveal.train((images, labels), weights=str(run / "model.safetensors"), out=tmp_path / "run", **TUNED)
    first = load_bundle(run / "model.safetensors").contract
    contract = load_bundle(tmp_path / "run" / "model.safetensors").contract
    assert contract.origin["network"] == "resnet20_cifar"
    assert contract.origin["adapted"] == ["backbone.stem.0.weight"]
    assert contract.origin["new"] == ["head.fc.weight", "head.fc.bias"]
    assert len(contract.origin["sha256"]) == 64
    assert contract.recipe["weights"] == "run/model.safetensors"  # no folder of this machine
    assert contract.preprocess.mean == first.preprocess.mean * 3
    config = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))
    assert config["settings"]["weights"] == str(run / "model.safetensors")
    assert config["origin"] == contract.origin
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "1 adapted to the channels" in report
    assert str(run) not in report
    again = foveal.train((images, labels), config=tmp_path / "run" / "config.json", out=tmp_path / "again")
    assert_same_tensors(tmp_path / "run" / "model.safetensors", Path(again["model"]))


def warnings_of(run: Path) -> list[str]:
    return json.loads((run / "metrics.json").read_text(encoding="utf-8"))["warnings"]


def test_images_that_the_weights_have_seen_are_no_test(run: Path, tmp_path: Path) -> None:
    """Of 60 images the run has 12 to test on; another seed draws others, most of which the first learned from."""
    seen = load_bundle(run / "model.safetensors").seen_hashes
    assert len(seen) == 48
    options = {**TUNED, "epochs": 1, "weights": str(run)}
    foveal.train(shapes(60), out=tmp_path / "same", **options)
    assert warnings_of(tmp_path / "same") == []
    foveal.train(shapes(60), seed=1, out=tmp_path / "other", **options)
    (said,) = warnings_of(tmp_path / "other")
    count, words = said.split(" ", maxsplit=1)
    assert words == (
        "of 12 test images are among those that the weights it started from had learned from or were chosen by: these "
        "figures are too good"
    )
    foveal.train(shapes(60), seed=1, model="lenet5", epochs=1, out=tmp_path / "fresh")
    own = set(load_bundle(tmp_path / "fresh" / "model.safetensors").seen_hashes.tolist())
    assert 0 < int(count) == len(set(seen.tolist()) - own)
    union = set(load_bundle(tmp_path / "other" / "model.safetensors").seen_hashes.tolist())
    assert union == own | set(seen.tolist())
    assert foveal.evaluate(tmp_path / "other", shapes(60))["warnings"][0].startswith(f"{count} of 12 test images are b")


def test_held_out_images_that_the_weights_have_seen_are_said(run: Path, tmp_path: Path) -> None:
    foveal.train(shapes(60), weights=str(run), seed=1, test_share=0.0, out=tmp_path / "run", **{**TUNED, "epochs": 1})
    assert any("held-out images are among those that the weights" in each for each in warnings_of(tmp_path / "run"))


@pytest.mark.parametrize("step", [1, 4])
def test_resume_is_bit_identical_though_the_weights_are_gone(run: Path, tmp_path: Path, step: int) -> None:
    data, options = shapes(60), {**TUNED, "seed": 1, "freeze": 1, "checkpoint_seconds": 0.0, "optimiser": "muon"}
    weights = shutil.copy(run / "model.safetensors", tmp_path / "weights.safetensors")
    foveal.train(data, weights=weights, out=tmp_path / "whole", **options)
    with pytest.raises(_Killed):
        foveal.train(data, weights=weights, out=tmp_path / "killed", on_event=kill_at(step), **options)
    Path(weights).unlink()
    foveal.train(data, resume=tmp_path / "killed")
    assert warnings_of(tmp_path / "killed") == warnings_of(tmp_path / "whole") != []
    for name in ("model.safetensors", "last.safetensors"):
        assert_same_tensors(tmp_path / "whole" / name, tmp_path / "killed" / name)


def test_a_run_that_saved_nothing_yet_needs_its_weights(run: Path, tmp_path: Path) -> None:
    data = shapes(60, seed=3)
    foveal.train(data, weights=run, out=tmp_path / "whole", **TUNED)
    shutil.copytree(tmp_path / "whole", tmp_path / "begun")
    (tmp_path / "begun" / "last.safetensors").unlink()
    foveal.train(data, resume=tmp_path / "begun")
    assert_same_tensors(tmp_path / "whole" / "model.safetensors", tmp_path / "begun" / "model.safetensors")


def test_two_processes_start_from_the_same(run: Path, tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=40)
    words = ["train", data, "--weights", run, "--freeze", 1, "--epochs", 1, "--batch-size", 10]
    words += ["--precision", "float32", "--out", tmp_path / "two"]
    first, other = Launched(main, 2, [str(word) for word in words]).wait()
    assert [first.exit_code, other.exit_code] == [0, 0], first.err
    assert first.err.count("weights: run/model.safetensors") == 1
    before, after = backbone_of(run), backbone_of(tmp_path / "two")
    frozen = [name for name in before if name.startswith(("backbone.stem.1", "backbone.stage1."))]
    assert [name for name in frozen if not torch.equal(before[name], after[name])] == []
    contract = load_bundle(tmp_path / "two" / "model.safetensors").contract
    assert contract.preprocess.mean == load_bundle(run / "model.safetensors").contract.preprocess.mean * 3


def test_published_weights_from_a_stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(3)
    torch.save(to_torchvision("resnet18", build_network("resnet18").state_dict()), tmp_path / "net.pth")
    body = (tmp_path / "net.pth").read_bytes()
    digits = hashlib.sha256(body).hexdigest()[:8]
    data = shape_folder(tmp_path / "data", count=20)
    words = [
        "train",
        data,
        "--weights",
        "imagenet",
        "--freeze",
        4,
        "--epochs",
        1,
        "--size",
        32,
        "--out",
        tmp_path / "a",
    ]
    with stand_in() as told:
        monkeypatch.setattr(published, "BASE", told.address + "/")
        monkeypatch.setitem(published.FILES, "resnet18", f"resnet18-{digits}.pth")
        told.files[f"/resnet18-{digits}.pth"] = body
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
    said = capsys.readouterr().err
    assert ended.value.code == 0, said
    assert f"weights: imagenet, resnet18-{digits}.pth (resnet18): 100 tensors taken, classes new" in said
    assert "licence: torchvision publishes these weights without a licence of their own" in said
    assert "input: mean 0.485 0.456 0.406, deviation 0.229 0.224 0.225, those of the weights" in said
    contract = load_bundle(tmp_path / "a" / "model.safetensors").contract
    assert contract.preprocess.mean == (0.485, 0.456, 0.406)
    assert "non-commercial" in contract.origin["licence"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--freeze", "1"], 2, "--freeze 1: goes with --weights, which are not given"),
        (["--weights", "{run}", "--freeze", "4"], 2, "--freeze 4: ResNetCIFAR has 3 stages, the stem with the first: "),
        (
            ["--weights", "{run}", "--model", "resnet18"],
            1,
            "weights are of resnet20_cifar, not of resnet18: give --mod",
        ),
        (["--weights", "imagenet", "--model", "lenet5"], 1, "there are no ImageNet weights for lenet5, "),
        (["--weights", "https://here/x.pth"], 2, "an address needs --weights-sha256 HEX"),
        (["--weights", "http://here/x.pth", "--weights-sha256", "0" * 64], 2, "expected an https:// address"),
        (["--weights", "{run}", "--weights-sha256", "12"], 2, "--weights-sha256 12: expected 64 hexadecimal digits"),
        (["--weights", "nowhere.pth"], 1, "nowhere.pth: no such file of weights"),
    ],
)
def test_what_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    data = shape_folder(tmp_path / "data", count=9)
    given = [word.replace("{run}", str(run)) for word in words]
    with pytest.raises(SystemExit) as ended:
        main(["train", str(data), "--out", str(tmp_path / "run"), *given])
    last = capsys.readouterr().err.splitlines()[-1]
    assert ended.value.code == code
    assert last.startswith("foveal: ")
    assert message in last
    assert not (tmp_path / "run").exists()


def test_your_own_module_has_its_own_weights(run: Path) -> None:
    with pytest.raises(UsageError, match="your own module comes with its weights"):
        foveal.train(shapes(30), model=nn.Linear(2, 3), weights=run)


def test_a_config_with_other_weights(run: Path, tmp_path: Path) -> None:
    """The hash was of the other file, and the network is the new one's."""
    foveal.train(shapes(30), weights=run, epochs=1, out=tmp_path / "a")
    foveal.train(shapes(30), model="lenet5", epochs=1, out=tmp_path / "lenet5")
    foveal.train(shapes(30), config=tmp_path / "a" / "config.json", weights=tmp_path / "lenet5", out=tmp_path / "b")
    assert load_bundle(RunFolder(tmp_path / "b").model).contract.architecture == "lenet5"
    with pytest.raises(ModelError, match="no such file of weights"):
        foveal.train(shapes(30), weights=tmp_path / "nowhere")
    assert load_bundle(RunFolder(tmp_path / "b").model).contract.classes == SHAPES
