"""Fixtures shared by all tests: real data where FOVEAL_DATA names the archives' folder, and small made-up folders."""

import os

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before torch: small nets gain nothing from threads, and workers share cores

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the user's own cache folder."""
    monkeypatch.setenv("FOVEAL_CACHE", str(tmp_path_factory.getbasetemp() / "foveal-cache"))


@pytest.fixture(scope="session")
def real_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function from an archive's name ("mnist") to its unpacked folder; skips where FOVEAL_DATA is not set."""
    archives = os.environ.get("FOVEAL_DATA")

    def unpacked(name: str) -> Path:
        if not archives:
            pytest.skip("needs real data: set FOVEAL_DATA to the folder that holds the data archives")
        found = sorted(Path(archives).glob(f"{name}.tar*"))
        if not found:
            pytest.skip(f"needs {name}.tar or {name}.tar.xz in FOVEAL_DATA ({archives})")
        folder = tmp_path_factory.getbasetemp() / "real-data" / name
        if not folder.exists():
            with tarfile.open(found[0]) as archive:
                archive.extractall(folder, filter="data")
        inner = folder / name
        return inner if inner.is_dir() else folder

    return unpacked
