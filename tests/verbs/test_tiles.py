"""Large images by tiles through `predict`, and predictions as COCO annotations that the reader reads back."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.made import tiny_model

import foveal
from foveal.annotations import Objects
from foveal.answers import answering
from foveal.answers.answer import NoDecision, Outputs
from foveal.answers.detect import Decision
from foveal.answers.predicted import Predicted
from foveal.answers.segment import Segmented
from foveal.errors import ImageError, UsageError
from foveal.images.label_map import VOID, read_label_map
from foveal.inference.predictor import Model
from foveal.ops.boxes import to_distances
from foveal.ops.masks import rasterised
from foveal.preprocess import Placement, Preprocess
from foveal.read.dataset import read_dataset
from foveal.verbs.coco_file import with_coco

PREPROCESS = Preprocess(size_hw=(64, 96), channels=3, fit="squash", mean=(0.5,) * 3, std=(0.25,) * 3)


class Bright:
    """An engine that finds by arithmetic: class 1 where a pixel is bright, and a box around the bright pixels."""

    name, precision, batch_size, streams = "bright", "float32", 3, 2

    def __init__(self, *, boxes: bool) -> None:
        self.boxes = boxes
        self.batches: list[int] = []

    def run(self, images_u8: np.ndarray) -> Outputs:
        return {name: each.numpy() for name, each in self._found(torch.from_numpy(images_u8)).items()}

    def _found(self, images_u8: torch.Tensor) -> dict[str, torch.Tensor]:
        self.batches.append(len(images_u8))
        bright = images_u8.float().mean(dim=3) / 255
        if not self.boxes:
            return {"logits": torch.stack([0.5 - bright, bright - 0.5], dim=1) * 20}
        y, x = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(96) + 0.5, indexing="ij")
        points = torch.stack([x, y], dim=2).reshape(-1, 2)
        logits = torch.full((len(bright), len(points), 1), -9.0)
        distances = torch.full((len(bright), len(points), 4, 16), -50.0)
        for index, mask in enumerate(bright > 0.5):
            rows, columns = mask.nonzero().T
            if len(rows):
                box = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()
                cell = (points - (box[:2] + box[2:]) / 2).square().sum(dim=1).argmin()
                logits[index, cell] = 4.0
                sides = to_distances(points[cell], box).clamp(min=0) / 8
                low = sides.long()
                distances[index, cell, torch.arange(4), low] = (1 - (sides - low) + 1e-9).log()
                distances[index, cell, torch.arange(4), low + 1] = (sides - low + 1e-9).log()
        return {"logits": logits, "distances": distances, "points": points, "strides": torch.full((len(points),), 8.0)}

    run_one = run


def model(engine: Bright) -> Model:
    task, classes = ("detect", ("thing",)) if engine.boxes else ("segment", ("no", "thing"))
    made = tiny_model(task, preprocess=PREPROCESS, classes=classes)
    return Model(made.contract, engine)


def with_square(size_hw: tuple[int, int], box: tuple[int, int, int, int]) -> np.ndarray:
    image = np.zeros((*size_hw, 3), np.uint8)
    image[box[1] : box[3], box[0] : box[2]] = 255
    return image


@pytest.mark.parametrize("box", [(30, 20, 50, 40), (75, 50, 95, 70), (150, 100, 170, 120), (76, 8, 100, 30)])
def test_an_object_is_told_once_wherever_tiles_cut_it(box: tuple[int, int, int, int]) -> None:
    engine = Bright(boxes=True)
    (found,) = model(engine)(with_square((150, 240), box), tile=96, overlap=0.4).boxes_xyxy.tolist()
    assert found == pytest.approx(box, abs=0.3)
    assert max(engine.batches) == 3


def test_the_decision_says_which_boxes_of_two_tiles_are_one() -> None:
    """Two tiles that share their pixels but for a column, and a box of each in their middle: an IoU of 0.54."""
    task, placements = answering("detect", ("thing",), {}), []
    for left in (0, 6):
        placements.append(Placement((64, 96), (1.0, 1.0), (0.0, 0.0), corner_xy=(left, 0)))
    outputs = Bright(boxes=True).run(np.stack([with_square((64, 96), (40, 20, 60, 40))] * 2))
    assert task.join is not None
    for overlap, told in ((0.5, 1), (0.6, 2)):
        decided = Decision(nms_iou=overlap)
        assert len(list(task.join(iter([(outputs, placements)]), (64, 102), decided).instances())) == told


def test_views_of_tiles_are_asked_for_too() -> None:
    with pytest.raises(UsageError, match="--tta: views of an image can't be merged for the task detect"):
        model(Bright(boxes=True))(np.zeros((64, 96, 3), np.uint8), tile=64, tta=True)


def test_pixels_are_those_of_the_whole_image() -> None:
    random = np.random.default_rng(0)
    blocks = random.integers(0, 2, (15, 24)).repeat(10, axis=0).repeat(10, axis=1)
    image = (blocks[:, :, None] * 255).repeat(3, axis=2).astype(np.uint8)
    engine = Bright(boxes=False)
    found = model(engine)(image, tile=96, overlap=0.25)
    assert np.array_equal(found.label_map, blocks)
    assert found.shares["thing"] == pytest.approx(blocks.mean(), abs=1e-5)
    assert sum(engine.batches) == 3 * 3


def test_a_pixel_is_decided_by_the_tile_that_sees_more_around_it() -> None:
    """Two tiles of 96×64 that share 32 columns and disagree: the border lies in the middle of what they share."""
    task = answering("segment", ("left", "right"), {})
    placements = [Placement((64, 96), (1.0, 1.0), (0.0, 0.0), corner_xy=corner) for corner in ((0, 0), (64, 0))]
    logits = np.zeros((2, 2, 64, 96), np.float32)
    logits[0, 0] = logits[1, 1] = 3
    assert task.join is not None
    labels = task.join([({"logits": logits}, placements)], (64, 160), NoDecision()).overlay().label_map
    assert np.array_equal(labels, np.broadcast_to(np.arange(160) >= 80, (64, 160)))


def test_a_small_image_is_one_tile() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    for boxes in (True, False):
        engine = Bright(boxes=boxes)
        whole, tiled = model(engine)(image), model(engine)(image, tile=96)
        assert engine.batches == [1, 1]
        if boxes:
            assert tiled.to_json() == whole.to_json()
        else:
            assert np.array_equal(tiled.label_map, whole.label_map)


def test_bad_images_keep_their_places() -> None:
    good = with_square((100, 200), (10, 10, 40, 30))
    given = [good, b"no image", np.zeros((3, 3, 2), np.uint8), good]
    found = list(model(Bright(boxes=True)).predict(given, tile=96))
    assert [isinstance(each, ImageError) for each in found] == [False, True, True, False]
    assert "images[2]" in str(found[2])
    with pytest.raises(ImageError, match="images"):
        model(Bright(boxes=True))(b"no image", tile=96)


def test_what_can_not_be_is_said() -> None:
    detector = model(Bright(boxes=True))
    with pytest.raises(UsageError, match="--tile 8: expected at least 32 pixels"):
        detector(np.zeros((9, 9, 3), np.uint8), tile=8)
    with pytest.raises(UsageError, match=r"--overlap 1: expected 0 to 0\.9"):
        detector(np.zeros((9, 9, 3), np.uint8), tile=64, overlap=1)
    with pytest.raises(UsageError, match=r"--overlap 0\.3 goes with --tile"):
        detector(np.zeros((9, 9, 3), np.uint8), overlap=0.3)
    with pytest.raises(UsageError, match="--tile: predictions of tiles can't be joined for the task classify"):
        tiny_model("classify", preprocess=PREPROCESS)(np.zeros((9, 9, 3), np.uint8), tile=64)


def test_boxes_are_read_back(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    paths = []
    for index, box in enumerate([(30, 20, 50, 40), (5, 6, 40, 30)]):
        paths.append(tmp_path / "images" / f"{index}.png")
        Image.fromarray(with_square((64, 96), box)).save(paths[-1])
    (tmp_path / "images" / "bad.png").write_bytes(b"no image")
    found = list(
        foveal.predict(
            model(Bright(boxes=True)), [*paths, tmp_path / "images" / "bad.png"], coco=tmp_path / "found.json"
        )
    )
    (tmp_path / "images" / "bad.png").unlink()
    written = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert [each["file_name"] for each in written["images"]] == ["images/0.png", "images/1.png"]
    assert [each["score"] for each in written["annotations"]] == [each.answer.scores[0] for each in found[:2]]
    dataset = read_dataset(tmp_path / "found.json", format="coco")
    assert dataset.classes == ("thing",)
    for sample, prediction in zip(dataset.samples, found, strict=False):
        boxes = prediction.answer.boxes_xyxy
        assert sample.known(Objects).instances[0].box_xyxy == pytest.approx(boxes[0].tolist())


def check_regions(maps: dict[Path, np.ndarray], classes: tuple[str, ...], file: Path) -> None:
    """What is written of the label maps of images is read back, and rasterises to exactly the same."""
    predictions = [Predicted(str(path), Segmented(classes=classes, label_map=labels)) for path, labels in maps.items()]
    assert list(with_coco(predictions, classes, file)) == predictions
    dataset = read_dataset(file, format="coco")
    assert len(dataset.samples) == len(maps)
    for sample, labels in zip(dataset.samples, maps.values(), strict=True):
        made = np.full(labels.shape, VOID, np.uint8)
        for instance in sample.known(Objects).instances:
            assert instance.mask is not None
            mask = rasterised(instance.mask, (labels.shape[0], labels.shape[1]))
            assert mask.sum() == instance.area
            assert np.all(made[mask] == VOID)
            made[mask] = instance.label
        assert np.array_equal(made, labels)


def test_random_regions_are_read_back(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    maps = {}
    for index, shape in enumerate([(1, 1), (1, 30), (20, 31), (33, 17)]):
        path = tmp_path / f"{index}.png"
        Image.new("RGB", shape[::-1]).save(path)
        maps[path] = random.integers(0, 3, shape).astype(np.uint8)
    check_regions(maps, ("a", "b", "c"), tmp_path / "found.json")
    with pytest.raises(UsageError, match="--coco writes boxes or the regions of classes"):
        list(foveal.predict(tiny_model("classify", preprocess=PREPROCESS), path, coco=tmp_path / "x.json"))


def test_camvids_regions_are_read_back(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    root = real_data("camvid")
    files = sorted((root / "testannot").iterdir())[:3]
    maps = {root / "test" / file.name: read_label_map(file) for file in files}
    maps = {next(path.parent.glob(f"{path.stem}.*")): labels for path, labels in maps.items()}
    for path in maps:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    here = {tmp_path / path.name: labels for path, labels in maps.items()}
    check_regions(here, tuple(f"class {index}" for index in range(12)), tmp_path / "found.json")
