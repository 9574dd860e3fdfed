import subprocess
import sys
import textwrap

import httpx
import pytest

import traceo

ORIGINAL = vars(httpx.Client)["_send_single_request"]


def is_hooked() -> bool:
    return vars(httpx.Client)["_send_single_request"] is not ORIGINAL


def test_a_library_is_hooked_by_its_name_and_restored_by_identity(capture):
    hooked = traceo.instrument("httpx")
    assert "httpx" in hooked.names
    assert is_hooked()
    traceo.uninstrument("httpx")
    assert not is_hooked()


def test_what_one_call_has_hooked_it_can_unhook(capture):
    first, second = traceo.instrument("httpx"), traceo.instrument("httpx")
    second.uninstall()
    assert is_hooked(), "the first call still wants it"
    first.uninstall()
    first.uninstall()
    assert not is_hooked()


def test_a_function_decorated_with_a_name_that_is_also_a_library_gets_its_span_and_no_hook(capture):
    @traceo.instrument("httpx")
    def fetch() -> int:
        return 7

    assert fetch() == 7
    assert not is_hooked()
    assert [span["name"] for span in capture.spans] == ["httpx"]


def test_a_wrong_name_is_told_with_what_was_meant():
    with pytest.raises(traceo.ConfigError, match=r"uninstrument\(\) names 'htpx'.*did you mean 'httpx'"):
        traceo.uninstrument("htpx")


def test_a_library_that_the_settings_left_out_can_be_hooked_later_and_all_of_them_restored():
    script = """
        import logging
        import httpx
        before = vars(httpx.Client)["_send_single_request"]
        heard = logging.Logger.callHandlers
        import traceo
        client = traceo.init(instrument="logging", console="off", endpoint="http://127.0.0.1:9")
        assert client.hooks.names == ()
        assert logging.Logger.callHandlers is not heard
        traceo.instrument("httpx")
        assert "httpx" in traceo.status().instrumentation
        assert vars(httpx.Client)["_send_single_request"] is not before
        traceo.uninstrument()
        assert vars(httpx.Client)["_send_single_request"] is before
        assert logging.Logger.callHandlers is heard
        assert traceo.status().instrumentation == ()
        traceo.instrument("httpx")
        assert "httpx" in client.hooks.names
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
