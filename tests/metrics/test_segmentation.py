"""Segmentation figures against plain loops over pixels."""

import numpy as np
import pytest

from foveal.metrics.segmentation import TOLERANCE, count_pixels, segmentation_metrics

VOID = 255


def drawn(seed: int, num_classes: int, size: tuple[int, int] = (13, 17)) -> tuple[np.ndarray, np.ndarray]:
    """(predicted, truth) with blocks, mistakes and void."""
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, num_classes, (4, 5)), np.ones((4, 4), int))[: size[0], : size[1]].astype(np.uint8)
    predicted = np.where(rng.random(size) < 0.2, rng.integers(0, num_classes, size), truth).astype(np.uint8)
    truth[rng.random(size) < 0.1] = VOID
    return predicted, truth


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_a_loop_over_pixels(seed: int) -> None:
    num_classes = 4
    pairs = [drawn(seed * 10 + index, num_classes - 1) for index in range(3)]  # the last class never occurs
    counts = [count_pixels(predicted, truth, num_classes=num_classes, ignore_index=VOID) for predicted, truth in pairs]
    metrics = segmentation_metrics(counts, classes=["a", "b", "c", "d"], resamples=50)
    pixels = [
        (s, t) for predicted, truth in pairs for s, t in zip(predicted.flat, truth.flat, strict=True) if t != VOID
    ]
    ious, dices = [], []
    for label, name in enumerate("abc"):
        both = sum(s == label and t == label for s, t in pixels)
        either = sum(s == label or t == label for s, t in pixels)
        counts = sum(int(s == label) + int(t == label) for s, t in pixels)
        ious.append(both / either)
        dices.append(2 * both / counts)
        assert metrics.per_class[name]["iou"].value == pytest.approx(ious[-1])  # type: ignore[union-attr]
        assert metrics.per_class[name]["pixels"] == sum(t == label for _, t in pixels)
    assert metrics.overall["mIoU"].value == pytest.approx(np.mean(ious))
    assert metrics.overall["mean_dice"].value == pytest.approx(np.mean(dices))
    assert metrics.overall["pixel_accuracy"].value == pytest.approx(np.mean([s == t for s, t in pixels]))
    assert metrics.overall["mIoU"].low <= metrics.overall["mIoU"].value <= metrics.overall["mIoU"].high
    assert metrics.to_json()["per_class"]["d"]["iou"]["value"] is None
    counted = [[sum(pair == (predicted, true) for pair in pixels) for predicted in range(4)] for true in range(4)]
    assert metrics.to_json()["confusion"] == counted


def test_the_boundary_is_met_within_the_tolerance() -> None:
    """A square moved by one pixel meets its boundary, moved by three it does not; at 100 px the tolerance is one."""
    truth = np.zeros((80, 60), np.uint8)
    truth[20:40, 20:40] = 1
    assert TOLERANCE * 100 < 1
    scores = []
    for moved in (0, 1, 3):
        counts = count_pixels(np.roll(truth, moved, axis=1), truth, num_classes=2, ignore_index=VOID)
        metrics = segmentation_metrics([counts], classes=["ground", "square"], resamples=1)
        scores.append(metrics.per_class["square"]["boundary_f1"].value)  # type: ignore[union-attr]
    assert scores[:2] == [1.0, 1.0]
    assert 0.4 < scores[2] < 0.6  # the upper and lower sides still meet


def test_void_alone_gives_nothing() -> None:
    truth = np.full((4, 4), VOID, np.uint8)
    metrics = segmentation_metrics(
        [count_pixels(np.zeros((4, 4), np.uint8), truth, num_classes=2, ignore_index=VOID)],
        classes=["a", "b"],
        resamples=5,
    )
    assert all(np.isnan(each.value) for each in metrics.overall.values())
