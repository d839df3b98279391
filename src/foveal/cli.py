"""The verbs typed in a terminal: a command for each, made of its signature; exit codes. No torch until a verb runs."""

import inspect
import io
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from inspect import Parameter
from typing import Annotated, Any, Literal, get_args

import cyclopts
from cyclopts import App, CycloptsError, Group

from foveal import __version__
from foveal.errors import FovealError, Interrupted, UsageError
from foveal.options import PYTHON_ONLY, Option
from foveal.processes.launch import launched
from foveal.verbs import VERBS
from foveal.verbs.parameters import Settings

_STARTED = time.perf_counter()
_JSON = Option("Print JSON on standard output and nothing else.")


def command_line(verbs: Iterable[str] = VERBS) -> App:
    """The program: a command for each of the verbs, whose modules are imported for it."""
    app = App(
        name="foveal",
        version=__version__,
        help="Image recognition with convolutional networks: from a folder of labelled images to a trained, evaluated "
        "network. Start with: foveal demo",
        help_format="plaintext",
        group_parameters=Group("Parameters", sort_key=0),
        result_action="return_value",
    )
    for name in verbs:
        verb = VERBS[name]
        app.command(_command(name, verb), name=name, help=inspect.getdoc(sys.modules[verb.__module__]))
    return app


def _command(name: str, verb: Callable[..., Any]) -> Callable[..., int]:
    """A function with the verb's parameters as a terminal has them, and --json; it prints and gives the exit code."""
    taken = inspect.signature(verb).parameters

    def run(*words: Any, json: bool = False, **options: Any) -> int:
        from foveal.verbs.printing import print_result

        if "started" in taken:  # a verb that counts its time counts from the start of the program
            options["started"] = _STARTED
        return print_result(name, verb(*words, **options), as_json=json)

    parameters = [*_parameters(verb), _parameter("json", Annotated[bool, _JSON], False)]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _parameters(verb: Callable[..., Any]) -> Iterator[Parameter]:
    """The verb's own, and those of a training where it takes them, each None until it is given."""
    for name, parameter in inspect.signature(verb).parameters.items():
        extra = get_args(parameter.annotation)[1]
        if isinstance(extra, Settings):
            from foveal.recipes.options import training_options

            for option, hint in training_options().items():
                if option not in extra.without:
                    yield _parameter(option, hint, None)
        elif extra != PYTHON_ONLY:
            yield _parameter(name, parameter.annotation, parameter.default, kind=parameter.kind)


def _parameter(name: str, hint: Any, default: Any, *, kind: Any = Parameter.KEYWORD_ONLY) -> Parameter:
    """As cyclopts reads it: type, help, heading."""
    given, option = get_args(hint)
    words = option.words()
    if option.typed is not None:
        given = option.typed
    elif words and option.strict:
        given = Literal[tuple(words)]
    about = cyclopts.Parameter(
        help=option.help,
        show_default=default not in (None, Parameter.empty, False),
        negative="" if default is False else None,
        negative_iterable="",
        consume_multiple=option.many or None,
        allow_leading_hyphen=option.hyphens,
    )
    optional = given | None if default is None else given
    annotation: Any = Annotated[optional, about]
    if option.group:
        annotation = Annotated[annotation, cyclopts.Parameter(group=_heading(option.group))]
    return Parameter(name, kind, default=default, annotation=annotation)


@cache
def _heading(name: str) -> Group:
    """Of the help, below the verb's own parameters: the common ones in their order, then those of single tasks."""
    from foveal.recipes.options import HEADINGS

    return Group(name, sort_key=1 + (HEADINGS.index(name) if name in HEADINGS else len(HEADINGS)))


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 data or model error, 2 usage, 3 some inputs failed, 130, 143."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file name that is not UTF-8, a terminal without "→"
    debug = "--debug" in tokens
    tokens = [token for token in tokens if token != "--debug"]
    verbs = tokens[:1] if tokens and tokens[0] in VERBS else VERBS  # where one is named, the others are not loaded
    sys.exit(_exit_code(lambda: command_line(verbs)(tokens, exit_on_error=False, print_error=False), debug=debug))


def _exit_code(run: Callable[[], Any], *, debug: bool) -> int:
    try:
        return int(run() or 0)
    except CycloptsError as error:
        return _fail(f"{error} (foveal --help)", 2, debug=debug)
    except UsageError as error:
        return _fail(str(error), 2, debug=debug)
    except Interrupted as error:
        return _fail(str(error), error.exit_code, debug=debug)
    except FovealError as error:
        return _fail(str(error), 1, debug=debug)
    except KeyboardInterrupt:
        return _fail("stopped", 128 + signal.SIGINT, debug=debug)
    except BrokenPipeError:  # the reader of our output has gone, as in `foveal predict … | head`
        sys.stderr.close()
        return 1
    except OSError as error:  # no room, no right to write, a lock that is held for hours
        return _fail(str(error), 1, debug=debug)
    except Exception:
        if launched().first or debug:
            raise
        return 1  # a fault of ours: the first of several processes says it, or fails the same way


def _fail(message: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    if launched().first:
        print(f"foveal: {message}", file=sys.stderr)
    return code
