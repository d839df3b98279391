"""Evaluation and prediction agree, and name what they can't read."""

import io
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.made import SHAPES, shape_folder, shapes
from tests.read.packing import pack, zip_of

import foveal
from foveal.annotations import ClassLabel
from foveal.bundle import load_bundle
from foveal.errors import DataError, ImageError, ModelError
from foveal.evaluation.evaluate import evaluate_store
from foveal.feed.store import build_store
from foveal.inference.engines import ENGINES, FASTEST_FIRST, FEW_IMAGES, TOLERANCE
from foveal.read.dataset import read_dataset
from foveal.tasks.classify import joined
from foveal.types import EngineName, Precision


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(run folder, data folder) of a short run on JPEG photographs larger than the network's input."""
    folder = tmp_path_factory.mktemp("trained")
    data = shape_folder(folder / "data", count=45, side=150)
    for path in list(data.rglob("*.png")):
        with Image.open(path) as image:
            image.save(path.with_suffix(".jpg"), quality=90)
        path.unlink()
    foveal.train(data, model="resnet20_cifar", size=36, epochs=3, hflip=0.5, out=folder / "run")
    return folder / "run", data


@pytest.fixture(scope="module")
def test_images(trained: tuple[Path, Path]) -> tuple[list[Path], np.ndarray]:
    """The test images, and the probabilities that evaluation finds for them."""
    bundle = load_bundle(trained[0] / "model.safetensors")
    samples = read_dataset(trained[1]).of_split("test")
    preprocess = bundle.contract.preprocess
    store = build_store(samples, preprocess)
    evaluation = evaluate_store(bundle.make_task(), bundle.network, preprocess, store, device=torch.device("cpu"))
    outputs, _ = joined(evaluation.records)
    return [Path(sample.image.name) for sample in samples], outputs["logits"].double().softmax(dim=1).numpy()


def scores_of(predictions: Iterable[object]) -> np.ndarray:
    return np.array([each.probabilities for each in predictions])  # type: ignore[attr-defined]


def test_a_few_images_get_evaluates_probabilities(
    trained: tuple[Path, Path], test_images: tuple[list[Path], np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    paths, probs = test_images
    for subset in (list(range(45)), [3, 40, 7], [11]):
        found = scores_of(each.answer for each in foveal.predict(trained[0], [paths[index] for index in subset]))
        assert np.allclose(found, probs[subset], rtol=0, atol=1e-6)
    assert capsys.readouterr().err == "engine: eager in float32\n" * 3


@pytest.mark.parametrize(("engine", "precision"), FASTEST_FIRST)
def test_every_engine_gives_evaluates_probabilities(
    trained: tuple[Path, Path],
    test_images: tuple[list[Path], np.ndarray],
    engine: EngineName,
    precision: Precision,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in ENGINES[engine].needs:
        pytest.importorskip(module)
    paths, probs = test_images
    tolerance = TOLERANCE if precision == "bfloat16" else 1e-5
    model = foveal.load(trained[0], engine=engine, precision=precision)
    assert (model.engine.name, model.engine.precision) == (engine, precision)
    assert capsys.readouterr().err.endswith(f"engine: {engine} in {precision}\n")
    assert np.allclose(scores_of(model.predict(paths)), probs, rtol=0, atol=tolerance)
    assert np.allclose(scores_of([model(paths[7])]), probs[[7]], rtol=0, atol=tolerance)
    reference = foveal.load(trained[0], engine="eager", precision="float32")
    expected = scores_of(reference.predict(paths[:9], tta=True))
    assert np.abs(expected - probs[:9]).max() > 1e-3  # ten views are not one
    assert np.allclose(scores_of(model.predict(paths[:9], tta=True)), expected, rtol=0, atol=tolerance)
    again = foveal.load(trained[0], engine=engine, precision=precision)
    assert np.array_equal(scores_of([again(paths[7])]), scores_of([model(paths[7])]))


def test_many_images_are_computed_by_an_engine(
    trained: tuple[Path, Path], test_images: tuple[list[Path], np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    paths, probs = test_images
    many = (paths * 2)[:FEW_IMAGES]
    found = scores_of(each.answer for each in foveal.predict(trained[0], many))
    assert np.allclose(found, np.concatenate([probs, probs])[:FEW_IMAGES], rtol=0, atol=TOLERANCE)
    assert len(found) == len(many) == FEW_IMAGES
    assert "engine: " in capsys.readouterr().err


def test_evaluate_says_what_scripts_read(trained: tuple[Path, Path]) -> None:
    run, data = trained
    result = foveal.evaluate(run, data)
    assert (result["task"], result["n"], result["split"]) == ("classify", 45, "test")
    accuracy = result["metrics"]["accuracy"]
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert {"log_loss", "ece", "f1_macro", "auroc_macro", "average_precision_macro"} <= set(result["metrics"])
    assert foveal.evaluate(run, data, split="train")["n"] + foveal.evaluate(run, data, split="val")["n"] == 45


def test_an_empty_split_is_named(trained: tuple[Path, Path], tmp_path: Path) -> None:
    data = shape_folder(tmp_path / "data", count=9, splits=("test",))
    with pytest.raises(DataError, match="its train split is empty; it has test"):
        foveal.evaluate(trained[0], data, split="train")


def test_other_data_without_splits_is_taken_whole(trained: tuple[Path, Path]) -> None:
    result = foveal.evaluate(trained[0], shapes(30, channels=3))
    assert (result["split"], result["n"]) == ("all", 30)


def test_classes_are_matched_by_name(trained: tuple[Path, Path], tmp_path: Path) -> None:
    run, data = trained
    reference = foveal.evaluate(run, data)["confusion"]
    (data / "test" / "zebra").mkdir()
    Image.new("RGB", (40, 40)).save(data / "test" / "zebra" / "one.png")
    try:
        with pytest.raises(DataError, match=r"1 the model does not know \(zebra\)"):
            foveal.evaluate(run, data)
    finally:
        (data / "test" / "zebra" / "one.png").unlink()
        (data / "test" / "zebra").rmdir()
    samples = read_dataset(data).samples
    backwards = tuple(reversed(SHAPES))
    renamed = [replace(each, annotation=ClassLabel(2 - each.known(ClassLabel).index)) for each in samples]
    assert foveal.evaluate(run, read_dataset(renamed, classes=backwards))["confusion"] == reference
    other = shape_folder(tmp_path / "two", count=20, splits=("test",))
    for path in (other / "test" / "disc").iterdir():
        path.unlink()
    (other / "test" / "disc").rmdir()
    with pytest.raises(DataError, match=r"1 the data lacks \(disc\)"):
        foveal.evaluate(run, other)


def test_every_kind_of_source_gives_the_same(trained: tuple[Path, Path]) -> None:
    run, data = trained
    path = next((data / "test").rglob("*.jpg"))
    model = foveal.load(run)
    first = model(path)
    assert model(str(path)).to_json() == first.to_json()
    assert model(path.read_bytes()).to_json() == first.to_json()
    with Image.open(path) as image:
        plain = io.BytesIO()
        image.save(plain, "PNG")
    pixels = np.asarray(Image.open(plain))
    assert model(pixels).scores == pytest.approx(first.scores, abs=0.2)  # JPEG may decode scaled
    assert model(Image.open(plain)).to_json() == model(pixels).to_json()
    with pytest.raises(ImageError, match=r"nothing\.jpg"):
        model("nothing.jpg")


def test_test_time_augmentation_averages(trained: tuple[Path, Path]) -> None:
    run, data = trained
    model = foveal.load(run)
    assert model.contract.mirrored  # as training was asked to
    path = next((data / "test").rglob("*.jpg"))
    plain, averaged = model(path), model(path, tta=True)
    assert plain.scores != averaged.scores
    assert sum(averaged.scores.values()) == pytest.approx(1)
    mirrored = np.asarray(Image.open(path))[:, ::-1]
    straight = np.asarray(Image.open(path))
    assert model(mirrored, tta=True).scores == pytest.approx(model(straight, tta=True).scores, abs=1e-3)


def test_many_images_are_averaged_as_one_is(trained: tuple[Path, Path]) -> None:
    run, data = trained
    model = foveal.load(run, engine="eager", precision="float32")
    path = next((data / "test").rglob("*.jpg"))
    averaged = model(path, tta=True).scores
    assert averaged != pytest.approx(model(path).scores, abs=1e-3)
    for row in foveal.predict(model, [path] * 3, tta=True):
        assert row.answer.scores == pytest.approx(averaged, abs=1e-5)


def test_predict_expands_and_goes_on_after_a_bad_file(
    trained: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data = trained
    source = next((data / "test").rglob("*.jpg"))
    for name in ("b.jpg", "a.jpg", "deep/c.jpeg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(source.read_bytes())
    (tmp_path / "bad.png").write_bytes(b"nonsense")
    (tmp_path / "readme.md").write_text("left alone")
    rows = list(foveal.predict(run, [tmp_path, tmp_path / "missing.jpg"]))
    assert [Path(row.path).name for row in rows] == ["a.jpg", "b.jpg", "bad.png", "c.jpeg", "missing.jpg"]
    assert [isinstance(row, foveal.Failed) for row in rows] == [False, False, True, False, True]
    assert set(rows[0].to_json()) == {"path", "label", "score", "scores"}
    assert [Path(row.path).name for row in foveal.predict(run, str(tmp_path / "*.jpg"))] == [
        "a.jpg",
        "b.jpg",
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{tmp_path / 'b.jpg'}\n\n{tmp_path / 'a.jpg'}\n"))
    assert [Path(row.path).name for row in foveal.predict(run, "-")] == ["b.jpg", "a.jpg"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no images here"):
        list(foveal.predict(run, tmp_path / "empty"))


def test_a_model_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        foveal.load(tmp_path / "nothing.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(ModelError, match=r"not a readable \.safetensors file"):
        foveal.load(tmp_path / "text.safetensors")
    from safetensors.numpy import save_file

    save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="not a Foveal model"):
        foveal.load(tmp_path / "other.safetensors")


def test_splits_made_for_training_are_made_again(tmp_path: Path) -> None:
    data = shapes(60)
    result = foveal.train(data, model="lenet5", epochs=1, seed=3, out=tmp_path / "run")
    again = foveal.evaluate(tmp_path / "run", data)
    assert again["metrics"] == result["metrics"]
    assert again["warnings"] == []


def test_other_images_in_the_same_numbers_are_not_taken_for_the_trainings(tmp_path: Path) -> None:
    foveal.train(shapes(60), model="lenet5", epochs=1, out=tmp_path / "run")
    other = foveal.evaluate(tmp_path / "run", shapes(60, seed=1))
    assert (other["split"], other["n"]) == ("all", 60)


def test_a_prediction_waits_for_no_library_that_it_does_not_need() -> None:
    code = "import sys, foveal.verbs.predict; print(*{'rich', 'scipy', 'sklearn', 'openvino'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout == "\n"


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_is_predicted_as_its_folder(trained: tuple[Path, Path], tmp_path: Path, kind: str) -> None:
    run, data = trained
    archive = pack(data / "test", tmp_path / f"photos.{kind}")
    of_archive, of_folder = (list(foveal.predict(run, source)) for source in (archive, data / "test"))
    assert of_archive
    for inside, outside in zip(of_archive, of_folder, strict=True):
        assert Path(inside.path).relative_to(archive) == Path(outside.path).relative_to(data / "test")
        assert inside.answer.to_json() == outside.answer.to_json()


def test_an_archive_without_images_is_refused(trained: tuple[Path, Path], tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "notes.zip", {"a.txt": b""})
    with pytest.raises(DataError, match=r"notes\.zip: no images here"):
        list(foveal.predict(trained[0], archive))


def test_a_folder_is_searched_as_training_does(trained: tuple[Path, Path], tmp_path: Path) -> None:
    run, data = trained
    source = next((data / "test").rglob("*.jpg"))
    for name in ("new/a.jpg", "new/.hidden.jpg", "new/__MACOSX/._a.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(source.read_bytes())
    (tmp_path / "new" / "again").symlink_to(tmp_path / "new", target_is_directory=True)
    assert [Path(row.path).name for row in foveal.predict(run, tmp_path / "new")] == ["a.jpg"]
    assert len(list(foveal.predict(run, str(tmp_path / "new" / "**" / "a.jpg")))) == 1
