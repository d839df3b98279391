"""What a run is asked for: options over a config, and a config's own choices made anew where they hang on an option."""

from pathlib import Path

import pytest

from foveal.errors import UsageError
from foveal.files import write_json
from foveal.job.asked import asked_for, data_path
from foveal.recipes.options import TrainOptions

SAVED = TrainOptions(
    model="resnet20_cifar",
    size=24,
    train_sizes=(24, 24),
    lr=0.1,
    epochs=7.0,
    batch_size=32,
    augment={"hflip": 0.0, "rotate_deg": 10.0},
)
REASONS = {"size": "a", "train_sizes": "b", "lr": "c", "augment": "d", "epochs": "e"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_json(tmp_path / "config.json", {"data": "photos", "settings": SAVED.to_json(), "reasons": REASONS})
    return tmp_path / "config.json"


def test_a_config_alone_is_taken_whole(config: Path) -> None:
    chosen = asked_for(None, {"lr": None}, config)
    assert chosen.options == SAVED
    assert chosen.data == "photos"
    assert chosen.reasons == REASONS


def test_an_option_replaces_what_was_saved(config: Path) -> None:
    chosen = asked_for("other", {"lr": 0.5, "hflip": 0.5}, config)
    assert chosen.options.lr == 0.5
    assert chosen.options.augment == {"hflip": 0.5, "rotate_deg": 10.0}
    assert chosen.options.train_sizes == (24, 24)
    assert "lr" not in chosen.reasons
    assert chosen.data == "other"


@pytest.mark.parametrize("option", [{"size": 48}, {"model": "resnet18"}, {"augmentation": "none"}])
def test_rules_choose_anew_where_their_ground_moves(config: Path, option: dict[str, object]) -> None:
    chosen = asked_for(None, option, config)
    assert chosen.options.train_sizes is None
    assert chosen.options.lr is None
    assert chosen.options.augment == {}
    assert chosen.options.batch_size == 32  # asked for then, and so still
    assert chosen.reasons == {}


def test_a_rate_that_was_found_is_not_looked_for_again(tmp_path: Path) -> None:
    saved = {"data": "photos", "settings": {**SAVED.to_json(), "find_lr": True}, "reasons": REASONS}
    write_json(tmp_path / "config.json", saved)
    chosen = asked_for(None, {"folds": 5}, tmp_path / "config.json")
    assert (chosen.options.find_lr, chosen.options.lr, chosen.options.folds) == (False, 0.1, 5)
    assert asked_for(None, {"find_lr": True}, tmp_path / "config.json").options.find_lr
    assert asked_for(None, {"batch_size": 64}, tmp_path / "config.json").options.find_lr  # the rate goes, too


def test_one_target_may_come_alone() -> None:
    assert asked_for("table.csv", {"target": "angle"}, None).options.own["target"] == ("angle",)
    assert TrainOptions.from_json({"target": ["angle", "length"]}).own["target"] == ("angle", "length")


def test_a_home_folder_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert data_path("~/photos") == str(tmp_path / "photos")
    assert data_path(Path("photos")) == str(tmp_path / "photos")
    assert data_path([1, 2]) is None


def test_time_and_epochs_replace_each_other(config: Path) -> None:
    chosen = asked_for(None, {"time": "5m"}, config)
    assert (chosen.options.time, chosen.options.epochs) == ("5m", None)


def test_no_data() -> None:
    with pytest.raises(UsageError, match="no data given"):
        asked_for(None, {}, None)


def test_augmentation_that_was_asked_for_outlives_the_rules(tmp_path: Path) -> None:
    saved = {"data": "photos", "settings": SAVED.to_json(), "reasons": REASONS, "augment_asked": ["hflip"]}
    write_json(tmp_path / "config.json", saved)
    chosen = asked_for(None, {"batch_size": 64, "scale": (0.9, 1.1)}, tmp_path / "config.json")
    assert chosen.options.augment == {"hflip": 0.0, "scale": (0.9, 1.1)}
    assert chosen.augment_asked == {"hflip", "scale"}


def test_the_format_goes_with_the_data(tmp_path: Path) -> None:
    saved = {"data": "photos", "format": "csv", "settings": SAVED.to_json(), "reasons": REASONS}
    write_json(tmp_path / "config.json", saved)
    assert asked_for(None, {}, tmp_path / "config.json").format == "csv"
    assert asked_for("other", {}, tmp_path / "config.json").format is None
    assert asked_for("other", {}, tmp_path / "config.json", format="idx").format == "idx"
