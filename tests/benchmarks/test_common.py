from pathlib import Path

import pytest
from benchmarks.common import over_seeds, with_val_folder

from benchmarks import common


def test_every_tenth_training_image_of_each_class_is_held_out(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FOVEAL_CACHE", str(tmp_path / "cache"))
    for split, label, count in (("train", "cat", 11), ("train", "dog", 5), ("test", "cat", 2), ("test", "dog", 2)):
        (tmp_path / "photos" / split / label).mkdir(parents=True)
        for number in range(count):
            (tmp_path / "photos" / split / label / f"{number:02}.jpg").write_text(f"{split} {label} {number}")

    made = with_val_folder(tmp_path / "photos")

    assert sorted(path.name for path in (made / "val" / "cat").iterdir()) == ["00.jpg", "10.jpg"]
    assert sorted(path.name for path in (made / "val" / "dog").iterdir()) == ["00.jpg"]
    assert (made / "val" / "cat" / "10.jpg").read_text() == "train cat 10"
    assert len(list((made / "train" / "cat").iterdir())) == 9
    assert len(list((made / "train" / "dog").iterdir())) == 4
    assert len(list((made / "test").rglob("*.jpg"))) == 4
    assert len(list((tmp_path / "photos" / "train").rglob("*.jpg"))) == 16  # the source is untouched
    assert with_val_folder(tmp_path / "photos") == made


def test_seeds_are_measured_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    figure = [0.5]

    def foveal(*words: object) -> dict[str, object]:
        metrics = {"accuracy": {"value": figure[0]}}
        return {"command": common.command(*words), "metrics": metrics, "seconds": 1.0, "images_per_second": 2.0}

    monkeypatch.setattr(common, "foveal", foveal)
    over_seeds("made", [0, 1], "train", Path("/data/photos"), "--time", "20m")
    figure[0] = 0.7
    rows = over_seeds("made", [1, 2], "train", Path("/data/photos"), "--time", "20m")
    assert [(row["seed"], row["accuracy"]) for row in rows] == [(0, 0.5), (1, 0.7), (2, 0.7)]
    written = common.kept("made")
    assert [
        {**row, "date": each["date"], "commit": each["commit"]} for row, each in zip(rows, written, strict=True)
    ] == written
    assert all(rows[0][name] for name in ("date", "commit"))  # its own, not those of the second call
    assert rows[0]["command"] == "foveal train photos --time 20m --seed 0"
    assert len(over_seeds("made", [1], "train", Path("/data/photos"), "--time", "20s")) == 1  # another question
