import sys

import pytest
from benchmarks.turns import faster, in_turns, table, whole_process


def rows(**seconds: list[float]) -> list[dict]:
    made = in_turns(
        {
            name: lambda left=iter(each): {  # noqa: B008
                "wall_seconds": next(left),
                "images_per_second_training": 700,
                "accuracy": 0.5,
            }
            for name, each in seconds.items()
        },
        repetitions=len(next(iter(seconds.values()))),
        images=1200,
    )
    return list(made)


def test_turns_go_round_and_count_images_over_wall_time() -> None:
    taken = rows(ours=[2.0, 3.0], theirs=[4.0, 12.0])
    assert [(row["contender"], row["repetition"]) for row in taken] == [
        ("ours", 0),
        ("theirs", 0),
        ("ours", 1),
        ("theirs", 1),
    ]
    assert [row["images_per_second"] for row in taken] == [600, 300, 400, 100]


def test_the_ratio_is_the_median_of_the_pairs() -> None:
    # pairs: 2, 4 and 3 times as fast; the ratio of the medians would be 40 / 15
    taken = rows(ours=[10.0, 20.0, 15.0], theirs=[20.0, 80.0, 45.0])
    assert faster(taken, "ours", "theirs") == 3
    assert faster(taken, "theirs", "ours") == pytest.approx(1 / 3)


def test_a_repetition_that_only_one_has_ended_is_left_out() -> None:
    taken = rows(ours=[10.0, 1.0], theirs=[20.0, 20.0])[:-1]
    assert faster(taken, "ours", "theirs") == 2


def test_the_table_has_medians_and_ratios() -> None:
    lines = table(rows(ours=[10.0, 30.0, 20.0], theirs=[20.0, 30.0, 80.0])).splitlines()
    assert lines[0].endswith("ours is faster by")
    assert lines[1].split() == ["ours", "20.0", "60.0", "700.0", "0.5000"]
    assert lines[2].split() == ["theirs", "30.0", "40.0", "700.0", "0.5000", "2.00"]


def test_a_whole_process_is_timed_and_gives_its_output() -> None:
    ended = whole_process([sys.executable, "-c", "import os; print(os.environ['WORD'])"], WORD="hello")
    assert ended.output == "hello\n"
    assert 0 < ended.wall_seconds < 60


def test_a_process_that_fails_ends_the_benchmark_with_its_errors() -> None:
    with pytest.raises(SystemExit, match=r"(?s)ended with 3:.*no such luck"):
        whole_process([sys.executable, "-c", "import sys; print('no such luck', file=sys.stderr); sys.exit(3)"])
