"""Model files of format 1, beside what the code of that time predicted: they load and predict the same."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.formats.tiny import CLASSES, SIZE_HW, TASKS, pictures, tiny

import foveal
from foveal.bundle import load_bundle, save_bundle
from foveal.contract import Contract, read_contract

HERE = Path(__file__).parent
OPTIONS: dict[str, dict[str, Any]] = {"plain": {}, "tta": {"tta": True}, "tiles": {"tile": 40}}
DECISIONS = {
    "multilabel": {"thresholds": [0.45, 0.55, 0.5]},
    "detect": {"score_threshold": 0.3, "nms_iou": 0.5, "max_detections": 7},
    "detect-masks": {"score_threshold": 0.3, "nms_iou": 0.5, "max_detections": 5},
}


def file_of(task: str) -> Path:
    return HERE / f"one-{task}.safetensors"


@pytest.mark.parametrize("task", TASKS)
def test_its_header_is_read(task: str) -> None:
    contract = read_contract(file_of(task))
    assert (contract.task, contract.classes) == (task.partition("-")[0], CLASSES)
    assert contract.decision == DECISIONS.get(task, {})
    assert not {"thresholds", "score", "overlap", "most"} & set(contract.task_settings)
    assert contract.preprocess.size_hw == SIZE_HW
    assert contract.preprocess.std == (0.2, 0.25, 0.3)
    assert contract.mirrored == (task != "multilabel")
    assert contract.chosen.startswith("weights after epoch 3")
    assert contract.val == {"figure": 0.5}
    assert contract.origin == ({"source": "made"} if task == "classify" else {})
    assert contract.data["counts"] == {"train": {"ant": 3}}
    assert (contract.recipe["seed"], contract.machine["cores"]) == (3, 2)
    assert set(contract.versions) == {"foveal", "torch"}
    assert contract.others == {}


@pytest.mark.parametrize("task", TASKS)
def test_it_predicts_as_it_did(task: str, tmp_path: Path) -> None:
    expected = json.loads((HERE / f"one-{task}.json").read_text(encoding="utf-8"))
    assert predictions(file_of(task), task, expected) == expected
    bundle = load_bundle(file_of(task), module=tiny(task))
    assert bundle.seen_hashes.tolist() == [3, 2**63 + 5]
    again = tmp_path / "again.safetensors"  # in today's format
    save_bundle(again, bundle.network, bundle.contract, bundle.arrays)
    assert read_contract(again) == read_contract(file_of(task))
    assert load_bundle(again, module=tiny(task)).seen_hashes.tolist() == [3, 2**63 + 5]
    assert predictions(again, task, expected) == expected


def predictions(path: Path, task: str, expected: dict[str, Any]) -> dict[str, Any]:
    model = foveal.load(path, module=tiny(task), engine="eager", precision="float32", device="cpu")
    made = {name: [shown(answer) for answer in model.predict(pictures(), **OPTIONS[name])] for name in expected}
    return {name: [near(*pair) for pair in zip(made[name], expected[name], strict=True)] for name in made}


def shown(answer: Any) -> dict[str, Any]:
    said: dict[str, Any] = answer.to_json()
    if isinstance(answer, foveal.Segmented):
        said["label_map"] = ["".join(map(str, row)) for row in answer.label_map.tolist()]
    return said


def near(made: Any, expected: Any) -> Any:
    """What was expected, where all numbers are within the rounding of float32 and all else is equal."""
    if isinstance(expected, dict) and isinstance(made, dict) and made.keys() == expected.keys():
        return {name: near(made[name], each) for name, each in expected.items()}
    if isinstance(expected, list) and isinstance(made, list) and len(made) == len(expected):
        return [near(*pair) for pair in zip(made, expected, strict=True)]
    if isinstance(expected, float) and np.isclose(made, expected, rtol=1e-6, atol=1e-6):
        return expected
    return made


def test_what_is_near_is_not_all() -> None:
    assert near({"a": [1.0, "x"]}, {"a": [1.0 + 1e-8, "x"]}) == {"a": [1.0 + 1e-8, "x"]}
    assert near({"a": [1.001]}, {"a": [1.0]}) != {"a": [1.0]}
    assert near({"a": [1.0]}, {"a": [1.0, 2.0]}) != {"a": [1.0, 2.0]}


def test_sections_that_nobody_knows_are_kept(tmp_path: Path) -> None:
    bundle = load_bundle(file_of("classify"), module=tiny("classify"))
    others = {"calibration": {"version": 7, "values": {"temperature": 1.5}}}
    contract: Contract = replace(bundle.contract, others=others)
    arrays = {**bundle.arrays, "class_means": np.ones((3, 4), np.float32)}
    path = tmp_path / "newer.safetensors"
    save_bundle(path, bundle.network, contract, arrays)
    loaded = load_bundle(path, module=tiny("classify"))
    assert loaded.contract.others == others
    assert np.array_equal(loaded.arrays["class_means"], arrays["class_means"])
    assert "class_means" not in loaded.network.state_dict()
