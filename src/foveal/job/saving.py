"""What a run writes while it trains: its checkpoint, and the model file with its whole contract."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from torch import nn

from foveal.bundle import save_bundle
from foveal.contract import SEEN_HASHES, Contract
from foveal.device import machine
from foveal.job.begun import Begun
from foveal.job.fed import Fed
from foveal.training.budget import TimeBudget
from foveal.training.hooks import Hooks, SaveBest
from foveal.training.prepare import architecture_name
from foveal.training.settings import TrainSettings
from foveal.training.state import save_checkpoint
from foveal.weights.fitting import Origin

_REPLANNED_SHARE = 0.05  # of the time given: between looks at the plan


def hooks_of(begun: Begun, *, stop: Callable[[], str | None], budget: TimeBudget | None) -> Hooks:
    """What the loop calls in this run; rank 0 alone writes."""
    timed: dict[str, Any] = {}
    if budget is not None:
        watch = begun.asked.watch
        timed["replan"] = lambda state: budget.replan(state, elapsed=watch.total())
        timed["replan_seconds"] = _REPLANNED_SHARE * budget.seconds
    if not begun.asked.processes.first:
        return Hooks(stop=stop, **timed)
    return Hooks(
        save_checkpoint=lambda state: save_checkpoint(state, begun.fed.run.last),
        save_best=_best_saver(begun),
        stop=stop,
        **timed,
    )


def _best_saver(begun: Begun) -> SaveBest:
    """A function that writes the model file when called with the weights to keep."""
    data, weights = begun.fed.data, "moving average of the weights" if begun.settings.ema else "weights"
    seen_hashes = np.concatenate([store.hashes for store in (data.train, data.val) if store is not None])

    def save(network: nn.Module, val: Mapping[str, float], epoch: int) -> None:
        held_out = 0 if data.val is None else len(data.val)
        why = (
            f"the latest that is as good as the best on {held_out:,} held-out images"
            if val
            else "the last (nothing was held out)"
        )
        contract = _contract(begun.fed, chosen=f"{weights} after epoch {epoch}, {why}", val=val)
        # The state's are asked for only now: a checkpoint may have brought them.
        arrays = {SEEN_HASHES: np.union1d(seen_hashes, begun.state.seen_before)}
        save_bundle(begun.fed.run.model, network, contract, arrays)

    return save


def _contract(fed: Fed, *, chosen: str, val: Mapping[str, float]) -> Contract:
    settings, task, origin = fed.settings, fed.task, fed.origin
    return Contract(
        architecture=architecture_name(settings, fed.asked.module),
        task=task.name,
        task_settings=dict(task.settings),
        classes=task.classes,
        preprocess=fed.data.preprocess,
        decision=asdict(task.decision),
        chosen=chosen,
        val=dict(val),
        mirrored=settings.augment.hflip > 0,
        data=_data_contract(fed),
        recipe=shown_settings(settings, origin),
        origin={} if origin is None else origin.to_json(),
        machine=machine(),
    )


def shown_settings(settings: TrainSettings, origin: Origin | None) -> dict[str, Any]:
    """The settings for what others may see: the weights by their name, without their folder or address."""
    return {**settings.to_json(), "weights": None if origin is None else origin.source}


def _data_contract(fed: Fed) -> dict[str, Any]:
    return {
        "name": fed.dataset.name,
        "format": fed.dataset.format,
        "counts": fed.dataset.counts(),
        "fingerprint": hashlib.blake2b(np.sort(fed.data.train.hashes).tobytes(), digest_size=8).hexdigest(),
        "split": fed.settings.roles(),
    }
