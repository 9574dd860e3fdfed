import importlib
import subprocess
import sys
import textwrap
import zipfile

import pytest

from traceo.errors import ConfigError
from traceo.instrumentation import LibraryState, Options, Selection, failures
from traceo.instrumentation.catalog import LIBRARIES, Library, is_newer
from traceo.instrumentation.hooks import Site, when_imported


def run(script: str) -> str:
    """A fresh interpreter: what is imported when can only be seen there."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_installing_imports_no_library_and_importing_one_hooks_it():
    assert (
        run(
            """
            import sys
            from opentelemetry.trace import NoOpTracerProvider
            from traceo.instrumentation import Selection, install
            installed = install(Selection.parse("auto,-threading,-opentelemetry-logs"), tracer_provider=NoOpTracerProvider())
            libraries = {"httpx", "starlette", "fastapi", "sqlalchemy", "wrapt", "inspect_me"}
            assert not libraries & set(sys.modules), libraries & set(sys.modules)
            assert installed.names == ()
            import httpx
            assert installed.names == ("httpx",)
            assert httpx.Client._send_single_request.__wrapped__
            assert type(httpx.__loader__).__name__ == type(httpx.__spec__.loader).__name__ == "SourceFileLoader"
            assert "exec_module" not in vars(httpx.__loader__)
            import fastapi, sqlalchemy
            print(sorted(installed.names), "starlette" in sys.modules)
            installed.uninstall()
            assert not any(type(finder).__module__.startswith("traceo") for finder in sys.meta_path)
            assert not hasattr(httpx.Client._send_single_request, "__wrapped__")
            """
        )
        == "['fastapi', 'httpx', 'sqlalchemy', 'starlette'] True"
    )


def test_the_room_itself_is_light_until_a_library_is_hooked():
    run(
        """
        import sys
        import msgspec, opentelemetry.trace
        before = set(sys.modules)
        from opentelemetry.trace import NoOpTracerProvider
        from traceo.instrumentation import Selection, install
        install(Selection.parse("auto"), tracer_provider=NoOpTracerProvider())
        new = {name for name in set(sys.modules) - before if not name.startswith("traceo")}
        assert new <= {"copy", "importlib.util", "importlib._abc"}, new
        """
    )


def test_uninstalling_before_the_import_leaves_the_library_alone():
    run(
        """
        import sys
        from opentelemetry.trace import NoOpTracerProvider
        from traceo.instrumentation import Selection, install
        install(Selection.parse("httpx"), tracer_provider=NoOpTracerProvider()).uninstall()
        import httpx
        assert not hasattr(httpx.Client._send_single_request, "__wrapped__")
        """
    )


def test_a_library_that_fails_to_import_fails_as_without_us():
    run(
        """
        import sys
        from traceo.instrumentation.hooks import when_imported
        called = []
        when_imported("no_such_library_here", called.append)
        try:
            import no_such_library_here
        except ModuleNotFoundError as error:
            assert error.name == "no_such_library_here"
        else:
            raise SystemExit("imported?")
        assert called == []
        """
    )


def test_every_original_comes_back_by_identity(hook):
    import fastapi.applications
    import httpx
    import sqlalchemy.engine.base
    import starlette.applications

    places = [
        (fastapi.applications.FastAPI, "__call__"),
        (starlette.applications.Starlette, "__call__"),
        (httpx.Client, "_send_single_request"),
        (httpx.AsyncClient, "_send_single_request"),
        (sqlalchemy.engine.base.Connection, "_exec_single_context"),
    ]
    before = [vars(owner)[name] for owner, name in places]
    for _ in range(2):
        installed = hook()
        assert all(vars(o)[n] is not was for (o, n), was in zip(places, before, strict=True))
        assert all(vars(o)[n].__wrapped__ is was for (o, n), was in zip(places, before, strict=True))
        installed.uninstall()
        installed.uninstall()
        assert all(vars(o)[n] is was for (o, n), was in zip(places, before, strict=True))


def test_a_wrapper_that_somebody_put_on_ours_survives_and_ours_falls_silent(spans, hook):
    import httpx

    original = httpx.Client._send_single_request
    installed = hook("httpx")
    ours = httpx.Client._send_single_request

    def theirs(self, request):
        return ours(self, request)

    httpx.Client._send_single_request = theirs
    try:
        installed.uninstall()
        assert httpx.Client._send_single_request is theirs
        client = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200)))
        assert client.get("http://shop.example").status_code == 200
        assert spans.all() == []
    finally:
        httpx.Client._send_single_request = original


def test_a_second_installation_leaves_the_hooks_to_the_first(spans, hook):
    import httpx

    first = hook("httpx")
    second = hook("httpx")
    assert (first.names, second.names) == (("httpx",), ())
    assert second.libraries == (LibraryState(name="httpx", state="taken"),)
    httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200))).get(
        "http://shop.example"
    )
    assert len(spans.all()) == 1


def test_a_library_that_has_changed_beyond_recognition_is_left_as_it_is_and_shows(hook, monkeypatch):
    import sqlalchemy.engine.base

    monkeypatch.delattr(sqlalchemy.engine.base.Connection, "_cursor_execute")
    before = dict(vars(sqlalchemy.engine.base.Connection))
    installed = hook("sqlalchemy")
    assert [(row.name, row.state) for row in installed.libraries] == [("sqlalchemy", "failed")]
    assert dict(vars(sqlalchemy.engine.base.Connection)) == before
    assert failures()["sqlalchemy.install"] >= 1


def test_a_newer_version_than_tested_is_hooked_and_flagged(hook, monkeypatch):
    import httpx

    monkeypatch.setattr(httpx, "__version__", "9.1.0")
    installed = hook("httpx")
    assert installed.libraries == (
        LibraryState(name="httpx", state="hooked", version="9.1.0", is_tested=False),
    )


@pytest.mark.parametrize(
    ("version", "newer"),
    [
        ("2.0", False),
        ("2.1", False),
        ("2.1.99", False),
        ("2.2.0b1", True),
        ("10", True),
        ("", False),
        ("dev", False),
    ],
)
def test_versions_are_compared_by_number(version, newer):
    row = Library(name="x", module="x", distribution="x", tested=("2.0", "2.1"), hook=None, captures="")
    assert is_newer(version, row) is newer


def test_the_installed_versions_are_within_the_tested_ranges():
    from importlib.metadata import version

    def installed(row):
        return sys.version.split()[0] if row.distribution == "python" else version(row.distribution)

    newer = [row.name for row in LIBRARIES if row.hook and is_newer(installed(row), row)]
    assert newer == []


def test_every_row_of_the_catalogue_is_whole():
    names = [row.name for row in LIBRARIES]
    assert len(set(names)) == len(names)
    for row in LIBRARIES:
        assert row.captures
        assert set(row.stacked_under) <= set(names)
        if row.hook is not None:
            assert callable(importlib.import_module(row.hook).install)


@pytest.mark.parametrize(
    ("text", "disabled", "chosen"),
    [
        ("auto", "", ["fastapi", "starlette", "httpx", "sqlalchemy", "threading", "executors", "logging"]),
        ("", "", ["fastapi", "starlette", "httpx", "sqlalchemy", "threading", "executors", "logging"]),
        ("off", "", []),
        ("httpx, SQLAlchemy", "", ["httpx", "sqlalchemy"]),
        ("-logging", "", ["fastapi", "starlette", "httpx", "sqlalchemy", "threading", "executors"]),
        ("auto", "threading", ["fastapi", "starlette", "httpx", "sqlalchemy", "logging"]),
        ("auto,-asgi", "", ["httpx", "sqlalchemy", "threading", "executors", "logging"]),
        ("httpx,sqlalchemy,-httpx", "", ["sqlalchemy"]),
        ("auto", "fastapi,redis", ["starlette", "httpx", "sqlalchemy", "threading", "executors", "logging"]),
        ("auto", "*", []),
    ],
)
def test_a_selection_is_written_as_one_string(text, disabled, chosen):
    selection = Selection.parse(text, disabled=disabled)
    some = {"fastapi", "starlette", "httpx", "sqlalchemy", "threading", "executors", "logging"}
    assert [row.name for row in selection.libraries() if row.name in some] == chosen


def test_a_name_that_no_row_has_says_where_it_came_from_and_what_was_meant():
    with pytest.raises(
        ConfigError, match=r"TRACEO_INSTRUMENT names 'sqlachemy'.*did you mean 'sqlalchemy'\?"
    ):
        Selection.parse("sqlachemy", source="TRACEO_INSTRUMENT")


def test_header_lists_come_from_the_environment_in_lower_case():
    options = Options.from_environ(
        {
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "X-Tag, Accept",
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE": "x_cache",
        }
    )
    assert options == Options(
        server_request_headers=("x-tag", "accept"), client_response_headers=("x-cache",)
    )


def test_a_callback_runs_after_the_module_even_from_an_archive(tmp_path, monkeypatch):
    archive = tmp_path / "libs.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("outer_library.py", "import inner_library\nVALUE = 1\n")
        file.writestr("inner_library.py", "VALUE = 2\n")
    monkeypatch.syspath_prepend(str(archive))
    seen = []
    for name in ("outer_library", "inner_library"):
        when_imported(name, lambda module: seen.append((module.__name__, module.VALUE)))
    try:
        outer = importlib.import_module("outer_library")
        assert seen == [("inner_library", 2), ("outer_library", 1)]
        assert outer.__loader__ is outer.__spec__.loader
        assert "exec_module" not in vars(outer.__loader__)
    finally:
        sys.modules.pop("outer_library", None)
        sys.modules.pop("inner_library", None)


def test_a_callback_of_ours_that_fails_does_not_break_the_import(tmp_path, monkeypatch):
    (tmp_path / "fragile_library.py").write_text("VALUE = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def broken(module):
        raise ZeroDivisionError

    when_imported("fragile_library", broken)
    try:
        assert importlib.import_module("fragile_library").VALUE == 3
        assert failures()["fragile_library.install"] == 1
    finally:
        sys.modules.pop("fragile_library", None)


def test_an_inherited_method_is_removed_again_and_not_pinned():
    class Parent:
        def call(self):
            return 1

    class Child(Parent):
        pass

    site = Site("test", None, Options())
    site.replace(Child, "call", lambda original: lambda self: original(self) + 1)
    assert Child().call() == 2
    site.restore()
    assert "call" not in vars(Child)
    assert Child().call() == 1
