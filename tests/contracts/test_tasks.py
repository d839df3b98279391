"""What every task keeps to: one loop, one evaluator and one predictor know it by these functions alone."""

import pickle
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.made import answers_of, targets_of

from foveal.annotations import Annotation, ClassLabel, Instance, LabelSet, Numbers, Objects, PixelClasses, Polygons
from foveal.images.label_map import write_label_map
from foveal.images.sources import ArrayImage
from foveal.networks.build import build_backbone
from foveal.preprocess import Preprocess
from foveal.tasks import TASKS, make_task
from foveal.types import Sample

CLASSES = ("cat", "dog", "owl")
SIDE = 64
PREPROCESS = Preprocess(size_hw=(SIDE, SIDE), channels=1, fit="squash", mean=(0.0,), std=(1.0,))


def samples(folder: Path, task: str) -> list[Sample]:
    """Two images with what the task learns from."""
    labels = np.arange(SIDE * SIDE, dtype=np.int64).reshape(SIDE, SIDE) % 3
    write_label_map(labels.astype(np.uint8), folder / "x.png")
    things = [
        (
            Instance(label=0, box_xyxy=(4, 4, 40, 30), mask=Polygons(((4, 4, 40, 4, 20, 30),))),
            Instance(label=2, box_xyxy=(30, 30, 60, 60)),
        ),
        (),
    ]
    known: dict[str, list[Annotation]] = {
        "classify": [ClassLabel(0), ClassLabel(1)],
        "regress": [Numbers((-0.5, 20.0, 0.0)), Numbers((0.5, 20.0, -3.0))],
        "multilabel": [LabelSet(()), LabelSet((0, 2))],
        "detect": [Objects(each) for each in things],
        "segment": [PixelClasses(folder / "x.png")] * 2,
    }
    return [
        Sample(
            id=str(index),
            image=ArrayImage(list, 0, str(index)),
            annotation=each,
            size_hw=(SIDE, SIDE),
        )
        for index, each in enumerate(known[task])
    ]


CASES = [*((name, {}) for name in TASKS), ("detect", {"masks": True})]


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_every_task_has_one_shape(name: str, settings: dict[str, bool], tmp_path: Path) -> None:
    task = make_task(name, CLASSES, settings)
    assert task.name == name
    assert task.classes == CLASSES
    assert make_task(name, CLASSES, task.settings).settings == task.settings
    network = task.learning.build(build_backbone("resnet18", 1))
    targets = targets_of(task, samples(tmp_path, name), PREPROCESS)
    assert len(targets) == 2
    assert len(targets[1:]) == 1
    targets = targets.to(torch.device("cpu"))
    outputs = network(torch.randn(2, 1, SIDE, SIDE))
    terms = task.learning.loss(outputs, targets)
    torch.stack(list(terms.values())).sum().backward()
    assert all(torch.isfinite(value) for value in terms.values())
    assert all(parameter.grad is not None for parameter in network.parameters())
    figures = task.learning.step_metrics(outputs, targets)
    assert tuple(figures) == task.learning.step_metric_names
    assert all(values.shape == (2,) for values in figures.values())
    with torch.inference_mode():
        outputs = network.eval()(torch.randn(2, 1, SIDE, SIDE))
    placements = [PREPROCESS.placement((SIDE, SIDE))] * 2
    assert len(answers_of(task, outputs, placements)) == 2
    sent = pickle.dumps([task.judging.validation_record(outputs, targets)])  # as processes send them
    means, error = task.judging.validation_metrics(pickle.loads(sent))
    assert task.judging.primary in means
    assert error >= 0
    records = [task.judging.evaluation_record(outputs, targets)]
    assert task.judging.primary in task.judging.evaluation_metrics(records).to_json()["overall"]
    if task.judging.decide is not None:
        assert make_task(name, CLASSES, task.settings, asdict(task.judging.decide(records))).name == name
