from pathlib import Path

import pytest
from benchmarks.widths import third_held_out


def test_every_third_distinct_training_image_is_held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEAL_CACHE", str(tmp_path / "cache"))
    for split, label, count in (("Training", "cat", 7), ("Training", "dog", 3), ("Testing", "cat", 2)):
        (tmp_path / "photos" / split / label).mkdir(parents=True)
        for number in range(count):
            text = f"{split} {label} {max(1, number)}"  # the second is the first once more
            (tmp_path / "photos" / split / label / f"{number}.jpg").write_text(text)

    made = third_held_out(tmp_path / "photos")

    held_out = sorted(path.relative_to(made / "test").as_posix() for path in (made / "test").rglob("*.jpg"))
    assert held_out == ["cat/0.jpg", "cat/4.jpg", "dog/0.jpg"]
    learned = sorted(path.relative_to(made / "train").as_posix() for path in (made / "train").rglob("*.jpg"))
    assert learned == ["cat/2.jpg", "cat/3.jpg", "cat/5.jpg", "cat/6.jpg", "dog/2.jpg"]
    assert third_held_out(tmp_path / "photos") == made
