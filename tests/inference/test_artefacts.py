"""What is made of a network is made once, found again, and removed when it takes too much room."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.made import lively_source, made_contract

from foveal.inference import artefacts
from foveal.inference.artefacts import artefact, artefact_folder
from foveal.networks import CUSTOM


def test_a_folder_is_for_these_weights_and_this_preprocessing() -> None:
    source = lively_source("lenet5", (32, 32))
    folder = artefact_folder(source.network, source.contract)
    assert folder == artefact_folder(lively_source("lenet5", (32, 32)).network, source.contract)
    others = {
        artefact_folder(source.network, made_contract("lenet5", (32, 31))),
        artefact_folder(source.network, replace(source.contract, architecture="other")),
    }
    with torch.no_grad():
        source.network.head.rbf.codes[0, 0] *= -1  # type: ignore[union-attr, index]
    others.add(artefact_folder(source.network, source.contract))
    assert len(others | {folder}) == 4
    assert artefact_folder(source.network, replace(source.contract, architecture=CUSTOM)) is None


def make(folder: Path) -> None:
    (folder / "model").write_bytes(b"x" * 1000)


def refuse(folder: Path) -> None:
    raise AssertionError("it is there already")


def test_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "key"
    with artefact(folder, "engine-1", make) as first:
        assert (first / "model").stat().st_size == 1000
    with artefact(folder, "engine-1", refuse) as second:
        assert first == second == folder / "engine-1"


def test_a_failed_making_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="there already"), artefact(tmp_path / "key", "engine-1", refuse):
        pass
    assert [each.name for each in (tmp_path / "key").iterdir() if each.is_dir()] == []
    (tmp_path / "key" / ".engine-1.99.tmp").mkdir()  # of a process that was killed
    with artefact(tmp_path / "key", "engine-1", make):
        pass
    assert [each.name for each in (tmp_path / "key").iterdir() if each.is_dir()] == ["engine-1"]


def test_without_a_folder_it_lasts_for_the_block() -> None:
    with artefact(None, "engine-1", make) as folder:
        assert (folder / "model").is_file()
    assert not folder.exists()


def test_the_one_used_longest_ago_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for age, name in enumerate(["old", "older", "oldest"], start=1):
        with artefact(tmp_path / name, "engine-1", make):
            pass
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    monkeypatch.setattr(artefacts, "CAP_BYTES", 2500)
    with artefact(tmp_path / "older", "engine-1", refuse), artefact(tmp_path / "new", "engine-1", make):
        pass
    left = sorted(each.name for each in tmp_path.iterdir() if (each / "engine-1").exists())
    assert left == ["new", "older"]
