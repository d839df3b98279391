import ast
import sys
from pathlib import Path

import pytest
from benchmarks.contenders import DRIVERS, shown
from benchmarks.peers.environment import HERE, program
from benchmarks.peers_ten_minutes import epochs_that_fit, top1

PEERS_OF = {
    "driver.py": {"torch"},
    "torchvision_reference.py": {"torch", "torchvision", "PIL", "driver"},
    "fastai_vision.py": {"torch", "torchvision", "PIL", "fastai", "driver"},
    "timm_train.py": {"torch", "torchvision", "PIL", "timm", "driver"},
    "made_weights.py": {"torch"},
    "torchvision_table.py": {"torch", "torchvision", "made_weights"},
    "plain_torch.py": {"torch", "numpy"},
}


@pytest.mark.parametrize("name", PEERS_OF)
def test_a_driver_compiles_and_imports_its_peer_alone(name: str) -> None:
    text = (HERE / name).read_text(encoding="utf-8")
    compile(text, name, "exec")
    imported = {
        module.partition(".")[0]
        for node in ast.walk(ast.parse(text))
        for module in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - set(sys.stdlib_module_names) == PEERS_OF[name]


def test_every_driver_exists() -> None:
    assert set(DRIVERS.values()) < set(PEERS_OF)


def test_a_given_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEAL_PEERS", sys.prefix)
    assert program("python").samefile(sys.executable)
    monkeypatch.setenv("FOVEAL_PEERS", str(tmp_path))
    with pytest.raises(SystemExit, match=r"expected .*python, a program of requirements.txt; FOVEAL_PEERS is /"):
        program("python")


def test_epochs_are_fitted_to_the_time() -> None:
    two = {"wall_seconds": 70.0, "epoch_seconds": [30.0, 25.0]}
    assert epochs_that_fit(600, two=two) == 23  # 70 + 21 × 25 = 595
    assert epochs_that_fit(60, two=two) == 2


def test_the_accuracy_is_read_from_what_yolo_prints() -> None:
    printed = (
        "               classes   top1_acc   top5_acc: 100% 7/7\n                   all     0.0455      0.227\nSpeed: …"
    )
    assert top1(printed) == 0.0455


def test_commands_are_shown_without_the_machines_folders(tmp_path: Path) -> None:
    assert shown(tmp_path / "photos", "--size", 128) == "photos --size 128"
