"""What a network needs is declared in `Needs`: no rule outside `networks/` goes by its name."""

import ast
from pathlib import Path

import foveal
from foveal.networks import NETWORKS

SRC = Path(foveal.__file__).parent
OUTSIDE = sorted(path for path in SRC.rglob("*.py") if path.relative_to(SRC).parts[0] != "networks")
FEWEST_LETTERS = 3  # of what counts as the beginning or the end of a name
PARTS = ("startswith", "endswith", "removeprefix", "removesuffix", "partition")


def strings_in(node: ast.AST) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def named_networks(source: str) -> set[str]:
    """Networks' names that the source compares with, and beginnings and ends of names that it looks for."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            found |= strings_in(node) & set(NETWORKS)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PARTS:
            found |= {each for argument in node.args for each in strings_in(argument) if is_part_of_a_name(each)}
    return found


def is_part_of_a_name(text: str) -> bool:
    return len(text) >= FEWEST_LETTERS and any(name.startswith(text) or name.endswith(text) for name in NETWORKS)


def test_no_rule_goes_by_a_networks_name() -> None:
    found = {str(path.relative_to(SRC)): named_networks(path.read_text(encoding="utf-8")) for path in OUTSIDE}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_index_is_read_for_lists_alone() -> None:
    reads = {path.relative_to(SRC).as_posix() for path in OUTSIDE if "NETWORKS" in path.read_text(encoding="utf-8")}
    assert reads == {"verbs/models.py"}


def test_such_rules_are_found() -> None:
    assert named_networks('a = model == "lenet5"') == {"lenet5"}
    assert named_networks('a = model in ("vgg11", other)') == {"vgg11"}
    assert named_networks('a = model.startswith(("alexnet", "xyz"))') == {"alexnet"}
    assert named_networks('a = model.endswith("_cifar")') == {"_cifar"}
    assert named_networks('a = {"model": "resnet18"}') == set()
