"""What pyproject.toml cannot say: what is compiled, its ABI tag, which folders ship inside."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import find_packages, setup

sys.path.insert(0, str(Path(__file__).resolve().parent))

from amphost._native.archive import BuildInterface
from amphost._native.build import build_extension

SHIPPED = {
    "amphost.boards": "boards",
    "amphost.device_library": "native/device",
    "amphost.examples": "examples",
}

extension = build_extension()
options = {
    # `pip install -e .` gets a plain path, no import hook: a role must start fast.
    "editable_wheel": {"mode": "compat"},
    "bdist_wheel": {"py_limited_api": "cp311"} if extension.py_limited_api else {},
}
setup(
    ext_modules=[extension],
    cmdclass={"build_ext": BuildInterface},
    packages=[*find_packages(include=["amphost", "amphost.*"]), *SHIPPED],
    package_dir=SHIPPED,
    options=options,
)
