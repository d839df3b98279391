"""Lists on the pages that the code has too: networks, settings, events, the header, the rules."""

import re
from dataclasses import fields

import pytest
from tests.docs.pages import PAGES, ROOT

import foveal
from foveal import events
from foveal.answers import ANSWERING, answering
from foveal.augment.settings import AugmentSettings
from foveal.contract import SECTIONS
from foveal.networks import NETWORKS
from foveal.options import options_of
from foveal.recipes import own_options
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import DataFacts
from foveal.recipes.options import TrainOptions
from foveal.runs import RunFolder


def table_rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table whose first heading is `heading`, backticks taken off."""
    table = PAGES[page].split(f"| {heading} |")[1].split("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")][1:]
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in rows]


def test_the_networks() -> None:
    listed = table_rows("docs/networks.md", "network")
    expected = [
        [
            spec.name,
            spec.paper,
            f"{spec.parameters:,}",
            str(spec.num_classes),
            str(spec.size),
            str(spec.needs.min_size),
            ", ".join(str(stage.stride) for stage in spec.stages) or "none",
        ]
        for spec in NETWORKS.values()
    ]
    assert listed == expected


def test_every_training_setting_is_explained() -> None:
    text = PAGES["docs/train.md"]
    names = [*options_of(TrainOptions), *own_options()]
    assert [name for name in names if f"`--{name.replace('_', '-')}" not in text] == []
    assert [row[0] for row in table_rows("docs/train.md", "option")] == [
        f"--{name.replace('_', '-')}" for name in names
    ]


def test_no_option_is_named_that_does_not_exist() -> None:
    from_verbs = {"out", "resume", "config", "format"}  # of train
    from_verbs |= {"split", "tta", "tile", "overlap", "draw", "masks", "coco"}
    from_verbs |= {"engine", "classes", "channels", "json", "help", "debug"}
    names = [*options_of(TrainOptions), *own_options(), *(field.name for field in fields(AugmentSettings))]
    known = {name.replace("_", "-") for name in names}
    for page in (
        "train",
        "evaluate",
        "predict",
        "describe",
        "models",
        "bench",
        "demo",
        "model-file",
        "index",
        "fine-tuning",
    ):
        named = set(re.findall(r"`--([a-z][a-z0-9-]*)", PAGES[f"docs/{page}.md"]))
        assert {name.removeprefix("no-") for name in named} - known - from_verbs == set(), page


def test_every_event_is_explained() -> None:
    kinds = {each.kind: each for each in vars(events).values() if isinstance(each, type) and hasattr(each, "kind")}
    listed = {row[0]: row[1] for row in table_rows("docs/train.md", "event")}
    assert set(listed) == set(kinds)
    for kind, owner in kinds.items():
        named = set(re.findall(r"\w+", listed[kind]))
        assert {field.name for field in fields(owner)} - {"step"} <= named, kind


def test_the_run_folders_files() -> None:
    run = RunFolder(ROOT)
    files = {run.model, run.last, run.events, run.metrics, run.config, run.report}
    assert {row[0] for row in table_rows("docs/train.md", "file")} == {path.name for path in files}


def test_the_header_of_the_model_file() -> None:
    assert [row[0] for row in table_rows("docs/model-file.md", "section")] == list(SECTIONS)


def test_what_is_answered() -> None:
    listed = {row[0] for row in table_rows("docs/predict.md", "answer")}
    assert listed == {answering(task, ("a",), {}).kind.__name__ for task in ANSWERING}
    assert listed <= set(foveal.__all__)


@pytest.mark.parametrize("row", table_rows("docs/train.md", "images"), ids=lambda row: row[0])
def test_the_rules_give_what_the_table_says(row: list[str]) -> None:
    """Each row is a data set in words, and the settings that `resolve` chooses for it."""
    words, *expected = row
    found = re.fullmatch(r"([\d,]+) (grey|colour), (\d+) px", words)
    assert found
    facts = DataFacts(
        num_train=int(found[1].replace(",", "")),
        num_classes=10,
        side=int(found[3]),
        channels=1 if found[2] == "grey" else 3,
    )
    settings = resolve(TrainOptions(), facts).settings
    assert settings.epochs is not None
    first, last = settings.train_sizes
    chosen = [settings.model, settings.size, f"{first} to {last}", settings.batch_size, f"{settings.epochs:g}"]
    assert [str(each) for each in [*chosen, settings.optimiser, settings.lr]] == expected


def test_the_exit_codes() -> None:
    listed = {row[0] for row in table_rows("docs/index.md", "exit code")}
    assert listed == {"0", "1", "2", "3", "130", "143"}
