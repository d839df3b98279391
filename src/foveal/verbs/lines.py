"""Predictions on standard output as they come: lines of tab-separated fields, or JSON lines."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def print_predictions(predictions: Iterable[Mapping[str, Any]], *, as_json: bool) -> int:
    """The exit code: 3 where an input failed. What is wrong with it goes to standard error, in JSON among the rest."""
    failed = False
    for prediction in predictions:
        if as_json:
            # a label map is for --masks
            print(json.dumps({name: value for name, value in prediction.items() if name != "label_map"}), flush=True)
        elif "error" in prediction:
            print(f"{prediction['path']}: {prediction['error']}", file=sys.stderr)
        else:
            for fields in _rows(prediction):
                print("\t".join([prediction["path"], *fields]), flush=True)
        failed = failed or "error" in prediction
    return 3 if failed else 0


def _rows(prediction: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """What stands beside the path, one line each: of each label, number, class's share, object; or the class."""
    if "labels" in prediction:
        yield from ((each["label"], f"{each['score']:.4f}") for each in prediction["labels"])
    elif "values" in prediction:
        yield from ((name, f"{value:.6g}") for name, value in prediction["values"].items())
    elif "shares" in prediction:
        yield from ((name, f"{share:.4f}") for name, share in prediction["shares"].items())
    elif "objects" in prediction:
        for each in prediction["objects"]:
            yield each["label"], f"{each['score']:.4f}", " ".join(f"{value:.1f}" for value in each["box"])
    else:
        yield prediction["label"], f"{prediction['score']:.4f}"
