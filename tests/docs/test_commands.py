"""Every command line on the pages is one the program takes; what costs no training prints what the page shows."""

import re
import shlex

import pytest
from tests.docs.pages import PAGES, PLANS, commands, sessions

from foveal.cli import command_line, main
from foveal.verbs import VERBS

LINES = [
    pytest.param(words, id=f"{page}: {shlex.join(words)}")
    for page, text in PAGES.items()
    if page not in PLANS
    for words in commands(text)
]
QUICK = [
    pytest.param(words, output, id=f"{page}: {shlex.join(words)}")
    for page, text in PAGES.items()
    for words, output in sessions(text)
    if output.strip() and words[0] in ("models", "describe")
]


def test_there_are_command_lines_of_every_verb() -> None:
    verbs = {each.values[0][0] for each in LINES}
    assert verbs == set(VERBS)


@pytest.mark.parametrize("words", LINES)
def test_it_parses(words: list[str]) -> None:
    if words[-1] == "--help":
        return
    command_line().parse_args([word for word in words if word != "--debug"], exit_on_error=False, print_error=False)


@pytest.mark.parametrize(("words", "shown"), QUICK)
def test_it_prints_what_the_page_shows(words: list[str], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
    captured = capsys.readouterr()
    printed = "\n".join(line.rstrip() for line in (captured.out + captured.err).splitlines())
    pattern = re.escape(shown.strip("\n")).replace("…", ".*?")
    assert re.fullmatch(pattern, printed.strip("\n"), flags=re.DOTALL), printed
