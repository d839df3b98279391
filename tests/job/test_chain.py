"""The steps from what is asked to a trainer, one after the other."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.made import shapes
from torch import nn

from foveal.errors import UsageError
from foveal.job.asked import Asked, asked_for
from foveal.job.begun import begin
from foveal.job.fed import Fed, feed, run_of
from foveal.job.job import ready, throw_away
from foveal.job.read import known, read
from foveal.job.settled import settle
from foveal.training.hooks import Hooks

OPTIONS = {"model": "lenet5", "epochs": 1, "batch_size": 8, "precision": "float32", "seed": 3}


def asked(folder: Path, **options: object) -> Asked:
    return replace(asked_for(shapes(40), {**OPTIONS, **options}, None), out=folder / "run")


def fed(request: Asked) -> Fed:
    settled = settle(known(read(request)))
    folder = run_of(settled)
    folder.path.mkdir()
    return feed(settled, folder)


def test_nothing_is_written_before_a_run_begins(tmp_path: Path) -> None:
    settled = settle(known(read(asked(tmp_path))))
    assert settled.asked.options.task == settled.settings.task == "classify"
    assert settled.settings.lr == pytest.approx(0.00025)
    assert run_of(settled).path == tmp_path / "run"
    assert list(tmp_path.iterdir()) == []
    made = fed(asked(tmp_path))
    assert list(made.run.path.iterdir()) == []
    begin(made)
    assert [each.name for each in made.run.path.iterdir()] == ["config.json"]


def test_the_roles_of_another_fold(tmp_path: Path) -> None:
    request = asked(tmp_path, folds=4)
    whole, first = read(request), read(request, fold=1)
    assert first.asked.options.fold == whole.asked.options.fold == 0
    asked_for_it = read(asked(tmp_path, folds=4, fold=1))
    splits = [[sample.split for sample in each.dataset.samples] for each in (whole, first, asked_for_it)]
    assert splits[0] != splits[1] == splits[2]


def test_a_copy_that_is_thrown_away_changes_nothing_of_the_run(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(576, 3))
    before = module[1].weight.detach().clone()
    made = fed(replace(asked_for(shapes(40), {"epochs": 1}, None), out=tmp_path / "run", module=module))
    trainer = throw_away(made)
    trainer.step()
    assert torch.equal(module[1].weight, before)
    assert list(made.run.path.iterdir()) == []
    ready(begin(made)).trainer.step()
    assert not torch.equal(module[1].weight, before)


def test_hooks_are_asked(tmp_path: Path) -> None:
    saved: list[int] = []
    hooks = Hooks(save_checkpoint=lambda state: saved.append(state.progress.step), stop=lambda: "enough")
    job = ready(begin(fed(asked(tmp_path))), hooks)
    assert [event.kind for event in job.trainer.run()][-1] == "stopped"
    assert saved == [0, 1]
    assert job.state.progress.step == 1


def test_a_module_of_ones_own_sees_whole_images(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="to detect, a network is taken by name"):
        read(replace(asked(tmp_path, task="detect"), module=nn.Identity()))
