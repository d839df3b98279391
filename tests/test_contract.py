"""The header of a model file: what is refused, and in which words."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.made import made_contract

from foveal.contract import FORMAT, SECTIONS, arrays_apart, contract_in, metadata_of, read_contract, with_arrays
from foveal.errors import ModelError

PATH = Path("model.safetensors")


def header() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(metadata_of(made_contract("lenet5", (32, 32)))["foveal"])
    return found


def read(changed: dict[str, Any]) -> Any:
    return contract_in({"foveal": json.dumps(changed)}, PATH)


def test_what_is_written_is_read() -> None:
    contract = made_contract("lenet5", (32, 32))
    assert contract_in(metadata_of(contract), PATH) == contract
    assert set(header()) == {"format", "sections"}
    assert tuple(header()["sections"]) == SECTIONS
    assert {each["version"] for each in header()["sections"].values()} == {1}


def test_what_is_newer_is_refused() -> None:
    with pytest.raises(ModelError, match=rf"model format 3, but this Foveal \(.*\) reads {FORMAT}; update it"):
        read({**header(), "format": 3})
    newer = header()
    newer["sections"]["decision"]["version"] = 2
    with pytest.raises(ModelError, match=r"version 2 of the section decision, but this Foveal \(.*\) reads up to 1"):
        read(newer)


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_that_is_missing_is_named(name: str) -> None:
    without = header()
    del without["sections"][name]
    with pytest.raises(ModelError, match=rf"its header is not that of a Foveal model: '{name}'"):
        read(without)


@pytest.mark.parametrize(
    "value", [{}, [], {"format": 1}, {"format": 2, "sections": []}, {"format": 2, "sections": {"a": 1}}]
)
def test_what_is_no_header(value: object) -> None:
    with pytest.raises(ModelError, match="its header is not that of a Foveal model"):
        contract_in({"foveal": json.dumps(value)}, PATH)


def test_what_is_no_model_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="its header has no 'foveal' entry"):
        contract_in({}, PATH)
    with pytest.raises(ModelError, match=r"not a readable \.safetensors file"):
        read_contract(tmp_path / "nothing.safetensors")
    with pytest.raises(ModelError, match=re.escape("it has no array foveal.seen_hashes")):
        arrays_apart({"head.weight": 1}, PATH)


def test_arrays_go_beside_the_weights() -> None:
    weights, arrays = {"head.weight": 1, "seen_hashes": 2}, {"seen_hashes": 3, "class_means": 4}
    tensors = with_arrays(weights, arrays)
    assert set(tensors) == {"head.weight", "seen_hashes", "foveal.seen_hashes", "foveal.class_means"}
    assert arrays_apart(tensors, PATH) == (weights, arrays)
