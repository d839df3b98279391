"""What every task keeps to: one loop, one evaluator and one predictor know it by these functions alone."""

import pickle
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.made import answers_of, targets_of

from foveal.images.label_map import write_label_map
from foveal.networks.build import build_backbone
from foveal.preprocess import Preprocess
from foveal.tasks import TASKS, make_task
from foveal.types import ArrayImage, Instance, Polygons, Sample

CLASSES = ("cat", "dog", "owl")
SIDE = 64
PREPROCESS = Preprocess(size_hw=(SIDE, SIDE), channels=1, fit="squash", mean=(0.0,), std=(1.0,))


def samples(folder: Path) -> list[Sample]:
    """Two images with all that any task learns from."""
    labels = np.arange(SIDE * SIDE, dtype=np.int64).reshape(SIDE, SIDE) % 3
    write_label_map(labels.astype(np.uint8), folder / "x.png")
    found = [
        (
            Instance(label=0, box_xyxy=(4, 4, 40, 30), mask=Polygons(((4, 4, 40, 4, 20, 30),))),
            Instance(label=2, box_xyxy=(30, 30, 60, 60)),
        ),
        (),
    ]
    return [
        Sample(
            id=str(index),
            image=ArrayImage(list, 0),
            label=index,
            targets=(index - 0.5, 20.0, -3.0 * index),
            label_set=(0, 2) if index else (),
            instances=each,
            label_map=folder / "x.png",
            size_hw=(SIDE, SIDE),
        )
        for index, each in enumerate(found)
    ]


CASES = [*((name, {}) for name in TASKS), ("detect", {"masks": True})]


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_every_task_has_one_shape(name: str, settings: dict[str, bool], tmp_path: Path) -> None:
    task = make_task(name, CLASSES, settings)
    assert task.name == name
    assert task.classes == CLASSES
    assert make_task(name, CLASSES, task.settings).settings == task.settings
    network = task.build(build_backbone("resnet18", 1))
    targets = targets_of(task, samples(tmp_path), PREPROCESS)
    assert len(targets) == 2
    assert len(targets[1:]) == 1
    targets = targets.to(torch.device("cpu"))
    outputs = network(torch.randn(2, 1, SIDE, SIDE))
    terms = task.loss(outputs, targets)
    torch.stack(list(terms.values())).sum().backward()
    assert all(torch.isfinite(value) for value in terms.values())
    assert all(parameter.grad is not None for parameter in network.parameters())
    figures = task.quick(outputs, targets)
    assert tuple(figures) == task.figures
    assert all(values.shape == (2,) for values in figures.values())
    with torch.inference_mode():
        outputs = network.eval()(torch.randn(2, 1, SIDE, SIDE))
    placements = [PREPROCESS.placement((SIDE, SIDE))] * 2
    assert len(answers_of(task, outputs, placements)) == 2
    means, error = task.assess(pickle.loads(pickle.dumps([task.glance(outputs, targets)])))  # as processes send them
    assert task.primary in means
    assert error >= 0
    records = [task.record(outputs, targets)]
    assert task.primary in task.measure(records).to_json()["overall"]
    if task.tune is not None:
        assert make_task(name, CLASSES, task.settings, asdict(task.tune(records))).name == name
