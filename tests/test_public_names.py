import importlib
import pkgutil
import types

import pytest

import traceo

# A room of its own with its own dependencies; the scripts and their entry; and what is built from the others.
ELSEWHERE = ("traceo.collector", "traceo.cli", "traceo.__main__", "traceo._compiled")


def modules() -> list[str]:
    return [
        found.name
        for found in pkgutil.walk_packages(traceo.__path__, "traceo.")
        if not found.name.startswith(ELSEWHERE)
    ]


def test_the_package_shows_exactly_these_names():
    assert sorted(traceo.__all__) == [
        "Client",
        "ConfigError",
        "Counts",
        "Instrumented",
        "Policy",
        "Redacted",
        "Status",
        "TraceoError",
        "__version__",
        "counter",
        "flush",
        "gauge",
        "histogram",
        "init",
        "instrument",
        "observable_counter",
        "observable_gauge",
        "observable_up_down_counter",
        "redact",
        "shutdown",
        "span",
        "status",
        "subject",
        "uninstrument",
        "up_down_counter",
    ]
    assert set(traceo.__all__) <= set(dir(traceo))


@pytest.mark.parametrize("name", traceo.__all__)
def test_every_public_name_is_there_and_comes_from_where_it_is_defined(name):
    value = getattr(traceo, name)
    assert getattr(traceo, name) is value
    if name != "__version__":
        assert value.__name__ == name
        assert value.__doc__


def test_an_unknown_name_is_an_attribute_error_like_any_other():
    with pytest.raises(AttributeError, match="module 'traceo' has no attribute 'spam'"):
        _ = traceo.spam


@pytest.mark.parametrize("name", modules())
def test_a_module_lists_what_it_shows(name):
    """``__all__`` is what a module defines without an underscore: no more, no less."""
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", None)
    if listed is None:
        assert not [value for value in vars(module).values() if getattr(value, "__module__", None) == name]
        return
    assert list(listed) == sorted(listed, key=lambda each: (not each.isupper(), not each[0].isupper(), each))
    for each in listed:
        assert hasattr(module, each)
    defined = {
        each
        for each, value in vars(module).items()
        if isinstance(value, (type, types.FunctionType))
        and value.__module__ == name
        and not each.startswith("_")
    }
    assert defined <= set(listed)
