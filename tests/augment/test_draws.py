import numpy as np
import pytest
import torch
from scipy import stats

from foveal.augment.draws import Draws
from foveal.errors import UsageError

MANY = torch.arange(20_000)
BIG = 2**64 - 1


def splitmix(z: int) -> int:
    """The finaliser in Python's own integers."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & BIG
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & BIG
    return z ^ (z >> 31)


def test_the_stream_never_changes() -> None:
    draws = Draws(seed=7, epoch=3, samples=torch.tensor([0, 1, 2**40, -1]))
    recorded = [0.49210190773010254, 0.5538195967674255, 0.1302972435951233, 0.5453237295150757]
    assert draws.uniform("rotate").tolist() == recorded


def test_the_finaliser_is_that_of_splitmix64() -> None:
    """The first outputs of SplitMix64 from state 1234567, as Rosetta Code lists them, need this finaliser."""
    gamma = 0x9E3779B97F4A7C15
    states = [(1234567 + gamma * (i + 1)) & BIG for i in range(2)]
    assert [splitmix(state) for state in states] == [6457827717110365317, 3203168211198807973]


def test_numpy_and_python_hash_alike() -> None:
    import hashlib

    seed, epoch, sample = 2**63 + 5, 11, 123_456_789
    stream = int.from_bytes(hashlib.blake2b(b"scale", digest_size=8).digest(), "little")
    key = 0
    for word in (seed, epoch, stream, sample):
        key = splitmix(key ^ splitmix((word + 0x9E3779B97F4A7C15) & BIG))
    assert Draws(seed, epoch, torch.tensor([sample])).uniform("scale").item() == (key >> 40) * 2.0**-24


def test_a_draw_depends_on_its_sample_alone() -> None:
    whole = Draws(1, 2, MANY).uniform("x")
    order = torch.randperm(len(MANY), generator=torch.Generator().manual_seed(0))
    assert torch.equal(Draws(1, 2, MANY[order]).uniform("x"), whole[order])
    assert torch.equal(Draws(1, 2, MANY[77:78]).uniform("x"), whole[77:78])


def test_the_global_generators_are_neither_read_nor_moved() -> None:
    before = torch.get_rng_state()
    first = Draws(1, 2, MANY).beta("x", 0.3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    assert torch.equal(Draws(1, 2, MANY).beta("x", 0.3), first)


@pytest.mark.parametrize("samples", [MANY, MANY * 2**40, MANY - 10_000])
def test_uniform_numbers_are_uniform(samples: torch.Tensor) -> None:
    values = Draws(0, 0, samples).uniform("x")
    assert values.dtype == torch.float32
    assert values.min() >= 0
    assert values.max() < 1
    assert stats.kstest(values.numpy(), "uniform").pvalue > 1e-3


def test_uniform_numbers_keep_to_their_range() -> None:
    values = Draws(0, 0, MANY).uniform("x", -3.0, 5.0)
    assert stats.kstest(values.numpy(), "uniform", args=(-3, 8)).pvalue > 1e-3
    assert (Draws(0, 0, MANY).uniform("x", 2.0, 2.0) == 2).all()


@pytest.mark.parametrize(
    "other",
    [
        Draws(0, 0, MANY + 1).uniform("x"),
        Draws(0, 1, MANY).uniform("x"),
        Draws(1, 0, MANY).uniform("x"),
        Draws(0, 0, MANY).uniform("y"),
        Draws(2**32, 0, MANY).uniform("x"),
        Draws(0, 2**32, MANY).uniform("x"),
        Draws(0, 0, MANY + 2**32).uniform("x"),
        Draws(BIG, 0, MANY).uniform("x"),
    ],
    ids=["sample", "epoch", "seed", "name", "large seed", "large epoch", "large sample", "largest seed"],
)
def test_streams_are_independent(other: torch.Tensor) -> None:
    draws = Draws(0, 0, MANY).uniform("x")
    correlation = np.corrcoef(draws.numpy(), other.numpy())[0, 1]
    assert abs(correlation) < 4 / len(MANY) ** 0.5  # four standard deviations
    cells, _, _ = np.histogram2d(draws.numpy(), other.numpy(), bins=8, range=[[0, 1], [0, 1]])
    assert stats.chisquare(cells.ravel()).pvalue > 1e-3


def test_no_two_keys_share_their_bits() -> None:
    words = [0, 1, 2, 2**31, 2**32, 2**63 - 1]
    bits = [Draws(s, e, torch.tensor(words))._bits("x") for s in [*words, BIG] for e in [*words, BIG]]
    assert len(np.unique(np.concatenate(bits))) == 7 * 7 * 6


def test_bernoulli_draws_at_its_rate() -> None:
    draws = Draws(0, 0, MANY)
    assert stats.binomtest(int(draws.bernoulli("x", 0.3).sum()), len(MANY), 0.3).pvalue > 1e-3
    assert not draws.bernoulli("x", 0.0).any()
    assert draws.bernoulli("x", 1.0).all()


@pytest.mark.parametrize("alpha", [0.01, 0.2, 0.5, 1.0, 4.0])
def test_beta_draws_follow_scipys_distribution(alpha: float) -> None:
    values = Draws(0, 0, MANY).beta("x", alpha).double()
    assert values.isfinite().all()
    # A small alpha piles up beyond what float32 resolves near 1, so compare where both ends are coarse.
    points = np.linspace(0.001, 0.999, 25)
    empirical = np.array([(values <= point).double().mean() for point in points])
    expected = stats.beta(alpha, alpha).cdf(points)
    assert np.abs(empirical - expected).max() < 1.95 / len(MANY) ** 0.5  # Kolmogorov's bound at 0.001


def test_what_cannot_be_a_key_is_refused() -> None:
    with pytest.raises(UsageError, match=r"seed: expected a whole number from 0 to 2\*\*64 - 1, got -1"):
        Draws(-1, 0, MANY)
    with pytest.raises(UsageError, match=r"epoch: expected a whole number .* got 18446744073709551616"):
        Draws(0, 2**64, MANY)
    with pytest.raises(
        UsageError, match=r"samples: expected int64 of shape \(B,\), got torch.float32 of shape \(2, 1\)"
    ):
        Draws(0, 0, torch.zeros(2, 1))


@pytest.mark.parametrize("share", [0.0, 0.25, 0.3, 0.5, 1.0])
def test_alternating_draws_are_spread_over_the_epochs(share: float) -> None:
    epochs = torch.stack([Draws(1, epoch, MANY).alternating("hflip", share) for epoch in range(20)]).double()
    assert (epochs.mean(0) - share).abs().max() < 1e-9  # every sample has its share in 20 epochs
    assert (epochs.mean(1) - share).abs().max() < 0.01  # and every epoch its share of samples
    if share == 0.5:
        assert bool((epochs[1:] != epochs[:-1]).all())


def test_two_alternating_draws_meet_in_all_four_ways() -> None:
    both = [
        draws.alternating("hflip", 0.5).long() + 2 * draws.alternating("vflip", 0.5, every=2).long()
        for draws in (Draws(1, epoch, MANY) for epoch in range(4))
    ]
    assert torch.equal(torch.stack(both).sort(0).values, torch.arange(4)[:, None].expand(4, len(MANY)))
