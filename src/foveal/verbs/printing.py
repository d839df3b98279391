"""What a verb's result is in a terminal: a table, lines or nothing; or JSON."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from foveal.processes.launch import launched
from foveal.verbs import tables
from foveal.verbs.lines import print_predictions


def print_result(verb: str, result: Any, *, as_json: bool) -> int:
    """Prints what a verb gave; the exit code."""
    if isinstance(result, Iterator):
        return print_predictions(result, as_json=as_json)
    if not launched().first:
        return 0
    if as_json:
        print(json.dumps(result if isinstance(result, dict | list) else result.to_json(), allow_nan=False))
    elif verb in PRINTERS:
        PRINTERS[verb](result)
    return 0


def _written(result: Mapping[str, Any]) -> None:
    print(f"{result['images']:,} images written as {result['format']}: {result['out']}")


def _folds(result: Mapping[str, Any]) -> None:
    if "folds" in result:
        tables.folds_table(result)


PRINTERS: dict[str, Callable[[Any], None]] = {
    "train": _folds,
    "evaluate": tables.evaluation_table,
    "bench": tables.bench_tables,
    "convert": _written,
    "describe": tables.description_table,
    "models": tables.models_table,
}
"""Verbs that print a result; the others report while they work."""
