"""What a network learns from at each step: which images, and what it sees of them.

Legend: B batch.
"""

import math

import torch
from torch import Tensor

from foveal.annotations import ClassLabel
from foveal.augment.draws import Draws
from foveal.augment.mosaic import IMAGES_BEFORE
from foveal.augment.pipeline import augment_images, draw
from foveal.device import sent
from foveal.feed.inputs import standardise
from foveal.feed.order import balanced_order, epoch_order, step_indices
from foveal.feed.store import Store
from foveal.preprocess import Preprocess, input_hw
from foveal.processes.group import Processes
from foveal.tasks.task import Targets, Task
from foveal.training.state import TrainState

_AHEAD_BYTES = 2**26  # of inputs that are made at once for several steps


class Batches:
    """The batches of a run, by the plan that its state holds. Steps and epochs are counted from 0.

    Images are asked for by draws (`foveal.feed.order`): a sample that is drawn again is augmented otherwise.
    """

    def __init__(
        self,
        task: Task,
        state: TrainState,
        preprocess: Preprocess,
        store: Store,
        *,
        device: torch.device,
        processes: Processes,
        one_step_at_once: bool = False,
    ) -> None:
        """one_step_at_once: whether a step's batch is made alone, so that the step shows what it costs."""
        self.store = store
        self._task, self._state, self._preprocess = task, state, preprocess
        self._device, self._processes = device, processes
        self._one_step_at_once = one_step_at_once
        self._order: tuple[int, Tensor] | None = None
        self._made: dict[tuple[int, int, int], tuple[Tensor, Tensor]] = {}
        """Batches of steps to come, by step, size and images."""

    def draws(self, step: int, *, steps: int = 1) -> Tensor:
        """Those of a step, (B,), and of as many after it, of the same epoch."""
        plan = self._state.plan
        epoch, first = divmod(step, plan.steps_per_epoch)
        return step_indices(self.order(epoch)[first * plan.images_per_step :], 0, steps * plan.images_per_step)

    def order(self, epoch: int) -> Tensor:
        """All draws of an epoch."""
        if self._order is None or self._order[0] != epoch:
            plan = self._state.plan
            if plan.balanced:
                labels = [sample.known(ClassLabel).index for sample in self.store.samples]
                order = balanced_order(labels, seed=plan.seed, epoch=epoch)
            else:
                order = epoch_order(plan.num_samples, seed=plan.seed, epoch=epoch)
            self._order = epoch, order
        return self._order[1]

    def parts(self, draws: Tensor) -> tuple[Tensor, ...]:
        """A step's draws in parts of at most a batch."""
        return draws.tensor_split(math.ceil(len(draws) / self._state.plan.batch_size))

    def announce(self, step: int) -> None:
        """Tells a store that decodes for each batch what this process wants of this step and of the next."""
        if self.store.announce is None:
            return
        steps = [step, step + 1] if step + 1 < self._state.plan.total_steps else [step]
        wanted = [part for each in steps for part in self.parts(self.draws(each))]
        self.store.announce(self._samples(torch.cat([part[self.own_rows(part)] for part in wanted])))

    def make(self, draws: Tensor, *, epoch: int, size: int) -> tuple[Tensor, Targets]:
        """What the network sees of these draws in that epoch: inputs (B, C, H, W), and their targets."""
        plan = self._state.plan
        samples = self._samples(draws)
        images = sent(self.store.gather(samples), self._device)
        _, channels, height, width = images.shape
        params = draw(
            plan.augment,
            Draws(plan.seed, epoch, draws),
            in_size_hw=(height, width),
            out_size_hw=input_hw(size, plan.aspect),
            channels=channels,
        )
        targets = encoded(self._task, self.store, samples, self._device)
        inputs, targets = self._task.learning.augment(augment_images(images, params), targets, params)
        return standardise(self._preprocess, inputs).contiguous(memory_format=torch.channels_last), targets

    def own(self, part: Tensor, count: int, *, epoch: int, size: int) -> tuple[Tensor, Targets]:
        """The batch of the `count` images of a part that are this process's, mixed as in a batch of the whole."""
        inputs, targets = self.make(part[self.own_rows(part)], epoch=epoch, size=size)
        return inputs[-count:], targets[-count:]

    def own_rows(self, part: Tensor) -> Tensor:
        """Of a part, the rows that this process needs: its own and, where images meet others, those before them."""
        own = self._processes.share(len(part))
        before = IMAGES_BEFORE if self._state.plan.augment.mosaic else int(self._mixes)
        before *= 0 < own.stop - own.start < len(part)
        return torch.arange(own.start - before, own.stop) % len(part)

    def whole(self, step: int, *, size: int) -> tuple[Tensor, Tensor]:
        """A step's batch, for a network on a GPU. Of small images those of the steps after it are made with it: Python
        takes longer to ask for one than a GPU to make several."""
        plan = self._state.plan
        images = plan.images_per_step
        if (step, size, images) not in self._made:
            epoch, first = divmod(step, plan.steps_per_epoch)
            steps = min(self._steps_at_once(size), plan.steps_per_epoch - first)
            inputs, targets = self.make(self.draws(step, steps=steps), epoch=epoch, size=size)
            assert isinstance(targets, Tensor)
            parts = zip(inputs.split(images), targets.split(images), strict=True)
            self._made = {(step + index, size, images): part for index, part in enumerate(parts)}
        return self._made.pop((step, size, images))

    def _steps_at_once(self, size: int) -> int:
        plan = self._state.plan
        # Mixed images meet those of their step, and others may be decoded for it alone.
        if self._one_step_at_once or self._mixes or self.store.announce is not None:
            return 1
        pixels = max(math.prod(input_hw(size, plan.aspect)), math.prod(self.store.preprocess.size_hw))
        return max(1, _AHEAD_BYTES // (4 * plan.images_per_step * self._preprocess.channels * pixels))

    @property
    def _mixes(self) -> bool:
        augment = self._state.plan.augment
        return augment.mixup > 0 or augment.cutmix > 0

    def _samples(self, draws: Tensor) -> Tensor:
        """The samples' places in the store."""
        return draws % len(self.store)


def encoded(task: Task, store: Store, samples: Tensor, device: torch.device) -> Targets:
    """The targets of these samples of the store, on the device."""
    targets: Targets = task.encode(store, samples)
    return sent(targets, device) if isinstance(targets, Tensor) else targets.to(device)
