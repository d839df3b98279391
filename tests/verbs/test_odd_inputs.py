"""Images and data sets at the edges of what there is: each passes, or fails with one clear line."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.made import targets_of, tiny_model

from foveal.annotations import Instance, Objects, PixelClasses
from foveal.answers.detect import Detected
from foveal.answers.segment import Segmented
from foveal.errors import ImageError
from foveal.images.label_map import write_label_map
from foveal.images.sources import FileImage
from foveal.networks.build import build_backbone
from foveal.preprocess import Preprocess
from foveal.tasks import make_task
from foveal.types import Sample

PREPROCESS = Preprocess(size_hw=(64, 96), channels=3, fit="squash", mean=(0.5,) * 3, std=(0.25,) * 3)
LARGE_HW = (4000, 6000)


def saved(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def turned(width: int, height: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.new("RGB", (width, height), "green"), "JPEG", exif=exif)


CASES = {
    "1x1": (saved(Image.new("RGB", (1, 1))), (1, 1)),
    "1x500": (saved(Image.new("RGB", (500, 1), "red")), (1, 500)),
    "500x1": (saved(Image.new("RGB", (1, 500), "red")), (500, 1)),
    "6000x4000": (saved(Image.new("RGB", LARGE_HW[::-1], "blue"), "JPEG"), LARGE_HW),
    "grey": (saved(Image.new("L", (90, 40), 99)), (40, 90)),
    "RGBA": (saved(Image.new("RGBA", (90, 40), (9, 99, 200, 50))), (40, 90)),
    "16 bits": (saved(Image.fromarray(np.arange(3600, dtype=np.uint16).reshape(40, 90) * 18)), (40, 90)),
    "turned by EXIF": (turned(90, 40), (90, 40)),
}


@pytest.mark.parametrize("task", ["detect", "segment"])
@pytest.mark.parametrize("tile", [None, 64])
def test_odd_images_are_predicted(task: str, tile: int | None) -> None:
    model = tiny_model(task, preprocess=PREPROCESS, decision={"score_threshold": 0.0} if task == "detect" else None)
    given = {name: case for name, case in CASES.items() if tile is None or name != "6000x4000"}
    found = list(model.predict([data for data, _ in given.values()], tile=tile))
    for (name, (_, (height, width))), prediction in zip(given.items(), found, strict=True):
        assert isinstance(prediction, Detected | Segmented), name
        if isinstance(prediction, Segmented):
            assert prediction.label_map.shape == (height, width), name
            continue
        boxes = [tuple(box) for box in prediction.boxes_xyxy.tolist()]
        assert boxes, name
        assert all(0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height for x1, y1, x2, y2 in boxes), name
        assert len({(label, *box) for label, box in zip(prediction.labels.tolist(), boxes, strict=True)}) == len(
            boxes
        ), name


@pytest.mark.parametrize("task", ["detect", "segment"])
def test_a_truncated_image_is_one_line(task: str) -> None:
    data = saved(Image.fromarray(np.random.default_rng(0).integers(0, 256, (99, 99, 3), dtype=np.uint8)), "JPEG")
    model = tiny_model(task, preprocess=PREPROCESS)
    for tile in (None, 64):
        good, bad = model.predict([data, data[: len(data) // 2]], tile=tile)
        assert isinstance(good, Detected | Segmented)
        assert isinstance(bad, ImageError)
        assert "broken or truncated JPEG" in str(bad)
        assert "\n" not in str(bad)


def test_a_large_image_by_tiles_holds_one_row_of_sums() -> None:
    """6000×4000 pixels of 11 classes would be a GiB of sums; a row of tiles of 2000×1333 pixels has a third of it."""
    classes = tuple(str(index) for index in range(11))
    model = tiny_model("segment", preprocess=PREPROCESS, classes=classes)
    found = model(CASES["6000x4000"][0], tile=2000)
    assert found.label_map.shape == LARGE_HW
    assert sum(found.shares.values()) == pytest.approx(1, abs=1e-5)


def sample(folder: Path, count: int, task: str) -> Sample:
    """An image with so many objects of the first of three classes, or its label map."""
    random = np.random.default_rng(count)
    corners = random.uniform(0, 50, (count, 2))
    boxes = np.concatenate([corners, corners + random.uniform(2, 14, (count, 2))], axis=1)
    labels = np.full((64, 96), 255 if count == 0 else 1, np.uint8)
    write_label_map(labels, folder / f"{count}.png")
    things = tuple(Instance(label=0, box_xyxy=tuple(box)) for box in boxes.tolist())
    return Sample(
        id=str(count),
        image=FileImage(folder / f"{count}.jpg"),
        annotation=Objects(things) if task == "detect" else PixelClasses(folder / f"{count}.png"),
        size_hw=(64, 96),
    )


@pytest.mark.parametrize("task", ["detect", "segment"])
@pytest.mark.parametrize("counts", [(0, 500), (0, 0), (500, 1)])
def test_losses_and_gradients_are_finite(task: str, counts: tuple[int, int], tmp_path: Path) -> None:
    """No object (all void), 500, classes that never occur: in a batch together and alone."""
    made = make_task(task, ("a", "b", "c"), {})
    network = made.learning.build(build_backbone("resnet18_d", 3))
    targets = targets_of(made, [sample(tmp_path, count, task) for count in counts], PREPROCESS)
    terms = made.learning.loss(network(torch.randn(2, 3, 64, 96)), targets)
    total = torch.stack(list(terms.values())).sum()
    total.backward()
    assert torch.isfinite(total)
    assert all(torch.isfinite(each.grad).all() for each in network.parameters() if each.grad is not None)
    with torch.inference_mode():
        records = [made.judging.evaluation_record(network.eval()(torch.randn(2, 3, 64, 96)), targets)]
    figures, _ = made.judging.validation_metrics(records)
    assert np.isfinite(list(figures.values())).all()
    made.judging.evaluation_metrics(records).to_json()
