"""How a run is optimised where no option says: batch, steps, optimiser, rates, schedule, loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from foveal.networks import Needs, RateFamily
from foveal.recipes.room import Chosen

if TYPE_CHECKING:
    from foveal.recipes.facts import DataFacts
    from foveal.recipes.options import TrainOptions

SMALL_IMAGES_SEEN, PHOTOGRAPHS_SEEN = 1_500_000, 100_000
"""Images that a run shows the network, counted with repetition, within the epochs below."""
FEWEST_EPOCHS, MOST_EPOCHS = 15, 100
MOMENTUM = 0.9
EMA_EPOCHS = 2
"""Epochs that the moving average of the weights spans."""
SGD_RATES: dict[RateFamily, float] = {"normed": 0.1, "plain": 0.01, "distances": 0.004, "unknown": 0.01}
"""By family of networks, for a batch of 128; in proportion to the batch (Goyal et al. 2017, arXiv:1706.02677)."""
ADAM_RATES: dict[RateFamily, float] = {"normed": 3e-3, "plain": 3e-4, "distances": 1e-3, "unknown": 1e-3}
"""By family of networks, for a batch of 32; by the batch's square root (Malladi et al. 2022, arXiv:2205.10287)."""
LION_SHARE = 5
"""Of Adam's rates Lion takes one part in so many, and of AdamW's decay so many times (Chen et al. 2023, section 5)."""
_FAMILY_WORDS: dict[RateFamily, str] = {
    "normed": "with batch norm",
    "plain": "with large layers without batch norm",
    "distances": "of LeNet-5's distances",
    "unknown": "nothing is known of",
}
OTHER_RATES = {"rmsprop": 1e-3, "adagrad": 1e-2, "muon": 0.1}


def optimisation(asked: TrainOptions, facts: DataFacts, needs: Needs, *, small: bool) -> Chosen:
    """The settings of the training itself; those that were asked for are read where others hang on them."""
    batch_size = asked.batch_size_given or _batch_size(facts.num_train, small)
    images_per_step = min(batch_size * asked.accumulate, facts.num_train)
    optimiser = (
        ("adamw", "trains photographs in fewer epochs")
        if needs.rates == "unknown" or (needs.rates == "normed" and not small)
        else (
            "sgd",
            "the papers' own",
        )
    )
    name = asked.optimiser or optimiser[0]
    steps_per_epoch = max(1, facts.num_train // images_per_step)
    return {
        "batch_size": (batch_size, f"{facts.num_train:,} training images of this size"),
        **_length(asked, facts.num_train, small),
        "optimiser": optimiser,
        "lr": _learning_rate(name, needs.rates, images_per_step),
        "momentum": (MOMENTUM, "usual"),
        "nesterov": (name == "sgd" and asked.momentum != 0, "looks ahead at no cost"),
        "weight_decay": _weight_decay(name, needs.rates),
        **_schedule(asked),
        "ema": (_ema_decay(steps_per_epoch), f"averages about the last {EMA_EPOCHS} epochs"),
        **_loss(asked, needs.loss, small),
    }


def _batch_size(count: int, small: bool) -> int:
    if small:
        return 128 if count >= 5000 else 64 if count >= 1000 else 32
    return 64 if count >= 5000 else 32


def _length(asked: TrainOptions, count: int, small: bool) -> Chosen:
    if asked.time is not None:
        return {}
    images = SMALL_IMAGES_SEEN if small else PHOTOGRAPHS_SEEN
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(images / count)))
    return {"epochs": (float(epochs), f"about {images:,} images seen, {FEWEST_EPOCHS} to {MOST_EPOCHS} epochs")}


def _learning_rate(optimiser: str, family: RateFamily, images_per_step: int) -> tuple[float, str]:
    if optimiser in OTHER_RATES:
        return OTHER_RATES[optimiser], f"usual for {optimiser}"
    network = _FAMILY_WORDS[family]
    if optimiser == "sgd":
        rate = SGD_RATES[family]
        return round(rate * images_per_step / 128, 7), f"{rate:g} for a batch of 128, for a network {network}"
    rate = ADAM_RATES[family] / (LION_SHARE if optimiser == "lion" else 1)
    return round(rate * math.sqrt(images_per_step / 32), 7), f"{rate:g} for a batch of 32, for a network {network}"


def _weight_decay(optimiser: str, family: RateFamily) -> tuple[float, str]:
    if family == "distances":
        return 0.0, "as published"
    decoupled = {"adamw": 0.05, "radam": 0.05, "lion": 0.05 * LION_SHARE, "muon": 5e-4}
    if optimiser in decoupled:
        return decoupled[optimiser], "usual, decoupled from the gradient"
    return 5e-4, "usual, as an L2 penalty"


def _schedule(asked: TrainOptions) -> Chosen:
    rise = (
        (0.2, "of the one-cycle schedule") if asked.schedule in (None, "one_cycle") else (0.05, "tames the first steps")
    )
    return {"schedule": ("one_cycle", "Smith & Topin 2017, arXiv:1708.07120"), "warmup": rise}


def _ema_decay(steps_per_epoch: int) -> float:
    return round(min(0.9998, max(0.9, 1 - 1 / (EMA_EPOCHS * steps_per_epoch))), 5)


def _loss(asked: TrainOptions, loss: str, small: bool) -> Chosen:
    smooths = (asked.loss or loss) == "cross_entropy" and not small
    smoothing = (0.1, "photographs") if smooths else (0.0, "none for small images or this loss")
    return {"loss": (loss, "the network's own"), "label_smoothing": smoothing}
