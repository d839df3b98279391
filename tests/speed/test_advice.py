"""Each thing worth knowing has its sentence, and nothing else has one."""

from foveal.speed.advice import advice
from foveal.speed.ceilings import Ceilings
from foveal.speed.profile import BETWEEN, DATA, LOADING, Part, Profile


def ceilings(float32: float = 100e9, bfloat16: float = 400e9) -> Ceilings:
    rates = {"float32": float32, "bfloat16": bfloat16}
    return Ceilings(convolution_flop_s=rates, matrix_flop_s=rates, memory_bytes_s=20e9, decode_images_s=1000.0)


def profile(name: str = "training step", of_ceiling: float = 0.9, **shares: float) -> Profile:
    parts = [
        Part(name=key.replace("_", " "), seconds=share, share=share, of_ceiling=of_ceiling)
        for key, share in shares.items()
    ]
    return Profile(name=name, batch_size=1, seconds=1.0, parts=tuple(parts))


def test_what_limits_training() -> None:
    assert "limited by arithmetic: convolutions and matrix products take 70% of" in only(convolutions=0.7, norms=0.3)
    assert "limited by memory: norms, activations, pooling and copies take 60% of" in only(convolutions=0.4, norms=0.6)
    overhead = Profile(
        name="training step",
        batch_size=1,
        seconds=1.0,
        parts=(Part(name=BETWEEN, seconds=0.6, share=0.6),),
    )
    assert "limited by the time between operations: 60% of the step" in advice(overhead, [], ceilings(), "bfloat16")[0]


def only(**shares: float) -> str:
    sentences = advice(profile(**shares), [], ceilings(), "bfloat16")
    assert len(sentences) == 1
    return sentences[0]


def test_the_other_precision_where_it_is_quicker() -> None:
    training = profile(convolutions=1.0)
    assert "4.0 times as fast in bfloat16 here: --precision bfloat16" in advice(training, [], ceilings(), "float32")[1]
    slow = ceilings(bfloat16=50e9)
    assert "2.0 times as fast in float32 here: --precision float32" in advice(training, [], slow, "bfloat16")[1]
    assert len(advice(training, [], slow, "float32")) == 1


def test_slow_data_low_rates_and_decoding() -> None:
    data = Part(name=DATA, seconds=0.2, share=0.2)
    training = profile(convolutions=0.8, of_ceiling=0.3)
    training = Profile(name=training.name, batch_size=1, seconds=1.0, parts=(*training.parts, data))
    loading = Part(name=LOADING, seconds=0.6, share=0.6)
    prediction = Profile(name="prediction of 1 image", batch_size=1, seconds=1.0, parts=(loading,))
    _, augmenting, low, decoding = advice(training, [prediction], ceilings(), "bfloat16")
    assert augmenting.startswith("Gathering and augmenting take 20% of the step")
    assert low.startswith("Its convolutions take 80% of the step at 30% of this machine's best rate")
    assert decoding.startswith("In prediction of 1 image decoding takes over half")
