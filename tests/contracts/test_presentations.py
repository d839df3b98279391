"""What every task's presentation keeps to: report, terminal and pictures know a task by it alone."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.contracts.test_tasks import CASES, CLASSES, PREPROCESS, SIDE, samples
from tests.made import store_of
from tests.reporting.test_folds import REPORT as FOLDS
from tests.reporting.test_report import Page, report

from foveal.evaluation.evaluate import evaluate_store
from foveal.images.sources import ArrayImage
from foveal.networks.build import build_backbone
from foveal.reporting.folds import render_folds
from foveal.reporting.galleries.evaluated import Evaluated
from foveal.reporting.report import render
from foveal.reporting.tasks import PRESENTATIONS
from foveal.tasks import TASKS, make_task
from foveal.verbs.tables import evaluation_table


def evaluated(name: str, settings: dict[str, Any], folder: Path) -> Evaluated:
    """A network as drawn, on two images with all that any task is judged by."""
    torch.manual_seed(0)
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 1), dtype=np.uint8)
    known = [
        replace(each, image=ArrayImage(lambda: pixels, index, str(index)))
        for index, each in enumerate(samples(folder, name))
    ]
    task, store = make_task(name, CLASSES, settings), store_of(known, PREPROCESS)
    network, device = task.learning.build(build_backbone("resnet18", 1)), torch.device("cpu")
    evaluation = evaluate_store(task, network, PREPROCESS, store, device=device)
    return Evaluated(task=task, evaluation=evaluation, store=store, network=network, device=device)


def test_every_task_is_shown() -> None:
    assert sorted(PRESENTATIONS) == sorted(TASKS)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_report_and_terminal_show_what_the_task_measures(
    name: str, settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, presentation = evaluated(name, settings, tmp_path), PRESENTATIONS[name]
    result = found.evaluation.to_json(task=found.task, split="test")
    assert presentation.headline(result).metric == found.task.judging.primary

    page = Page(render(report(CLASSES, evaluation=result, gallery=presentation.gallery(found))))
    assert len(set(page.ids)) == len(page.ids)
    others = [metric for metric in result["metrics"] if metric != found.task.judging.primary]
    assert all(presentation.metric(metric).title in page.words for metric in others)
    large = presentation.metrics[found.task.judging.primary].in_line
    assert large in page.words
    assert presentation.headline(result).sentence in page.words
    assert all(name in page.words for name in CLASSES)

    evaluation_table(result)
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*CLASSES, *result["metrics"]))

    metrics = {metric: {"value": 0.5, "low": 0.4, "high": 0.6} for metric in result["metrics"]}
    folds = [{**each, "metrics": dict.fromkeys(metrics, 0.5)} for each in FOLDS.folds]
    of_folds = replace(FOLDS, task=name, primary=found.task.judging.primary, metrics=metrics, folds=folds)
    assert f"{large}, mean of folds" in Page(render_folds(of_folds)).words


TITLES = {
    "classify": {
        "accuracy": "Accuracy",
        "f1_macro": "Macro F1",
        "log_loss": "Log loss",
        "ece": "Calibration error",
        "top5": "Top-5 accuracy",
        "precision_macro": "Precision",
        "recall_macro": "Recall",
        "auroc_macro": "AUROC",
        "average_precision_macro": "Average precision",
    },
    "multilabel": {
        "mAP": "Mean average precision of the labels",
        "f1_micro": "Micro F1",
        "precision_micro": "Precision",
        "recall_micro": "Recall",
        "f1_macro": "Macro F1",
    },
    "regress": {
        "mae": "Mean absolute error",
        "relative_mae": "Mean error, in standard deviations",
        "rmse": "RMSE",
        "r2": "R²",
    },
    "detect": {
        "AP": "Average precision",
        "mask_AP": "Mask AP",
        "mask_AP50": "Mask AP50",
        "AP50": "AP50",
        "AP75": "AP75",
        "precision": "Precision",
        "recall": "Recall",
        "f1": "F1",
        "APs": "AP, small",
        "APm": "AP, medium",
        "APl": "AP, large",
        "AR1": "AR1",
        "AR10": "AR10",
        "AR100": "AR100",
        "ARs": "AR, small",
        "ARm": "AR, medium",
        "ARl": "AR, large",
    },
    "segment": {
        "mIoU": "Mean IoU of the classes",
        "pixel_accuracy": "Pixel accuracy",
        "mean_dice": "Dice",
        "boundary_f1": "Boundary F1",
    },
}


@pytest.mark.parametrize("name", PRESENTATIONS)
def test_each_figure_stands_below_its_own_title(name: str, tmp_path: Path) -> None:
    """In the report's headline: every figure has a value of its own, and all but the large one a title."""
    found, presentation = evaluated(name, {"masks": True} if name == "detect" else {}, tmp_path), PRESENTATIONS[name]
    result = found.evaluation.to_json(task=found.task, split="test")
    assert {metric: presentation.metric(metric).title for metric in presentation.metrics} == TITLES[name]
    values = {metric: 0.11 + 0.013 * place for place, metric in enumerate(TITLES[name])}
    metrics = {metric: {"value": value, "low": value - 0.01, "high": value + 0.01} for metric, value in values.items()}
    page = Page(render(report(CLASSES, evaluation={**result, "metrics": metrics}, gallery=presentation.gallery(found))))
    for metric, title in TITLES[name].items():
        if metric != found.task.judging.primary:
            shown = f"{values[metric]:.3f}"
            ends = f"{values[metric] - 0.01:.3f}–{values[metric] + 0.01:.3f}"
            assert f"{title}{shown}" in page.words
            assert f"{title}{shown}{ends}" in page.words or presentation.metric(metric).in_unit


@pytest.mark.parametrize("name", PRESENTATIONS)
def test_the_terminal_puts_each_figure_beside_its_name(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = evaluated(name, {"masks": True} if name == "detect" else {}, tmp_path)
    result = found.evaluation.to_json(task=found.task, split="test")
    values = {metric: 0.11 + 0.013 * place for place, metric in enumerate(TITLES[name])}
    metrics = {metric: {"value": value, "low": value - 0.01, "high": value + 0.02} for metric, value in values.items()}
    evaluation_table({**result, "metrics": metrics})
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    for metric, value in values.items():
        assert [metric, f"{value:.4f}", f"{value - 0.01:.4f}", "to", f"{value + 0.02:.4f}"] in rows


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_targets_are_drawn(name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    found, presentation = evaluated(name, settings, tmp_path), PRESENTATIONS[name]
    task, store = found.task, found.store
    pictures = [np.zeros((SIDE, SIDE, 1), np.uint8)] * 2
    drawn, words = presentation.draw_targets(pictures, task.encode(store, torch.arange(2)), store.samples, CLASSES)
    assert [each.shape[:2] for each in drawn] == [(SIDE, SIDE)] * 2
    assert len(words) == 2
    assert any(words) or drawn[0].any()


@pytest.mark.parametrize("name", PRESENTATIONS)
@pytest.mark.parametrize("number", [1, 2, 1000])
def test_nouns_are_words(name: str, number: int) -> None:
    nouns = PRESENTATIONS[name].nouns
    assert f"{number:,}" in nouns.classes(number)
    assert str(number) in nouns.learned(number)
    assert f"{number:,}" in nouns.split_size(number, number)


def test_no_presentation_loads_torch() -> None:
    code = (
        "import sys; from foveal.reporting.tasks import PRESENTATIONS; "
        "[PRESENTATIONS[name] for name in PRESENTATIONS]; print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
