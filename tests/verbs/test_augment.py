"""`foveal augment`: the pictures are what training would feed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.made import shape_folder, shapes
from tests.verbs.test_detection import made as made_objects
from tests.verbs.test_instance_masks import with_outlines
from tests.verbs.test_multilabel import corners
from tests.verbs.test_regression import discs
from tests.verbs.test_segmentation import made as made_label_maps

import foveal
from foveal.annotations import Objects
from foveal.cli import main
from foveal.errors import DataError, UsageError
from foveal.images.label_map import palette
from foveal.reporting.contact_sheet import GAP, LINE, Row, contact_sheet
from foveal.tasks.task import Targets
from foveal.training.batches import Batches


def picture(path: Path | str, column: int, size_hw: tuple[int, int], *, factor: int = 1) -> np.ndarray:
    """A column of an image's row of pictures, which stands enlarged in the file: (H, W, 3) int."""
    height, width = (factor * side for side in size_hw)
    left = GAP + column * (width + GAP)
    with Image.open(path) as image:
        return np.array(image)[2 * LINE : 2 * LINE + height : factor, left : left + width : factor].astype(int)


def test_it_shows_what_training_feeds_in_its_first_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = shapes(30)
    options = {"model": "lenet5", "augmentation": "trivial", "rotate_deg": 20, "erase": 0.5, "seed": 3}
    shown = foveal.show_augmentation(data, out=tmp_path / "look", images=3, variants=2, **options)
    assert sorted(each.name for each in (tmp_path / "look").iterdir()) == ["1.png", "2.png", "3.png", "sheet.png"]
    assert (shown["augment"]["operations"], shown["augment"]["rotate_deg"]) == (1, 20)
    fed: dict[tuple[str, int], np.ndarray] = {}
    make = Batches.make

    def keep(self: Batches, indices: torch.Tensor, *, epoch: int, size: int) -> tuple[torch.Tensor, Targets]:
        inputs, targets = make(self, indices, epoch=epoch, size=size)
        mean, std = (torch.tensor(each).view(1, -1, 1, 1) for each in (self._preprocess.mean, self._preprocess.std))
        names = [self.store.samples[index].id for index in indices.tolist()]
        fed.update({(name, epoch): each for name, each in zip(names, 255 * (inputs * std + mean).numpy(), strict=True)})
        return inputs, targets

    monkeypatch.setattr(Batches, "make", keep)
    foveal.train(data, out=tmp_path / "run", epochs=2, **options)
    for name, file in shown["images"].items():
        for epoch in (0, 1):
            ours = picture(file, 1 + epoch, (32, 32), factor=4)
            np.testing.assert_allclose(ours[:, :, 0], fed[name, epoch][0], atol=0.51)


def test_the_first_column_is_the_image_as_it_is(tmp_path: Path) -> None:
    data = shapes(30, side=128, channels=3)
    shown = foveal.show_augmentation(data, out=tmp_path / "look", images=2, variants=1, mixup=0.4)
    for name, file in shown["images"].items():
        sample = next(each for each in data.samples if each.id == name)
        assert np.array_equal(picture(file, 0, (128, 128)), sample.image.read())  # type: ignore[union-attr]
        assert not np.array_equal(picture(file, 1, (128, 128)), sample.image.read())  # type: ignore[union-attr]


def test_boxes_and_masks_are_drawn_where_the_objects_went(tmp_path: Path) -> None:
    dataset = with_outlines(made_objects(tmp_path / "images"))
    mirrored = {"augmentation": "none", "hflip": 1.0, "size": 96}
    shown = foveal.show_augmentation(dataset, out=tmp_path / "look", images=9, variants=1, **mirrored)
    sample = dataset.samples[3]
    plain, flipped = (picture(shown["images"][sample.image.name], column, (64, 96), factor=2) for column in (0, 1))
    with Image.open(sample.image.name) as image:
        pixels = np.array(image).astype(int)
    x1, y1, x2, y2 = (int(each) for each in sample.known(Objects).instances[0].box_xyxy)
    changed = np.abs(plain - pixels).sum(axis=2) > 0
    assert not changed[y2:].any()  # words stand at the box's upper edge
    assert changed[y2 - 1, x1:x2].all()
    assert changed[(y1 + y2) // 2, (x1 + x2) // 2]  # the mask
    moved = np.abs(flipped - pixels[:, ::-1]).sum(axis=2) > 0
    assert moved[y2 - 1, 96 - x2 : 96 - x1].all()
    assert not moved[y2:].any()


def test_label_maps_are_shown_as_colours(tmp_path: Path) -> None:
    options = {"size": 96, "void": 2, "augmentation": "none", "vflip": 1.0}
    shown = foveal.show_augmentation(
        made_label_maps(tmp_path / "data"), out=tmp_path / "look", images=1, variants=1, **options
    )
    ((name, file),) = shown["images"].items()
    with Image.open(name) as image:
        pixels = np.array(image).astype(int)
    with Image.open(name.replace("images", "masks")) as image:
        labels = np.array(image)
    labels[labels == 2] = 255
    blended = (pixels + palette()[labels]) // 2
    assert np.array_equal(picture(file, 0, (64, 96), factor=2), blended)
    assert np.array_equal(picture(file, 1, (64, 96), factor=2), blended[::-1])


def test_labels_and_numbers_stand_at_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = []

    def keep(given: list[Row]) -> np.ndarray:
        rows.extend(given)
        return contact_sheet(given)

    monkeypatch.setattr("foveal.verbs.previews.contact_sheet", keep)
    images, truths = corners(30)
    foveal.show_augmentation((images, truths), out=tmp_path / "labels", images=30, variants=1, task="multilabel")
    named = {row.title: row.words[0] for row in rows}
    for index, truth in enumerate(truths):
        words = ", ".join(map(str, np.flatnonzero(truth)))
        if f"images[{index}]" in named:
            assert named[f"images[{index}]"] == (f"as it is: {words}" if words else "as it is")
    rows.clear()
    foveal.show_augmentation(discs(30), out=tmp_path / "numbers", images=2, variants=1, brightness=0.2)
    targets = discs(30)[1]
    for row in rows:
        index = int(row.title.removeprefix("images[").removesuffix("]"))
        assert row.words[1].endswith(f" {targets[index][0]:g}, {row.words[1].split(', ')[1]}")
    rows.clear()
    one = (discs(30)[0], targets[:, 0])
    foveal.show_augmentation(one, target="across", out=tmp_path / "one", images=2, variants=1)
    assert all(row.words[1].startswith("epoch 1: across ") for row in rows)


def test_it_is_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = shape_folder(tmp_path / "data", count=30)
    words = ["augment", data, "--out", tmp_path / "look", "--images", 2, "--augmentation", "randaugment", "--json"]
    for code in (0, 1):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        assert ended.value.code == code
        captured = capsys.readouterr()
        if not code:
            result = json.loads(captured.out)
            assert Path(result["sheet"]).is_file()
            assert len(result["images"]) == 2
            assert "operations, magnitude" in captured.err
        else:
            assert captured.err == f"foveal: {tmp_path / 'look'}: exists already; write to a new place\n"


def test_what_can_not_be_shown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--images 0 and --variants 6: expected at least 1 of each"):
        foveal.show_augmentation(shapes(30), out=tmp_path / "look", images=0)
    unlabelled = replace(shapes(30), samples=tuple(replace(each, annotation=None) for each in shapes(30).samples))
    with pytest.raises(DataError):
        foveal.show_augmentation(unlabelled, out=tmp_path / "look")
