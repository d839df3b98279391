"""The rules that choose a run's settings."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from foveal.augment.settings import AugmentSettings
from foveal.errors import BadImagesError, DataError, UsageError
from foveal.networks import NETWORKS
from foveal.read.arrays import from_arrays
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import DataFacts, probe
from foveal.recipes.options import TrainOptions
from foveal.recipes.whole_images import SMALL_SIDE
from foveal.training.names import OPTIMISER_NAMES
from foveal.types import TaskName

PHOTOGRAPHS = DataFacts(num_train=1200, num_classes=22, side=240, channels=3)
DIGITS = DataFacts(num_train=54_000, num_classes=10, side=28, channels=1)
THUMBNAILS = DataFacts(num_train=45_000, num_classes=10, side=32, channels=3)


def test_photographs_are_mirrored_and_small_images_are_not() -> None:
    for facts, mirrored in ((PHOTOGRAPHS, True), (DIGITS, False), (THUMBNAILS, False)):
        recipe = resolve(TrainOptions(), facts)
        assert (recipe.settings.augment.hflip > 0) == mirrored
    at_the_edge = replace(PHOTOGRAPHS, side=SMALL_SIDE)
    assert resolve(TrainOptions(), at_the_edge).settings.augment.hflip > 0
    assert resolve(TrainOptions(), replace(at_the_edge, side=SMALL_SIDE - 1)).settings.augment.hflip == 0


def test_small_grey_images_turn_a_little() -> None:
    augment = resolve(TrainOptions(), DIGITS).settings.augment
    assert 0 < augment.rotate_deg <= 15
    assert augment.crop_area == (1.0, 1.0)


def test_networks_by_size() -> None:
    assert resolve(TrainOptions(), PHOTOGRAPHS).settings.model == "resnet18_d_half"
    assert resolve(TrainOptions(), replace(PHOTOGRAPHS, num_train=4_999)).settings.model == "resnet18_d_half"
    assert resolve(TrainOptions(), replace(PHOTOGRAPHS, num_train=5_000)).settings.model == "resnet18_d"
    assert resolve(TrainOptions(), DIGITS).settings.model == "resnet20_cifar"
    assert resolve(TrainOptions(), DIGITS).settings.size == 28
    assert resolve(TrainOptions(), PHOTOGRAPHS).settings.size == 128


def test_photographs_grow_to_the_side_in_use() -> None:
    assert resolve(TrainOptions(), PHOTOGRAPHS).settings.train_sizes == (96, 128)
    assert resolve(TrainOptions(model="vgg11"), PHOTOGRAPHS).settings.train_sizes == (128, 128)
    assert resolve(TrainOptions(augmentation="none"), PHOTOGRAPHS).settings.train_sizes == (128, 128)
    assert resolve(TrainOptions(), DIGITS).settings.train_sizes == (28, 28)


def test_lenet5_pads_digits_as_published() -> None:
    settings = resolve(TrainOptions(model="lenet5"), DIGITS).settings
    assert (settings.size, settings.fit, settings.loss) == (32, "pad", "lenet5_map")
    assert resolve(TrainOptions(model="lenet5"), PHOTOGRAPHS).settings.fit == "squash"


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("facts", [PHOTOGRAPHS, DIGITS, THUMBNAILS])
def test_every_network_gets_settings_without_a_gap(name: str, facts: DataFacts) -> None:
    recipe = resolve(TrainOptions(model=name), facts)
    missing = {key for key, value in recipe.settings.to_json().items() if value is None}
    assert missing == {"time", "weights", "weights_sha256", "decoder", "void", "instances", "target"}
    assert recipe.settings.size is not None
    assert recipe.settings.size >= NETWORKS[name].needs.min_size


def test_what_is_asked_for_stays() -> None:
    asked = TrainOptions(model="vgg11", size=96, lr=0.5, epochs=3, batch_size=7, augment={"hflip": 0.0, "grey": 1.0})
    recipe = resolve(asked, PHOTOGRAPHS)
    settings = recipe.settings
    assert (settings.model, settings.size, settings.lr, settings.epochs, settings.batch_size) == (
        "vgg11",
        96,
        0.5,
        3,
        7,
    )
    assert recipe.settings.augment.hflip == 0.0
    assert recipe.settings.augment.grey == 1.0
    assert recipe.settings.augment.crop_area != (1.0, 1.0)
    assert {"model", "size", "lr", "epochs", "batch_size"}.isdisjoint(recipe.reasons)


def test_no_augmentation_is_none() -> None:
    assert resolve(TrainOptions(augmentation="none"), PHOTOGRAPHS).settings.augment.is_identity


def test_the_learning_rate_follows_the_batch() -> None:
    def rate(**asked: object) -> float:
        return resolve(TrainOptions(**asked), PHOTOGRAPHS).settings.lr or 0  # type: ignore[arg-type]

    assert rate(batch_size=128) == pytest.approx(2 * rate(batch_size=32))
    assert rate(batch_size=64, optimiser="sgd") == pytest.approx(2 * rate(batch_size=32, optimiser="sgd"))
    assert rate(model="vgg11") < rate(model="resnet18", optimiser="sgd")
    assert rate(batch_size=16, accumulate=4) == rate(batch_size=64)


def test_weight_decay_goes_with_the_optimiser() -> None:
    assert resolve(TrainOptions(), PHOTOGRAPHS).settings.weight_decay == 0.05
    assert resolve(TrainOptions(optimiser="sgd"), PHOTOGRAPHS).settings.weight_decay == 5e-4
    for optimiser in OPTIMISER_NAMES:
        decoupled = "decoupled" in resolve(TrainOptions(optimiser=optimiser), PHOTOGRAPHS).reasons["weight_decay"]
        assert decoupled == (optimiser in ("adamw", "radam", "lion", "muon")), optimiser
    assert resolve(TrainOptions(model="lenet5"), DIGITS).settings.weight_decay == 0.0


def test_time_leaves_epochs_open() -> None:
    settings = resolve(TrainOptions(time="5m"), PHOTOGRAPHS).settings
    assert settings.epochs is None
    assert settings.time == "5m"


def test_momentum_0_means_no_nesterov() -> None:
    assert resolve(TrainOptions(momentum=0.0), PHOTOGRAPHS).settings.nesterov is False


def test_the_fast_recipe_has_its_own_network_and_optimiser() -> None:
    recipe = resolve(TrainOptions(recipe="fast"), THUMBNAILS)
    settings = recipe.settings
    assert (settings.model, settings.optimiser, settings.batch_size) == ("fastnet", "muon", 500)
    assert settings.momentum == 0.65
    assert recipe.settings.augment == AugmentSettings(translate=recipe.settings.augment.translate)
    missing = {key for key, value in settings.to_json().items() if value is None}
    assert missing == {"time", "weights", "weights_sha256", "decoder", "void", "instances", "target"}
    assert resolve(TrainOptions(recipe="fast", time="5m"), THUMBNAILS).settings.epochs is None
    assert resolve(TrainOptions(recipe="fast", loss="focal"), THUMBNAILS).settings.label_smoothing == 0
    few = resolve(TrainOptions(recipe="fast"), replace(THUMBNAILS, num_train=900)).settings
    assert few.batch_size == 32
    assert few.lr == pytest.approx((settings.lr or 0) * (32 / 500) ** 0.5, rel=1e-3)
    assert (few.epochs or 0) > (settings.epochs or 0)


def test_what_is_asked_for_stays_in_the_fast_recipe() -> None:
    settings = resolve(TrainOptions(recipe="fast", optimiser="sgd", epochs=3, model="resnet20_cifar"), DIGITS).settings
    usual = resolve(TrainOptions(optimiser="sgd", batch_size=500), DIGITS).settings
    assert (settings.model, settings.epochs) == ("resnet20_cifar", 3)
    assert settings.lr == usual.lr


def test_the_fast_recipe_is_for_small_images() -> None:
    with pytest.raises(UsageError, match="--recipe fast is for images below 64 px; these are about 240 px"):
        resolve(TrainOptions(recipe="fast"), PHOTOGRAPHS)
    with pytest.raises(UsageError, match="--recipe fast is for images below 64 px; these are about 64 px"):
        resolve(TrainOptions(recipe="fast"), replace(THUMBNAILS, side=64))
    assert resolve(TrainOptions(recipe="fast"), replace(THUMBNAILS, side=63)).settings.model == "fastnet"
    with pytest.raises(UsageError, match="--recipe quick: expected one of auto, fast"):
        TrainOptions(recipe="quick")  # type: ignore[arg-type]


def test_a_mosaic_is_not_for_classifiers() -> None:
    with pytest.raises(UsageError, match="--mosaic is for detect and segment, and the task is to classify"):
        resolve(TrainOptions(augment={"mosaic": 0.5}), PHOTOGRAPHS)
    assert resolve(TrainOptions(task="detect", augment={"mosaic": 0.5}), PHOTOGRAPHS).settings.augment.mosaic == 0.5


def test_a_mosaic_is_not_for_masks() -> None:
    asked, outlined = TrainOptions(task="detect", augment={"mosaic": 0.5}), replace(PHOTOGRAPHS, with_masks=9)
    with pytest.raises(UsageError, match="--mosaic cuts objects, which masks can't follow"):
        resolve(asked, outlined)
    assert resolve(replace(asked, own={"instances": False}), outlined).settings.augment.mosaic == 0.5


def test_unknown_schedule() -> None:
    with pytest.raises(UsageError, match="--schedule linear: expected one of constant"):
        resolve(TrainOptions(schedule="linear"), PHOTOGRAPHS)


def test_probing_sees_size_channels_and_counts() -> None:
    images = np.zeros((10, 30, 40, 5), np.uint8)
    facts = probe(from_arrays(images, [0, 1] * 5).samples, 2)
    assert facts == DataFacts(num_train=10, num_classes=2, side=30, longer=40, aspect=4 / 3, channels=5)


def test_probing_refuses_what_can_not_be_trained_on() -> None:
    with pytest.raises(DataError, match="no training images"):
        probe([], 2)
    mixed = from_arrays([np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4, 5), np.uint8)], [0, 1])
    with pytest.raises(DataError, match="the images have 2, 5 channels"):
        probe(mixed.samples, 2)
    with pytest.raises(BadImagesError):
        probe(from_arrays([np.full((4, 4), np.nan)] * 2, [0, 1]).samples, 2)


def test_the_probe_looks_at_all_of_the_data() -> None:
    """100 images, the last 30 in colour: the first 64 alone would say grey."""
    grey = [np.zeros((20, 20), np.uint8)] * 70
    colour = [np.zeros((40, 40, 3), np.uint8)] * 30
    samples = from_arrays([*grey, *colour], [0] * 70 + [1] * 30).samples
    assert probe(samples, 2).channels == 3


@pytest.mark.parametrize("size", [100, 120, 224])
def test_training_ends_at_the_input_size(size: int) -> None:
    first, last = resolve(TrainOptions(size=size), PHOTOGRAPHS).settings.train_sizes or (0, 0)
    assert first < last == size


def test_networks_with_large_layers_without_batch_norm_take_smaller_rates() -> None:
    rates = {name: resolve(TrainOptions(model=name, size=224), PHOTOGRAPHS).settings.lr for name in NETWORKS}
    assert {name for name, rate in rates.items() if rate == 0.0025} == {
        name for name in NETWORKS if name.startswith(("alexnet", "vgg")) or name == "googlenet"
    }


@pytest.mark.parametrize("task", [None, "classify", "detect"])
@pytest.mark.parametrize("option", [{"decoder": "unet"}, {"void": 0}])
def test_what_goes_with_segmentation_alone_is_refused(task: TaskName | None, option: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="is for segment, and the task is to"):
        resolve(TrainOptions(task=task, own=option), PHOTOGRAPHS)


def test_detectors_and_segmentations_get_settings_without_a_gap() -> None:
    facts = replace(PHOTOGRAPHS, longer=640, aspect=4 / 3)
    detection = resolve(TrainOptions(task="detect"), facts).settings
    assert (detection.size, detection.aspect, detection.batch_size) == (416, 1.333, 16)
    segmentation = resolve(TrainOptions(task="segment"), facts).settings
    assert (detection.train_sizes, segmentation.train_sizes) == ((256, 416), (304, 512))
    plain = resolve(TrainOptions(task="detect", augmentation="none"), facts).settings
    assert plain.train_sizes == (416, 416)
    assert (segmentation.size, segmentation.own["decoder"], segmentation.balance) == (512, "unet", "loss")
    always = {"time", "weights", "weights_sha256", "target"}
    assert {key for key, value in detection.to_json().items() if value is None} == always | {"decoder", "void"}
    assert {key for key, value in segmentation.to_json().items() if value is None} == always | {"void", "instances"}


def test_masks_are_learned_where_there_are_some() -> None:
    facts = replace(PHOTOGRAPHS, longer=640)
    for with_masks, asked, expected in ((0, None, False), (3, None, True), (3, False, False), (0, True, True)):
        recipe = resolve(TrainOptions(task="detect", own={"instances": asked}), replace(facts, with_masks=with_masks))
        assert recipe.settings.own["instances"] is expected
    with pytest.raises(UsageError, match="--instances is for detect, and the task is to segment: leave it out"):
        resolve(TrainOptions(task="segment", own={"instances": False}), facts)


@pytest.mark.parametrize(("name", "operations", "magnitude"), [("trivial", 1, (0, 1)), ("randaugment", 2, (0.9, 0.9))])
def test_drawn_operations_take_the_place_of_turns_and_colour(
    name: Any, operations: int, magnitude: tuple[float, float]
) -> None:
    for facts, task in ((PHOTOGRAPHS, None), (DIGITS, None), (replace(PHOTOGRAPHS, longer=300), "segment")):
        usual = resolve(TrainOptions(task=task), facts).settings.augment
        recipe = resolve(TrainOptions(task=task, augmentation=name), facts)
        taken_over = dict.fromkeys(("rotate_deg", "shear_deg", "brightness", "contrast", "saturation"), 0.0)
        assert recipe.settings.augment == replace(usual, **taken_over, operations=operations, magnitude=magnitude)
        assert "Augment: " in recipe.reasons["augment"]
    mild = resolve(TrainOptions(augmentation=name, augment={"magnitude": (0.2, 0.4), "rotate_deg": 5}), PHOTOGRAPHS)
    assert (mild.settings.augment.magnitude, mild.settings.augment.rotate_deg) == ((0.2, 0.4), 5)


@pytest.mark.parametrize("facts", [PHOTOGRAPHS, DIGITS, THUMBNAILS])
def test_a_regression_changes_nothing_that_could_change_a_target(facts: DataFacts) -> None:
    recipe = resolve(TrainOptions(task="regress"), facts)
    settings = recipe.settings
    assert {key for key, value in settings.to_json().items() if value is None} == {
        *("time", "weights", "weights_sha256", "decoder", "void", "instances", "target")
    }
    assert (settings.loss, settings.fit, settings.label_smoothing) == ("huber", "pad", 0)
    assert settings.train_sizes == (settings.size, settings.size)
    assert recipe.settings.augment == AugmentSettings(brightness=0.1, contrast=0.1)
    assert "may change a target" in recipe.reasons["augment"]
    asked = resolve(TrainOptions(task="regress", size=96, augment={"hflip": 0.5}), facts)
    assert asked.settings.train_sizes == (96, 96)
    assert asked.settings.augment.hflip == 0.5


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"augment": {"mixup": 0.2}}, "--mixup is for classify and multilabel, and the task is to regress"),
        ({"augment": {"cutmix": 0.2}}, "--cutmix is for classify and multilabel"),
        ({"augment": {"mosaic": 0.2}}, "--mosaic is for detect and segment"),
        ({"recipe": "fast"}, "--recipe fast is for classify and multilabel"),
        ({"label_smoothing": 0.1}, "--label-smoothing is for classify and multilabel"),
        ({"balance": "loss"}, "--balance loss is for classify and segment"),
        ({"loss": "cross_entropy"}, "--loss cross_entropy: expected one of huber, mse, mae"),
        ({"model": "lenet5"}, "--model lenet5: its outputs are distances to the codes of classes"),
        ({"own": {"void": 3}}, "--void is for segment"),
    ],
)
def test_what_a_regression_has_no_use_for_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(TrainOptions(task="regress", **asked), THUMBNAILS)


def test_columns_are_named_for_regressions_alone() -> None:
    with pytest.raises(UsageError, match="--target is for regress and multilabel, and the task is to classify"):
        resolve(TrainOptions(own={"target": ("age",)}), PHOTOGRAPHS)


def test_several_labels_are_not_cropped() -> None:
    recipe = resolve(TrainOptions(task="multilabel"), PHOTOGRAPHS)
    assert recipe.settings.augment.crop_area == (1.0, 1.0)
    assert (recipe.settings.augment.hflip, recipe.settings.augment.translate, recipe.settings.augment.scale) == (
        0.5,
        0.1,
        (0.8, 1.25),
    )
    assert "could cut away a label" in recipe.reasons["augment"]
    assert (recipe.settings.loss, recipe.settings.label_smoothing) == ("binary_cross_entropy", 0)
    small = resolve(TrainOptions(task="multilabel"), DIGITS)
    assert small.settings.augment == resolve(TrainOptions(), DIGITS).settings.augment
    fast = resolve(TrainOptions(task="multilabel", recipe="fast"), THUMBNAILS).settings
    assert (fast.model, fast.loss, fast.label_smoothing) == ("fastnet", "binary_cross_entropy", 0)
    with pytest.raises(UsageError, match="--loss huber: expected one of binary_cross_entropy, focal"):
        resolve(TrainOptions(task="multilabel", loss="huber"), DIGITS)
    with pytest.raises(UsageError, match="--model lenet5: its outputs are distances to the codes of classes"):
        resolve(TrainOptions(task="multilabel", model="lenet5"), DIGITS)


def test_nothing_is_known_of_a_module_of_ones_own() -> None:
    recipe = resolve(TrainOptions(size=224), PHOTOGRAPHS, own_module=True)
    settings = recipe.settings
    assert (settings.model, settings.train_sizes, settings.optimiser, settings.lr) == (
        *("custom", (224, 224), "adamw"),
        0.001,
    )
    assert "nothing is known of" in recipe.reasons["lr"]
    assert resolve(TrainOptions(size=1), DIGITS, own_module=True).settings.size == 1


def test_networks_with_fully_connected_layers_over_a_grid_train_at_one_size() -> None:
    sizes = {name: resolve(TrainOptions(model=name, size=224), PHOTOGRAPHS).settings.train_sizes for name in NETWORKS}
    assert {name for name, (first, last) in sizes.items() if first == last} == {  # type: ignore[misc]
        name for name in NETWORKS if name.startswith(("alexnet", "vgg", "lenet"))
    }
