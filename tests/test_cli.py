"""The command line: output, exit codes, and how fast it answers."""

import inspect
import io
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, get_args

import pytest
from PIL import Image
from tests.made import shape_folder

import foveal
from foveal.cli import command_line, main
from foveal.networks import NETWORKS
from foveal.options import PYTHON_ONLY
from foveal.recipes.options import training_options
from foveal.verbs import VERBS


def typed(verb: str) -> list[str]:
    """The parameters of a verb that a terminal has."""
    names = ["json"]
    for name, parameter in inspect.signature(VERBS[verb]).parameters.items():
        extra = get_args(parameter.annotation)[1]
        if parameter.kind is parameter.VAR_KEYWORD:
            names += [option for option in training_options() if option not in extra.without]
        elif extra != PYTHON_ONLY:
            names.append(name)
    return names


def run(*words: object) -> int:
    """The exit code of `foveal WORDS`."""
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("cli")
    data = shape_folder(folder / "data", count=30)
    assert run("train", data, "--model", "lenet5", "--epochs", 1, "--out", folder / "run") == 0
    return folder / "run", data


def test_train_prints_one_json_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = shape_folder(tmp_path / "data", count=30)
    code = run(
        "train",
        data,
        "--model",
        "lenet5",
        "--epochs",
        1,
        "--scale",
        0.9,
        1.1,
        "--out",
        tmp_path / "run",
        "--json",
    )
    assert code == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert list(result) == ["run", "model", "seconds", "images_per_second", "metrics"]
    assert "class-folders, 3 classes, 60 images" in captured.err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["settings"]["augment"]["scale"] == [0.9, 1.1]


def test_evaluate(trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("evaluate", *trained, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["n"] == 30
    assert run("evaluate", *trained) == 0
    assert "95 % interval" in capsys.readouterr().out


def test_an_archive_is_evaluated_as_its_folder(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = shutil.make_archive(str(tmp_path / "data"), "gztar", trained[1].parent, trained[1].name)
    results = []
    for data in (trained[1], archive):
        assert run("evaluate", trained[0], data, "--json") == 0
        results.append(json.loads(capsys.readouterr().out))
    assert results[1] == results[0]


def test_predict_exits_3_where_some_inputs_fail(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("L", (30, 20)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"")
    assert run("predict", trained[0], tmp_path / "good.png", tmp_path / "bad.png", "--json") == 3
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert list(rows[0]) == ["path", "label", "score", "scores"]
    assert list(rows[1]) == ["path", "error"]
    assert run("predict", trained[0], tmp_path / "good.png") == 0
    assert run("predict", trained[0], tmp_path / "bad.png") == 3


def test_errors_are_one_line(trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", tmp_path / "nowhere") == 1
    assert capsys.readouterr().err == f"foveal: {tmp_path / 'nowhere'}: no such file or folder\n"
    assert run("train") == 2
    assert "no data given" in capsys.readouterr().err
    assert run("train", trained[1], "--epoch", 3) == 2
    assert "--epoch" in capsys.readouterr().err
    assert run("train", trained[1], "--epochs", -3) == 2
    assert "--epochs -3.0: expected a number above 0" in capsys.readouterr().err
    assert run("evaluate", tmp_path / "no.safetensors", trained[1]) == 1
    assert run("describe", "resnet19") == 1
    assert "did you mean" in capsys.readouterr().err


def test_debug_shows_the_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", tmp_path / "nowhere", "--debug") == 1
    assert "Traceback" in capsys.readouterr().err


def test_models_and_describe(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {each["name"]: each["parameters"] for each in listed} == {
        name: spec.parameters for name, spec in NETWORKS.items()
    }
    assert run("models") == 0
    assert "resnet152_v1" in capsys.readouterr().out
    assert run("describe", "lenet5", "--json") == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == 60_000
    assert run("describe", "resnet18", "--size", 64, "--channels", 1, "--classes", 5) == 0
    assert "11,172,805 parameters" in " ".join(capsys.readouterr().out.split())


def test_describe_a_model_file(trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("describe", trained[0], "--json") == 0
    assert json.loads(capsys.readouterr().out)["image_shape"] == [3, 32, 32]


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_a_row_for_each_parameter_of_the_verb(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")  # no name is broken
    assert run(verb, "--help") == 0
    rows = re.findall(r"^│ (?:\* |  )? *(?:[A-Z]+ )?(--[a-z0-9-]+)", capsys.readouterr().out, flags=re.MULTILINE)
    assert sorted(rows) == sorted(f"--{name.replace('_', '-')}" for name in typed(verb))


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_a_verb_parses(verb: str) -> None:
    app = command_line([verb])
    words: list[str] = []
    for argument in app[verb].assemble_argument_collection():
        value = (argument.get_choices() or ("3",))[-1]  # no option's default
        is_flag = bool in (argument.hint, *get_args(argument.hint))
        words += [argument.name, *[value] * (0 if is_flag else argument.token_count()[0])]
    _, bound, _ = app.parse_args([verb, *words], exit_on_error=False, print_error=False)
    assert sorted(bound.arguments) == sorted(typed(verb))
    for name, parameter in bound.signature.parameters.items():
        assert bound.arguments[name] != parameter.default, name


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("tune data --models lenet5 resnet18 --trials 3", {"models": ["lenet5", "resnet18"], "trials": 3}),
        ("convert d --to csv --out o --target x --target y", {"target": ("x", "y"), "out": Path("o")}),
        ("predict run - a.png --tta", {"model": Path("run"), "paths": ["-", "a.png"], "tta": True}),
        ("predict run a.png -b.png", {"paths": ["a.png", "-b.png"]}),
        ("train data --batch-size auto --no-find-lr", {"batch_size": "auto", "find_lr": False, "data": Path("data")}),
        ("train --batch-size 8 --train-sizes 64 128 --epochs 2", {"batch_size": 8, "train_sizes": (64, 128)}),
        ("train data --target x --target y --instances", {"target": ("x", "y"), "instances": True}),
        ("augment data --out o --scale 0.9 1.1 --images 2", {"scale": (0.9, 1.1), "images": 2}),
    ],
)
def test_words_of_a_terminal_become_what_the_verb_takes(line: str, values: dict[str, Any]) -> None:
    words = line.split()
    _, bound, _ = command_line(words[:1]).parse_args(words, exit_on_error=False, print_error=False)
    assert {name: bound.arguments[name] for name in values} == values


def test_verbs_come_to_the_same_functions_as_from_python() -> None:
    assert all(getattr(foveal, VERBS[verb].__name__) is VERBS[verb] for verb in VERBS)


@pytest.mark.parametrize("words", [["--help"], *([verb, "--help"] for verb in VERBS)])
def test_help_is_quick_and_loads_no_torch(words: list[str]) -> None:
    code = (
        "import sys\n"
        "from foveal.cli import main\n"
        "try:\n"
        f"    main({words!r})\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules\n"
    )
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.8  # 0.2 s on a machine that does nothing else; this one runs other tests


def test_a_verb_that_is_named_is_the_only_one_loaded() -> None:
    code = (
        "import sys\n"
        "from foveal.cli import main\n"
        "try:\n"
        "    main(['predict', '--help'])\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "from foveal.verbs import VERBS\n"
        "verbs = {place.partition(':')[0] for place in VERBS.places.values()}\n"
        "assert verbs & set(sys.modules) == {'foveal.verbs.predict'}, verbs & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_a_hyphen_reads_paths_from_standard_input(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("L", (30, 20)).save(tmp_path / "good.png")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{tmp_path / 'good.png'}\n"))
    assert run("predict", trained[0], "-", "--tta") == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'good.png'}\t")


def test_an_unknown_option_of_predict_is_no_path(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("predict", trained[0], next(trained[1].rglob("*.png")), "--devise", "cpu") == 2
    assert "no option --devise" in capsys.readouterr().err


def test_what_the_system_refuses_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = shape_folder(tmp_path / "data", count=12)
    (tmp_path / "file").touch()
    assert run("train", data, "--model", "lenet5", "--epochs", 1, "--out", tmp_path / "file" / "run") == 1
    assert "Traceback" not in capsys.readouterr().err


def test_a_folder_of_two_formats_is_read_as_the_one_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = shape_folder(tmp_path / "data", count=12)
    (data / "labels.csv").write_text("path,label\ntrain/disc/001.png,disc\n")
    words = ("train", data, "--model", "lenet5", "--epochs", 1, "--out", tmp_path / "run")
    assert run(*words) == 1
    assert "--format class-folders" in capsys.readouterr().err
    assert run(*words, "--format", "class-folders") == 0
    assert run("evaluate", tmp_path / "run", data, "--format", "class-folders") == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["format"] == "class-folders"
