"""Settings that are found by steps of a copy of the run: the batch that fits into memory, and the learning rate."""

from dataclasses import replace
from functools import partial

from foveal.console import say
from foveal.events import RateFound
from foveal.job.fed import Fed
from foveal.job.job import throw_away
from foveal.job.settled import chosen
from foveal.training.memory import fitting_batch
from foveal.training.rate_finder import suggested_rate, swept_rates
from foveal.training.trials import sweep, try_batch


def tried(fed: Fed) -> tuple[Fed, RateFound | None]:
    """The run with what was to be found, and the sweep where it was the rate.

    Raises FovealError where no batch fits or no rate makes the loss fall.
    """
    options, watch = fed.asked.options, fed.asked.watch
    if options.batch_size == "auto":
        fed = _with_fitting_batch(fed)
        watch.lap("batch size")
    if not fed.settings.find_lr or options.lr is not None:
        return fed, None
    fed, found = _with_found_rate(fed)
    watch.lap("learning rate")
    return fed, found


def _with_fitting_batch(fed: Fed) -> Fed:
    """Of one process: the run with the largest batch up to the rules' that fits, and what they choose for that."""
    trainer, most = throw_away(fed), fed.settings.batch_size
    found = fitting_batch(
        partial(try_batch, trainer), most=min(most, len(trainer.batches.store)), device=trainer.device
    )
    say(f"batch size: {found}, which fits into memory; at most {most}")
    recipe, _ = chosen(fed.settled.known.asking(batch_size=found))
    return fed.with_recipe(replace(recipe, reasons={**recipe.reasons, "batch_size": "fits into memory"}))


def _with_found_rate(fed: Fed) -> tuple[Fed, RateFound]:
    """The run with the peak rate that a sweep suggests."""
    rates = swept_rates()
    losses = sweep(throw_away(fed), rates)
    lr = suggested_rate(rates, losses)
    say(f"learning rate: {lr:g}, found in {len(losses)} steps")
    reason = "where the smoothed loss of a sweep falls most steeply (Smith 2015, arXiv:1506.01186)"
    settings, reasons = replace(fed.settings, lr=lr), {**fed.recipe.reasons, "lr": reason}
    found = RateFound(step=0, lr=lr, rates=tuple(rates[: len(losses)]), losses=tuple(losses))
    return fed.with_recipe(replace(fed.recipe, settings=settings, reasons=reasons)), found
