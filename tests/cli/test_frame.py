import subprocess
import sys

import pytest

from traceo import __version__
from traceo.cli import frame, main


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "traceo", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_without_a_command_the_help_lists_every_command():
    done = run()
    assert done.returncode == 0
    assert done.stderr == ""
    listed = done.stdout.partition("commands:\n")[2].partition("\n\n")[0]
    assert [line.split()[0] for line in listed.splitlines()] == ["COMMAND", *frame.COMMANDS]


def test_the_version_is_printed_alone(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"traceo {__version__}\n"


@pytest.mark.parametrize("name", frame.COMMANDS)
def test_a_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: traceo {name} ")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("colector", "traceo: there is no command 'colector'; did you mean 'collector'?\n"),
        ("xyz", f"traceo: there is no command 'xyz'; the commands are: {', '.join(frame.COMMANDS)}\n"),
    ],
)
def test_an_unknown_command_is_answered_with_the_nearest(word, said, capsys):
    assert main([word]) == 2
    assert capsys.readouterr().err == said


def test_a_wrong_option_ends_with_two(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["demo", "--second", "3"])
    assert stop.value.code == 2
    assert "unrecognized arguments: --second 3" in capsys.readouterr().err


def test_a_length_that_makes_no_sense_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["demo", "--seconds", "0"])
    assert stop.value.code == 2
    assert "give a number of seconds from 1 to 3600" in capsys.readouterr().err


def test_the_demo_says_how_to_get_what_is_missing():
    hide = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name: None if name in ('rich', 'faker') else find(name)\n"
        "from traceo.cli import main; sys.exit(main(['demo', '--once']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", hide], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "traceo demo: faker, rich not installed; run: pip install 'traceo[demo]'\n",
    )


def test_the_help_loads_nothing_heavy():
    look = (
        "import sys\n"
        "from traceo.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'rich', 'faker', 'fastapi', 'uvicorn', 'duckdb', 'pyarrow', 'litestar', 'cryptography', 'httpx'}\n"
        "print('loaded:', *sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines()[-1] == "loaded:"
