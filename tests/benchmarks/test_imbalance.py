from pathlib import Path

from benchmarks.imbalance import thinned


def test_classes_are_thinned_by_a_constant_factor(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FOVEAL_CACHE", str(tmp_path / "cache"))
    for label, count in (("ape", 40), ("bee", 60), ("cat", 100), ("dog", 5)):
        for split, number in (("train", count), ("test", 3)):
            (tmp_path / "photos" / split / label).mkdir(parents=True)
            for index in range(number):
                (tmp_path / "photos" / split / label / f"{index:03}.jpg").write_text(f"{split} {label} {index}")

    made = thinned(tmp_path / "photos", ratio=8)

    counts = {label.name: len(list(label.iterdir())) for label in (made / "train").iterdir()}
    assert counts == {"cat": 100, "bee": 50, "ape": 25, "dog": 5}
    kept = sorted(int(path.stem) for path in (made / "train" / "bee").iterdir())
    assert (kept[:3], kept[-1]) == ([0, 1, 2], 58)
    assert (made / "train" / "bee" / "058.jpg").read_text() == "train bee 58"
    assert len(list((made / "test").rglob("*.jpg"))) == 12
    assert len(list((tmp_path / "photos" / "train").rglob("*.jpg"))) == 205  # the source is untouched
    assert thinned(tmp_path / "photos", ratio=8) == made
