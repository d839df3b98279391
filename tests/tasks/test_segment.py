"""The segmentation task's functions."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.made import answers_of, targets_of

from foveal.annotations import PixelClasses
from foveal.answers.segment import Decision
from foveal.augment.draws import Draws
from foveal.augment.pipeline import AugmentParams, draw
from foveal.augment.settings import AugmentSettings
from foveal.errors import UsageError
from foveal.feed.label_maps import median_frequency_weights
from foveal.images.label_map import VOID, write_label_map
from foveal.images.sources import FileImage
from foveal.preprocess import Preprocess
from foveal.tasks.segment import LabelMaps, Settings, make
from foveal.types import Sample

TASK = make(("ground", "thing"), Settings(void=7), Decision())


def preprocess(fit: str, size_hw: tuple[int, int]) -> Preprocess:
    return Preprocess(size_hw=size_hw, channels=3, fit=fit, mean=(0.5,) * 3, std=(0.25,) * 3)  # type: ignore[arg-type]


def sample(folder: Path) -> Sample:
    """An image of 40×20 pixels, its right half a thing, its first row void."""
    labels = np.zeros((20, 40), np.uint8)
    labels[:, 20:] = 1
    labels[0] = 7
    write_label_map(labels, folder / "x.png")
    return Sample(
        id="x", image=FileImage(folder / "x.jpg"), annotation=PixelClasses(folder / "x.png"), size_hw=(20, 40)
    )


def test_label_maps_lie_where_preprocessing_puts_them(tmp_path: Path) -> None:
    squashed = targets_of(TASK, [sample(tmp_path)], preprocess("squash", (10, 10)))
    assert isinstance(squashed, LabelMaps)
    assert squashed.labels[0, 5].tolist() == [0] * 5 + [1] * 5
    padded = targets_of(TASK, [sample(tmp_path)], preprocess("pad", (24, 44)))
    assert padded.labels[0, 2].tolist() == [VOID] * 44
    assert padded.labels[0, 3].tolist() == [VOID] * 2 + [0] * 20 + [1] * 20 + [VOID] * 2
    cropped = targets_of(TASK, [sample(tmp_path)], preprocess("crop", (20, 20)))
    assert cropped.labels[0, 9].tolist() == [0] * 10 + [1] * 10
    assert len(cropped[:1]) == 1


def drawn(settings: AugmentSettings) -> AugmentParams:
    draws = Draws(0, 0, torch.tensor([0]))
    return draw(settings, draws, in_size_hw=(20, 40), out_size_hw=(20, 40), channels=3)


def test_label_maps_move_with_the_pixels(tmp_path: Path) -> None:
    targets = targets_of(TASK, [sample(tmp_path)], preprocess("squash", (20, 40)))
    params = drawn(AugmentSettings(hflip=1.0))
    _, moved = TASK.learning.augment(torch.zeros(1, 3, 20, 40), targets, params)
    assert torch.equal(moved.labels, targets.labels.flip(2))
    images, moved = TASK.learning.augment(torch.ones(1, 3, 20, 40), targets, drawn(AugmentSettings(mosaic=1.0)))
    assert images.shape == (1, 3, 20, 40)
    assert moved.labels.shape == targets.labels.shape
    assert not torch.equal(moved.labels, targets.labels)
    params = drawn(AugmentSettings(mixup=1.0))
    with pytest.raises(UsageError, match="which label maps can't follow"):
        TASK.learning.augment(torch.zeros(1, 3, 20, 40), targets, params)


@pytest.mark.parametrize("fit", ["squash", "pad"])
def test_what_is_said_is_judged_at_the_images_own_size(tmp_path: Path, fit: str) -> None:
    """Logits that are the truth in the input's frame are the truth in the image's, but for a pixel at the border."""
    targets = targets_of(TASK, [sample(tmp_path)], preprocess(fit, (32, 48)))
    labels = torch.where(targets.labels == VOID, 0, targets.labels)
    outputs = {"logits": torch.nn.functional.one_hot(labels.long(), 2).permute(0, 3, 1, 2).float()}
    measured = TASK.judging.evaluation_metrics([TASK.judging.evaluation_record(outputs, targets)]).overall
    assert measured["mIoU"].value > 0.94
    assert measured["boundary_f1"].value > 0.8
    means, error = TASK.judging.validation_metrics([TASK.judging.validation_record(outputs, targets)])
    assert means["mIoU"] == 1  # in the input's own frame
    assert error == 0
    decoded = answers_of(TASK, outputs, targets.placements)[0]
    assert decoded.label_map.shape == (20, 40)
    assert decoded.shares["thing"] == pytest.approx(0.5, abs=0.05)
    assert TASK.learning.step_metrics(outputs, targets)["pixel_accuracy"].tolist() == [1.0]


def test_classes_are_weighed_by_the_median_share_over_their_own(tmp_path: Path) -> None:
    labels = np.repeat(np.array([0, 1, 2, 7], np.uint8), [60, 30, 10, 100]).reshape(10, 20)  # 7 is void
    write_label_map(labels, tmp_path / "x.png")
    seen = Sample(
        id="x", image=FileImage(tmp_path / "x.jpg"), annotation=PixelClasses(tmp_path / "x.png"), size_hw=(10, 20)
    )
    assert median_frequency_weights([seen], 4, void=7) == (0.7071, 1.0, 1.7321, 1.0)


def test_a_weighed_loss_is_the_weighed_mean_of_its_items(tmp_path: Path) -> None:
    """As several processes count on: the mean over a batch is that of its items' means by `item_weights`."""
    task = make(("ground", "thing"), Settings(void=7, class_weights=(0.5, 3.0)), Decision())
    one = sample(tmp_path)
    (tmp_path / "other").mkdir()
    write_label_map(np.full((20, 40), 1, np.uint8), tmp_path / "other" / "x.png")
    other = Sample(id="y", image=one.image, annotation=PixelClasses(tmp_path / "other" / "x.png"), size_hw=(20, 40))
    targets = targets_of(task, [one, other], preprocess("squash", (20, 40)))
    outputs = {"logits": torch.randn(2, 2, 20, 40, generator=torch.Generator().manual_seed(0))}
    assert task.learning.item_weights is not None
    weights = task.learning.item_weights(targets)
    assert weights.tolist() == [19 * 20 * 0.5 + 19 * 20 * 3.0, 800 * 3.0]
    single = [
        task.learning.loss({"logits": outputs["logits"][i : i + 1]}, targets[i : i + 1])["loss"] for i in range(2)
    ]
    expected = (torch.stack(single) * weights).sum() / weights.sum()
    torch.testing.assert_close(task.learning.loss(outputs, targets)["loss"], expected)


def test_settings_are_checked() -> None:
    with pytest.raises(UsageError, match="--decoder none: expected one of unet, fpn"):
        Settings(decoder="none")
    with pytest.raises(UsageError, match="--loss hinge: expected one of cross_entropy, dice"):
        Settings(loss="hinge")


@pytest.mark.parametrize("fit", ["squash", "pad", "crop"])
@pytest.mark.parametrize("image_hw", [(20, 40), (90, 70), (1, 1), (1, 300)])
def test_a_pixel_is_of_the_class_that_is_likeliest_at_its_centre(fit: str, image_hw: tuple[int, int]) -> None:
    """Against a loop: the logits between the centres of the four nearest cells, of those that show the image."""
    placement = preprocess(fit, (24, 44)).placement(image_hw)
    logits = torch.randn(3, 24, 44, generator=torch.Generator().manual_seed(0)).double().numpy()
    task = make(("a", "b", "c"), Settings(), Decision())
    said = answers_of(task, {"logits": torch.from_numpy(logits[None])}, [placement])[0].label_map
    axes = []
    for length, cells, scale, offset in zip(
        image_hw, logits.shape[1:], placement.scale_xy[::-1], placement.offset_xy[::-1], strict=True
    ):
        low, high = max(0, round(offset)), min(cells, round(offset + scale * length)) - 1
        at = ((np.arange(length) + 0.5) * scale + offset - 0.5).clip(low, high)
        axes.append((np.floor(at).astype(int), np.ceil(at).astype(int), at % 1))
    (top, bottom, down), (left, right, across) = axes
    above, below = (
        logits[:, row][:, :, left] * (1 - across) + logits[:, row][:, :, right] * across for row in (top, bottom)
    )
    expected = above * (1 - down[:, None]) + below * down[:, None]
    first, second = np.sort(expected, axis=0)[[-1, -2]]
    sure = first - second > 1e-4
    assert said.shape == image_hw
    assert sure.mean() > 0.95
    assert np.array_equal(said[sure], expected.argmax(axis=0)[sure])
