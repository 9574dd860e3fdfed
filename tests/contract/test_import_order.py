"""An application imports its libraries after `traceo.init`, from the top, in a process where nothing is loaded."""

import subprocess
import sys
import textwrap

import pytest

from traceo.instrumentation.catalog import LIBRARIES

SCRIPT = """
    import importlib, sys
    from traceo.instrumentation import Options, Selection, install
    from traceo.tracing import TracerProvider
    name, module = sys.argv[1:]
    provider = TracerProvider(sink=lambda span: None, shutdown_on_exit=False)
    before = set(sys.modules)
    installed = install(Selection.parse(name), tracer_provider=provider, options=Options())
    top = module.partition(".")[0]
    assert top in before or top not in sys.modules, f"{top} is imported by its hook"
    importlib.import_module(top)
    importlib.import_module(module)
    state = next(state for state in installed.libraries if state.name == name)
    print(state.state, state.reason)
    installed.uninstall()
"""


@pytest.mark.parametrize("row", [row for row in LIBRARIES if row.hook], ids=lambda row: row.name)
def test_a_library_that_is_imported_later_is_hooked(row):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), row.name, row.module],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "hooked \n", done.stdout + done.stderr
