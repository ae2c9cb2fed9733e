"""What pyproject.toml cannot say: the extension, its ABI tag, and two folders shipped inside."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import find_packages, setup

sys.path.insert(0, str(Path(__file__).resolve().parent))

from amphost._native.build import build_extension

SHIPPED = {"amphost.boards": "boards", "amphost.examples": "examples"}

extension = build_extension()
setup(
    ext_modules=[extension],
    packages=[
        *find_packages(include=["amphost", "amphost.*"]),
        "amphost.boards",
        "amphost.examples",
    ],
    package_dir=SHIPPED,
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if extension.py_limited_api else {},
)
