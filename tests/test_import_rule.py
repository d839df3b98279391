"""Imports go from a higher level to a lower one only, and never between siblings (docs/design.md)."""

import ast
from pathlib import Path

import foveal

SRC = Path(foveal.__file__).parent
LEVELS: dict[str, int] = {
    "annotations": 0,
    **dict.fromkeys(["types", "errors", "events", "files", "index", "options"], 1),
    **dict.fromkeys(["ops", "images"], 2),
    **dict.fromkeys(["device", "processes", "runs"], 2),
    **dict.fromkeys(["console", "preprocess", "read", "augment", "layers", "losses", "metrics"], 3),
    **dict.fromkeys(["answers", "feed", "networks"], 4),
    **dict.fromkeys(["tasks", "contract", "checks"], 5),
    **dict.fromkeys(["bundle", "weights"], 6),
    **dict.fromkeys(["evaluation", "explanation", "exporting"], 7),
    **dict.fromkeys(["training", "inference"], 8),
    **dict.fromkeys(["recipes", "reporting", "speed", "tracking", "retrieval"], 9),
    **dict.fromkeys(["job", "serving"], 10),
    "verbs": 11,
    "cli": 12,
    "__main__": 13,
}


def package_of(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def imported_packages(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write it in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("foveal.")}
    return found


def violations() -> list[str]:
    found = []
    for path in sorted(SRC.rglob("*.py")):
        here = package_of(path)
        if here == "__init__":
            continue
        for package in imported_packages(path) - {here, "__version__"}:
            if LEVELS[package] >= LEVELS[here]:
                found.append(f"{path.relative_to(SRC)} (level {LEVELS[here]}) imports {package}")
    return found


def test_every_module_has_a_level() -> None:
    assert {package_of(path) for path in SRC.rglob("*.py")} - {"__init__"} <= set(LEVELS)


def test_imports_go_down_only() -> None:
    assert violations() == []
