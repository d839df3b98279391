"""Predictions on standard output as they come: lines of tab-separated fields, or JSON lines."""

import json
import sys
from collections.abc import Iterable

from foveal.answers.predicted import Failed, Predicted


def print_predictions(predictions: Iterable[Predicted | Failed], *, as_json: bool) -> int:
    """The exit code: 3 where an input failed. What is wrong with it goes to standard error, in JSON among the rest."""
    failed = False
    for each in predictions:
        if as_json:
            print(json.dumps(each.to_json()), flush=True)
        elif isinstance(each, Failed):
            print(f"{each.path}: {each.reason}", file=sys.stderr)
        else:
            for fields in each.answer.rows():
                print("\t".join([each.path, *fields]), flush=True)
        failed = failed or isinstance(each, Failed)
    return 3 if failed else 0
