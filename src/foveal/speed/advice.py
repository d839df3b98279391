"""What limits the work, and what to change, in sentences."""

from collections.abc import Sequence

from foveal.speed.ceilings import Ceilings
from foveal.speed.operations import ARITHMETIC, KINDS, OTHER
from foveal.speed.profile import BETWEEN, DATA, LOADING, Profile

_DATA_SHARE = 0.05  # of a training step, at most
_GAIN = 1.2  # of bfloat16 over float32, from which on it is worth a word
_LARGE, _LOW = 0.25, 0.6


def advice(training: Profile, prediction: Sequence[Profile], ceilings: Ceilings, precision: str) -> list[str]:
    """One sentence for each thing worth knowing; the largest part of the training step first."""
    words = [_limit(training), *_precision_words(ceilings, precision)]
    if training.share(DATA) > _DATA_SHARE:
        words.append(
            f"Gathering and augmenting take {training.share(DATA):.0%} of the step, where 5 % is usual: leave out "
            "kinds of augmentation that these images don't need (--augmentation none leaves out all)."
        )
    words += _low_rate(training)
    slow = [profile for profile in prediction if profile.share(LOADING) > 0.5]
    if slow:
        words.append(
            f"In {' and in '.join(profile.name for profile in slow)} decoding takes over half of the time: smaller "
            "image files, or more cores, are what makes it faster."
        )
    return words


def _limit(training: Profile) -> str:
    memory_kinds = [kind for kind in (*KINDS, OTHER) if kind not in ARITHMETIC]
    arithmetic, memory, between = (
        sum(training.share(name) for name in names) for names in (ARITHMETIC, memory_kinds, (BETWEEN,))
    )
    rest = {"arithmetic": arithmetic, "memory": memory, "overhead": between}
    most = max(rest, key=lambda name: rest[name])
    if most == "arithmetic":
        return (
            f"Training is limited by arithmetic: convolutions and matrix products take {arithmetic:.0%} of the step. "
            "A smaller --size or a smaller network makes it faster, in proportion."
        )
    if most == "memory":
        return (
            f"Training is limited by memory: norms, activations, pooling and copies take {memory:.0%} of the step. "
            "A smaller --size, or a network with fewer and wider layers, makes it faster."
        )
    return (
        f"Training is limited by the time between operations: {between:.0%} of the step. A larger --batch-size makes "
        "each operation longer, and the same images take fewer of them."
    )


def _precision_words(ceilings: Ceilings, precision: str) -> list[str]:
    rates = ceilings.convolution_flop_s
    gain = rates["bfloat16"] / rates["float32"]
    if precision == "float32" and gain >= _GAIN:
        return [f"Convolutions run {gain:.1f} times as fast in bfloat16 here: --precision bfloat16."]
    if precision == "bfloat16" and gain < 1:
        return [f"Convolutions run {1 / gain:.1f} times as fast in float32 here: --precision float32."]
    return []


def _low_rate(training: Profile) -> list[str]:
    return [
        f"Its {part.name} take {part.share:.0%} of the step at {part.of_ceiling:.0%} of this machine's best rate: the "
        "layers are too narrow, too small or of too few images to fill it. A larger --batch-size may help."
        for part in training.parts
        if part.name in ARITHMETIC and part.share > _LARGE and part.of_ceiling is not None and part.of_ceiling < _LOW
    ]
