"""``traceo run``: start a program with Traceo in it, without a line in its code."""

import argparse
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

__all__ = ["HELP", "NAME", "command_of", "configure", "environment_of", "run", "service_of"]

NAME = "run"
HELP = "run a program with Traceo in it, without a change to its code"

_EPILOG: Final = """\
examples:
  traceo run app.py --port 8000
  traceo run -m shop.worker
  traceo run uvicorn shop:app --workers 4
  traceo run gunicorn shop:app -w 4 -k gevent
  traceo run celery -A shop worker
  TRACEO_SERVICE_NAME=shop traceo run python manage.py runserver

The program takes this process's place: it gets the signals, and its exit code is the exit code. Python
processes that it starts are instrumented as well. Settings come from TRACEO_* and OTEL_* variables and from
[tool.traceo] in pyproject.toml. Without a service name, the program's own is taken: app, shop.worker, shop.
"""

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as shells have it
_BOOT: Final = Path(__file__).resolve().parents[1] / "boot"
_WITH_APPLICATION: Final = frozenset(
    {
        "uvicorn",
        "gunicorn",
        "hypercorn",
        "granian",
        "daphne",
        "waitress-serve",
        "flask",
        "litestar",
        "fastapi",
    }
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.usage = "traceo run [-m] PROGRAM [ARGUMENT ...]"
    parser.epilog = _EPILOG
    parser.add_argument("-m", dest="is_module", action="store_true", help="PROGRAM is a module's name")
    parser.add_argument(
        "program",
        nargs=argparse.REMAINDER,
        metavar="PROGRAM",
        help="a Python file, a module with -m, or a command such as uvicorn; what follows is its own",
    )


def run(args: argparse.Namespace) -> int:
    """Become the program. Returns only when there is none: 2, 126 or 127.

    Raises:
        ConfigError: a setting is wrong, which the program would start without.
    """
    words: list[str] = args.program
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        print("traceo run: name a program, such as: traceo run app.py", file=sys.stderr)
        return 2
    command = command_of(words, is_module=args.is_module)
    if command is None:
        return _missing(words[0])
    environment = environment_of(os.environ, words, is_module=args.is_module)
    if deaf := _deaf(words):
        print(
            f"traceo run: with {deaf} Python starts nothing that the environment names, so this program runs "
            f"without Traceo; leave {deaf} out, or write import traceo; traceo.init() in the program",
            file=sys.stderr,
        )
    if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison]  it is, where it was closed
        sys.stdout.flush()
    try:
        os.execve(command[0], command, environment)  # noqa: S606  the user's own command
    except OSError as error:
        print(f"traceo run: {words[0]} cannot be run: {error.strerror}", file=sys.stderr)
        return _NOT_EXECUTABLE


def command_of(words: Sequence[str], *, is_module: bool) -> list[str] | None:
    """What to execute: a Python file or module by this interpreter, else a command; None if there is none."""
    program = words[0]
    if is_module:
        return [sys.executable, "-m", *words]
    is_script = program.endswith((".py", ".pyz", ".pyw"))
    if is_script or (os.sep in program and Path(program).is_dir()):
        return [sys.executable, *words] if Path(program).exists() else None
    # A command of this environment before one of the system: a virtual environment need not be active.
    beside = Path(sys.executable).parent
    found = shutil.which(program, path=f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    return None if found is None else [found, *words[1:]]


def environment_of(environ: Mapping[str, str], words: Sequence[str], *, is_module: bool) -> dict[str, str]:
    """The program's environment: ours to start with it, and a name for the service if there is none.

    Raises:
        ConfigError: a setting is wrong.
    """
    from traceo.config import load, pyproject_of  # noqa: PLC0415  not for the help

    config = load({}, environ, pyproject_of(Path.cwd()))
    paths = [place for place in environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    others = [place for place in paths if Path(place) != _BOOT]
    found = {**environ, "PYTHONPATH": os.pathsep.join([str(_BOOT), *others])}
    if not config.service_name and "service.name=" not in environ.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        name = service_of(words, is_module=is_module)
        if name:
            found["OTEL_SERVICE_NAME"] = name
    return found


def service_of(words: Sequence[str], *, is_module: bool) -> str:
    """What a program is called: by its application where a server runs it, by its file or module otherwise.

    >>> service_of(["uvicorn", "shop.web:app", "--port", "80"], is_module=False)
    'shop.web'
    """
    program = words[0] if words else ""
    name = program if is_module else Path(program).stem
    if name == "traceo" and words[1:2] == ["run"] and len(words) > 2:
        is_module = words[2] == "-m"
        return service_of(words[3:] if is_module or words[2] == "--" else words[2:], is_module=is_module)
    if name in {"python", "python3"} and not is_module:
        rest = [word for word in words[1:] if word not in {"-u", "-O", "-B"}]
        if rest[:1] == ["-m"] and len(rest) > 1:
            return service_of(rest[1:], is_module=True)
        return service_of(rest, is_module=False) if rest and rest[0].endswith(".py") else ""
    if name in _WITH_APPLICATION:
        named = next((word for word in words[1:] if ":" in word and not _is_address(word)), "")
        return named.partition(":")[0].removesuffix(".py") or name
    if name == "celery":
        return _value_of(words, ("-A", "--app")).partition(":")[0] or name
    if name == "manage":
        return Path(program).resolve().parent.name
    return name


def _deaf(words: Sequence[str]) -> str:
    """The option with which ``python`` reads no PYTHONPATH, or imports no ``sitecustomize``; else nothing.

    >>> _deaf(["python3.11", "-Wd", "-Es", "app.py", "-I"])
    '-E'
    """
    if not Path(words[0]).name.startswith("python"):
        return ""
    following = iter(words[1:])
    for word in following:
        if not word.startswith("-") or word.startswith(("--", "-c", "-m")):
            break
        if word in {"-X", "-W"}:
            next(following, "")
        elif not word.startswith(("-X", "-W")):
            for letter in word[1:]:
                if letter in "IES":
                    return f"-{letter}"
    return ""


def _is_address(word: str) -> bool:
    """``127.0.0.1:8000``, ``[::1]:80``, ``unix:/run/socket``, ``--bind=:80``: not an application."""
    module, _, attribute = word.partition(":")
    return (
        not module.replace(".", "").replace("_", "").isidentifier() or "/" in attribute or attribute.isdigit()
    )


def _value_of(words: Sequence[str], options: Sequence[str]) -> str:
    for position, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in options:
            return value if equals else (words[position + 1] if position + 1 < len(words) else "")
    return ""


def _missing(program: str) -> int:
    print(
        f"traceo run: there is no {program!r} here, nor on PATH; give a Python file, a command, or a module "
        f"with -m: traceo run -m {program.removesuffix('.py').replace('/', '.')}",
        file=sys.stderr,
    )
    return _NOT_FOUND
