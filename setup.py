"""The compiled twins; everything else about the package is in pyproject.toml.

    python setup.py build_ext --inplace

No compiler, no Cython, or a failing build: a warning, and the package runs as plain Python. How a twin is
named, and why it cannot be stale: ``traceo/_compiled/__init__.py``.
"""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
TWINS = ROOT / "traceo" / "_compiled"


def _naming() -> ModuleType:
    """``traceo._compiled``, loaded alone: building must not import what it builds."""
    spec = importlib.util.spec_from_file_location("traceo_compiled_naming", TWINS / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _extensions() -> list[Extension]:
    if sys.implementation.name != "cpython" or os.environ.get("TRACEO_PURE"):
        return []
    try:
        from Cython.Build import cythonize  # noqa: PLC0415  absent where only plain Python is wanted
    except ImportError:
        return []
    naming = _naming()
    fingerprint = naming.fingerprint(str(ROOT))
    sources = []
    for name in naming.MODULES:
        stem = Path(*name.split("."))
        source = stem.with_suffix(".pyx")
        if not (ROOT / source).exists():
            source = stem.with_suffix(".py")
        sources.append(Extension(name, [str(source)], extra_compile_args=["-O3", "-g0"], optional=True))
    try:
        extensions = cythonize(
            sources,
            build_dir="build/cython",
            compiler_directives={
                "language_level": 3,
                "binding": True,
                "boundscheck": False,
                "wraparound": False,
                "initializedcheck": False,
                "nonecheck": True,  # a record with a hole in it is an exception to be counted, never a crash
                "annotation_typing": False,  # the .pxd files alone say what is a C type
                "embedsignature": False,
            },
        )
    except Exception as error:  # a twin is optional, whatever the reason
        print(f"warning: the compiled twins are left out: {error}", file=sys.stderr)  # noqa: T201
        return []
    for extension in extensions:
        base = extension.name.rpartition(".")[2]
        extension.name = f"traceo._compiled.{base}_{fingerprint}"
        extension.optional = True
    return extensions


class BuildTwins(build_ext):
    """Builds, and removes the twins of earlier fingerprints."""

    def run(self) -> None:
        super().run()
        current = {extension.name.rpartition(".")[2] for extension in self.extensions}
        for folder in {TWINS, Path(self.build_lib) / "traceo" / "_compiled"}:
            for path in folder.glob("*.so") if self.extensions else ():
                if path.name.partition(".")[0] not in current:
                    path.unlink()


class WithSources(build_py):
    """Ships the Cython sources: without them an installed package could not tell that its twins are fresh."""

    def find_data_files(self, package: str, src_dir: str) -> list[str]:
        found = super().find_data_files(package, src_dir)
        sources = [str(path) for path in Path(src_dir).glob("*.pyx")]
        return [*found, *(path for path in sources if path not in found)]


setup(ext_modules=_extensions(), cmdclass={"build_ext": BuildTwins, "build_py": WithSources})
