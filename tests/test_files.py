"""Files are whole or absent."""

from pathlib import Path

import pytest

from foveal.files import atomic_folder, atomic_path, cache_folder, read_json, write_json, write_text


def test_an_interrupted_write_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.txt"
    write_text(target, "old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as temporary:
        temporary.write_text(f"half of the n{1 // 0}")
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_is_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "folder"
    with pytest.raises(ZeroDivisionError), atomic_folder(target) as temporary:
        (temporary / "one").write_text(f"{1 // 0}")
    assert list(target.parent.iterdir()) == []
    with atomic_folder(target) as temporary:
        (temporary / "one").write_text("1")
        assert not target.exists()
    assert list(target.parent.iterdir()) == [target]
    assert (target / "one").read_text() == "1"


def test_json_refuses_nan_and_keeps_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "value.json"
    write_json(target, {"names": ["é", "猫"], "x": 1.5})
    with pytest.raises(ValueError, match="Out of range"):
        write_json(target, {"x": float("nan")})
    assert read_json(target) == {"names": ["é", "猫"], "x": 1.5}


def test_a_written_file_has_the_users_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with atomic_path(tmp_path / "private") as temporary:
        temporary.write_text("x")
        temporary.chmod(0o600)
    assert (tmp_path / "private").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_cache_can_be_put_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FOVEAL_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("FOVEAL_CACHE")
    assert cache_folder().name.lower() == "foveal"
