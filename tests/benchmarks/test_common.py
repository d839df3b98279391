from pathlib import Path

from benchmarks.common import with_val_folder


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
