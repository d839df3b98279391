"""`foveal.train` end to end: what it writes, says and refuses."""

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.made import SHAPES, shape_folder, shape_images, shapes
from torch import Tensor, nn

import foveal
from foveal.bundle import load_bundle
from foveal.errors import BadImagesError, DataError, ModelError, RunError, UsageError
from foveal.events import Event
from foveal.runs import RunFolder, read_events


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run over a folder with train/ and test/."""
    folder = tmp_path_factory.mktemp("run")
    data = shape_folder(folder / "data")
    (data / "train" / "notes.txt").write_text("not an image")
    # float32: what this machine computes natively is measured anew in each cache folder, and can come out otherwise
    foveal.train(data, model="resnet20_cifar", epochs=4, batch_size=12, precision="float32", out=folder / "run")
    return RunFolder(folder / "run")


def test_the_run_folder_holds_all(run: RunFolder) -> None:
    for path in (run.model, run.last, run.events, run.metrics, run.config, run.report):
        assert path.stat().st_size > 0
    assert not list(run.path.glob("*.tmp"))


def test_the_model_file_says_what_training_did(run: RunFolder) -> None:
    contract = load_bundle(run.model).contract
    kept = [record for record in read_events(run) if record["event"] == "epoch" and record["kept"]][-1]
    assert not contract.mirrored  # images of 24 pixels could be digits
    assert f" after epoch {kept['epoch']}, " in contract.chosen
    assert contract.val == kept["val"]


def test_it_learns_the_shapes(tmp_path: Path) -> None:
    result = foveal.train(shapes(240), model="resnet20_cifar", epochs=10, batch_size=16, out=tmp_path / "run")
    assert result["metrics"]["accuracy"]["value"] >= 0.9
    assert set(result) == {"run", "model", "seconds", "images_per_second", "metrics"}
    assert Path(result["model"]).is_file()


def test_the_events_tell_the_whole_run(run: RunFolder) -> None:
    records = read_events(run)
    kinds = [record["event"] for record in records]
    assert kinds[0] == "plan"
    assert kinds[-1] == "finished"
    assert kinds.count("epoch") == 4
    assert [record["step"] for record in records] == sorted(record["step"] for record in records)
    epoch = next(record for record in records if record["event"] == "epoch")
    assert {"loss", "accuracy"} <= set(epoch["train"])
    assert {"log_loss", "accuracy"} == set(epoch["val"])


def test_metrics_json_names_what_was_measured(run: RunFolder) -> None:
    metrics = json.loads(run.metrics.read_text())
    assert metrics["evaluation"]["split"] == "test"
    assert metrics["evaluation"]["n"] == 60
    assert metrics["data"]["ignored"] == ["train/notes.txt"]
    assert metrics["data"]["skipped"] == []
    assert np.sum(metrics["evaluation"]["confusion"]) == 60
    assert metrics["network"]["parameters"] > 200_000


def test_the_rate_is_that_of_the_steps_alone(run: RunFolder) -> None:
    metrics = json.loads(run.metrics.read_text())
    last = [record for record in read_events(run) if record["event"] == "epoch"][-1]
    assert metrics["images_per_second"] == pytest.approx(last["images_per_second"], abs=0.01)


def test_the_config_repeats_the_run(run: RunFolder, tmp_path: Path) -> None:
    again = foveal.train(config=run.config, out=tmp_path / "again")
    first, second = load_bundle(run.model), load_bundle(Path(again["model"]))
    pairs = zip(first.network.state_dict().values(), second.network.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_test_images_are_not_read_while_training(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=30)
    contents = {path: path.read_bytes() for path in (data / "test").rglob("*.png")}

    def take_away(event: Event) -> None:
        for path, content in contents.items():
            path.write_bytes(b"" if event.kind != "checkpoint" else content)

    for path in contents:
        path.write_bytes(b"")  # whoever reads it now can't decode it
    result = foveal.train(data, model="lenet5", epochs=1, out=tmp_path / "run", on_event=take_away)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["evaluation"]["n"] == 30
    assert result["metrics"]


def test_bad_test_images_never_lose_a_training(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=30)
    for path in (data / "test").rglob("*.png"):
        path.write_bytes(b"")
    foveal.train(data, model="lenet5", epochs=1, out=tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["evaluation"]["split"] == "val"
    assert "30 test images can't be decoded and were left out" in metrics["warnings"]
    assert any("there are no test images" in warning for warning in metrics["warnings"])
    assert len(metrics["data"]["skipped"]) == 30


def test_held_out_images_that_are_all_bad_are_named(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=30)
    (data / "val").mkdir()
    for shape in SHAPES:
        (data / "val" / shape).mkdir()
        (data / "val" / shape / "bad.png").write_bytes(b"")
    with pytest.raises(BadImagesError, match=f"{len(SHAPES)} images"):
        foveal.train(data, model="lenet5", epochs=1, out=tmp_path / "run")
    foveal.train(data, model="lenet5", epochs=1, on_bad_image="skip", out=tmp_path / "other")
    metrics = json.loads((tmp_path / "other" / "metrics.json").read_text())
    assert len(metrics["data"]["skipped"]) == len(SHAPES)
    assert f"{len(SHAPES)} images can't be decoded and were left out" in metrics["warnings"]


def test_bad_images_stop_before_training_or_are_left_out(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=30)
    bad = data / "train" / SHAPES[0] / "000.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    with pytest.raises(BadImagesError, match=re.escape(str(bad))):
        foveal.train(data, model="lenet5", epochs=1, out=tmp_path / "run")
    result = foveal.train(data, model="lenet5", epochs=1, on_bad_image="skip", out=tmp_path / "other")
    metrics = json.loads((tmp_path / "other" / "metrics.json").read_text())
    assert [each["path"] for each in metrics["data"]["skipped"]] == [str(bad)]
    assert "1 image can't be decoded and was left out" in metrics["warnings"]
    assert str(bad.name) in (tmp_path / "other" / "report.html").read_text()
    assert result["metrics"]["accuracy"]["value"] >= 0


def test_identical_files_across_splits_are_reported(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=30)
    for index in (0, 3):
        source = data / "train" / SHAPES[0] / f"{index:03}.png"
        (data / "test" / SHAPES[0] / f"copy{index}.png").write_bytes(source.read_bytes())
    other = data / "train" / SHAPES[1] / "same.png"
    other.write_bytes((data / "train" / SHAPES[0] / "006.png").read_bytes())
    foveal.train(data, model="lenet5", epochs=1, val_share=0.1, out=tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert any("2 of 32 test images are byte-identical" in warning for warning in metrics["warnings"])
    assert any("under more than one label" in warning for warning in metrics["warnings"])
    result = foveal.evaluate(tmp_path / "run", data)
    assert "2 of 32 test images are byte-identical to one that training learned from" in " ".join(result["warnings"])


def test_a_leaky_data_set_is_found_out(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    data = real_data("brain-mri")
    foveal.train(data, model="lenet5", epochs=0.1, out=tmp_path / "run")
    warnings = json.loads((tmp_path / "run" / "metrics.json").read_text())["warnings"]
    assert any(warning.startswith("251 of 394 test images are byte-identical") for warning in warnings)
    assert "251 of 394 test images are byte-identical" in (tmp_path / "run" / "report.html").read_text()
    evaluated = foveal.evaluate(tmp_path / "run", data)
    assert evaluated["warnings"][0].startswith("251 of 394 test images are byte-identical")


class Tiny(nn.Module):
    """A user's own module: plain logits."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 8, 5, stride=2)
        self.linear = nn.Linear(8, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(self.convolution(images).relu().amax(dim=(2, 3)))


def test_a_users_own_module_trains_and_comes_back(tmp_path: Path) -> None:
    module = Tiny()
    data = shapes(90)
    result = foveal.train(data, model=module, epochs=2, out=tmp_path / "run")
    with pytest.raises(ModelError, match="holds the weights of your own module; give it too"):
        foveal.load(result["model"])
    image = shape_images(1)[0][0]
    prediction = foveal.load(result["model"], module=Tiny())(image)
    assert prediction.label in SHAPES
    assert sum(prediction.scores.values()) == pytest.approx(1)


def test_accumulated_steps_are_counted_once(tmp_path: Path) -> None:
    plans: list[Event] = []
    foveal.train(
        shapes(90), model=Tiny(), epochs=2, batch_size=5, accumulate=4, val_share=0.0, test_share=0.0,
        out=tmp_path / "run", on_event=plans.append,
    )  # fmt: skip
    records = read_events(RunFolder(tmp_path / "run"))
    assert records[0]["steps_per_epoch"] == 90 // 20
    assert records[-1]["step"] == 2 * (90 // 20)


def test_time_is_kept_to(tmp_path: Path) -> None:
    result = foveal.train(shapes(300), model="lenet5", time="12s", out=tmp_path / "run")
    assert 9 <= result["seconds"] <= 14  # within 5 % on a machine that does nothing else; this one runs other tests


def test_early_stopping_ends_a_run_that_does_not_improve(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (60, 20, 20), dtype=np.uint8)
    foveal.train((images, np.arange(60) % 3), model=Tiny(), epochs=200, patience=3, lr=1e-9, out=tmp_path / "run")
    records = read_events(RunFolder(tmp_path / "run"))
    assert sum(record["event"] == "epoch" for record in records) == 4
    assert [record["reason"] for record in records if record["event"] == "stopped"] == [
        "no better held-out figure for 3 epochs"
    ]
    assert records[-1]["event"] == "finished"


def test_refusals(tmp_path: Path) -> None:
    data = shapes(30)
    with pytest.raises(UsageError, match="no data given"):
        foveal.train()
    with pytest.raises(ModelError, match="did you mean resnet18"):
        foveal.train(data, model="resnet81", out=tmp_path / "a")
    with pytest.raises(UsageError, match="--time and --epochs both set"):
        foveal.train(data, time="1m", epochs=3)
    with pytest.raises(UsageError, match="expected a time such as 90s"):
        foveal.train(data, time="soon")
    with pytest.raises(UsageError, match="unknown settings: epoch"):
        foveal.train(data, epoch=3)
    with pytest.raises(UsageError, match="--optimiser tiger: expected one of sgd"):
        foveal.train(data, optimiser="tiger")
    with pytest.raises(ModelError, match="--size 20: resnet18 needs at least 32 px"):
        foveal.train(data, model="resnet18", size=20)
    with pytest.raises(DataError, match="needs at least 2"):
        foveal.train((np.zeros((4, 8, 8), np.uint8), [0, 0, 0, 0]), test_share=0.0, val_share=0.0)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").touch()
    with pytest.raises(RunError, match="exists and is not an empty folder"):
        foveal.train(data, model="lenet5", out=tmp_path / "full")
    assert not (tmp_path / "a").exists()


def test_a_diverging_run_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(foveal.errors.FovealError, match="training diverged: the log loss is nan"):
        foveal.train(shapes(60), model="resnet20_cifar", lr=1e12, epochs=3, out=tmp_path / "run")


def test_time_works_with_fewer_images_than_a_measurement_takes(tmp_path: Path) -> None:
    result = foveal.train(shapes(24, side=100), model="resnet20_cifar", size=96, time="4s", out=tmp_path / "run")
    assert result["metrics"]["accuracy"]["value"] >= 0


def test_a_time_too_short_to_train_in_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foveal.train(shapes(200, side=100), model="resnet20_cifar", size=96, time="1s", out=tmp_path / "run")
    said = " ".join(capsys.readouterr().err.split())
    assert "warning: --time 1s leaves 1 steps, not once through the training images" in said


def test_measuring_the_time_leaves_a_users_module_alone(tmp_path: Path) -> None:
    module = Tiny()
    before = {name: value.clone() for name, value in module.state_dict().items()}

    def check(event: Event) -> None:
        if event.kind == "plan" and event.step == 0:
            assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())

    foveal.train(shapes(30), model=module, time="3s", out=tmp_path / "run", on_event=check)


def test_a_failed_start_leaves_no_folder(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=12)
    (data / "train" / SHAPES[0] / "000.png").write_bytes(b"")
    with pytest.raises(BadImagesError):
        foveal.train(data, model="lenet5", epochs=1, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_bad_images_of_both_splits_are_listed_at_once(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=12, splits=("train", "val", "test"))
    for split in ("train", "val"):
        (data / split / SHAPES[1] / "001.png").write_bytes(b"")
    with pytest.raises(BadImagesError) as caught:
        foveal.train(data, model="lenet5", epochs=1, out=tmp_path / "run")
    assert len(caught.value.errors) == 2


@pytest.mark.parametrize("folds", [0, 2])
@pytest.mark.parametrize("option", [{"patience": 2}, {"schedule": "plateau"}])
def test_patience_and_plateau_need_held_out_images(tmp_path: Path, option: dict[str, object], folds: int) -> None:
    with pytest.raises(UsageError, match=r"(--patience|--schedule plateau) needs held-out images"):
        foveal.train(shapes(30), model="lenet5", folds=folds, val_share=0.0, out=tmp_path / "run", **option)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"precision": "bf16"}, "--precision bf16: expected one of auto, float32, bfloat16"),
        ({"fit": "centre"}, "--fit centre: expected one of squash, crop, pad"),
        ({"balance": "Loss"}, "--balance Loss: expected one of none, loss, sampler"),
        ({"augmentation": "off"}, "--augmentation off: expected one of auto, none"),
        ({"on_bad_image": "Error"}, "--on-bad-image Error: expected one of error, skip"),
        ({"device": "gpu"}, "--device gpu: expected one of auto, cpu, cuda, mps"),
        ({"loss": "crossentropy"}, "--loss crossentropy: expected one of cross_entropy"),
        ({"loss": "lenet5_map", "balance": "loss"}, "class weights go with cross_entropy and focal only"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: dict[str, str], words: str
) -> None:
    monkeypatch.setattr("foveal.verbs.whole_run.feed", None)  # decoding would fail
    with pytest.raises(UsageError, match=re.escape(words)):
        foveal.train(shapes(30), model="lenet5", out=tmp_path / "run", **setting)
    assert not (tmp_path / "run").exists()


def test_samples_without_a_label_are_named(tmp_path: Path) -> None:
    data = shapes(30)
    unlabelled = [
        replace(sample, annotation=None) if index == 7 else sample for index, sample in enumerate(data.samples)
    ]
    with pytest.raises(DataError, match=r"1 samples have no label: images\[7\]"):
        foveal.train(replace(data, samples=tuple(unlabelled)), out=tmp_path / "run")


def test_the_largest_seed_trains(tmp_path: Path) -> None:
    foveal.train(shapes(30), model="lenet5", epochs=1, seed=2**63 - 1, out=tmp_path / "run")


def test_the_users_module_keeps_the_last_weights(tmp_path: Path) -> None:
    module = Tiny()
    weight = next(module.parameters())
    foveal.train(shapes(30), model=module, epochs=2, ema=0.9, out=tmp_path / "run")
    assert next(module.parameters()) is weight
    saved = load_bundle(tmp_path / "run" / "model.safetensors", module=Tiny()).network
    assert not torch.equal(next(saved.parameters()), weight)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_not_utf8_reach_the_report(tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=30)
    (data / "train" / os.fsdecode(b"caf\xe9.txt")).write_text("no image")
    foveal.train(data, model="lenet5", epochs=1, out=tmp_path / "run")
    ignored = json.loads((tmp_path / "run" / "metrics.json").read_text())["data"]["ignored"]
    assert ignored == [os.fsdecode(b"train/caf\xe9.txt")]
    assert "caf" in (tmp_path / "run" / "report.html").read_text()
