"""Every folder with an `__init__.py` below these five is a package of narrowcast's."""

from setuptools import find_packages, setup

FOLDERS = {
    "narrowcast": "src/narrowcast",
    "narrowcast.spec": "spec",
    "narrowcast.codegen": "codegen",
    "narrowcast.templates": "templates",
    "narrowcast.runtime": "runtime",
}
WITHIN = [f"{top}.{each}" for top in FOLDERS for each in find_packages(FOLDERS[top])]

setup(package_dir=FOLDERS, packages=[*FOLDERS, *WITHIN])
