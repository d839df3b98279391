"""The batches that steps take; what several processes take of them is in `test_loop.py`."""

from dataclasses import replace

import pytest
import torch
from tests.training.test_loop import trainer

from foveal.feed.order import epoch_order


@pytest.mark.parametrize("mixup", [0.0, 0.2])
def test_batches_made_together_are_those_of_each_step(mixup: float, monkeypatch: pytest.MonkeyPatch) -> None:
    augment = {"hflip": 0.5, "translate": 0.1, "rotate_deg": 10.0, "mixup": mixup}
    ours = trainer(batch_size=8, epochs=2.0, augment=augment)
    monkeypatch.setattr("foveal.training.batches._AHEAD_BYTES", 3 * 4 * 8 * 24 * 24)
    made = []
    training_batch = ours.batches.make
    monkeypatch.setattr(
        ours.batches, "make", lambda indices, **key: made.append(len(indices)) or training_batch(indices, **key)
    )
    for step in range(10):
        inputs, targets = ours.batches.whole(step, size=24)
        epoch, first = divmod(step, 5)
        expected = training_batch(epoch_order(40, seed=0, epoch=epoch)[8 * first :][:8], epoch=epoch, size=24)
        assert torch.equal(inputs, expected[0])
        assert torch.equal(targets, expected[1])
    assert made == ([8] * 10 if mixup else [24, 16, 24, 16])
    ours.batches.whole(10, size=24)
    ours.state.plan = replace(ours.state.plan, batch_size=4)
    assert len(ours.batches.whole(11, size=24)[1]) == 4
