"""The pages and what stands in them: code blocks, command lines, links.

Conventions that the pages keep:

- A block that opens with ```python runs. The blocks of one page run in their order, in one namespace, in a working
  directory with the small made data of `tests/docs/test_code.py`. ```python no-run is only shown.
- A command line is a line of a block that starts with `$ foveal ` (```console, output below it) or with `foveal `,
  after a pipe or a `-m` too, or inline code that starts with `foveal ` and an option or argument. It has to parse as
  the program parses it.
- In output, … stands for what differs from run to run.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLANS = ("docs/design.md",)
"""Pages that name verbs which are still to come: their command lines are not parsed."""

PAGES: dict[str, str] = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
}

_BLOCK = re.compile(r"^```(?P<kind>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str, kind: str) -> list[str]:
    """The bodies of the fenced blocks whose opening is exactly ```kind."""
    return [match["body"] for match in _BLOCK.finditer(text) if match["kind"].strip() == kind]


def commands(text: str) -> Iterator[list[str]]:
    """The words after `foveal` of each command line; of inline code only where words follow the verb."""
    for match in _BLOCK.finditer(text):
        if match["kind"].strip().startswith("python"):
            continue
        for line in match["body"].replace("\\\n", " ").splitlines():
            words = _words(line.removeprefix("$ "))
            if words is not None:
                yield words
    for code in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", _BLOCK.sub("", text)):
        words = _words(code)
        if words is not None and len(words) > 1:
            yield words


def _words(line: str) -> list[str] | None:
    """The words after `foveal`, up to a pipe, a redirection or a comment; None for any other line."""
    for before in ("| ", "-m "):
        line = line[line.find(f"{before}foveal ") + len(before) :] if f"{before}foveal " in line else line
    if not line.startswith("foveal "):
        return None
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;><")
    lexer.whitespace_split = True
    words = list(lexer)[1:]
    ends = [position for position, word in enumerate(words) if set(word) <= set("|&;><")]
    return words[: ends[0]] if ends else words


def sessions(text: str) -> Iterator[tuple[list[str], str]]:
    """(words after `foveal`, output shown) of each command of the ```console blocks."""
    for body in blocks(text, "console"):
        for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            words = _words(line)
            if words is not None:
                yield words, output


def links(text: str) -> list[str]:
    """The targets of the links that lead to a file or a heading of this repository."""
    prose = re.sub(r"`[^`\n]*`", "", _BLOCK.sub("", text))
    found = re.findall(r"\]\(([^)\s]+)\)", prose)
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings."""
    headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
