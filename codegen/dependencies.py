"""What has to be installed for a script, as its PEP 723 block says it."""

from __future__ import annotations

from collections.abc import Iterator

from narrowcast import __version__
from narrowcast.spec import Spec
from narrowcast.spec.releases.frameworks import RUNTIME, SAFETENSORS, distribution
from narrowcast.spec.releases.modules import distribution_of

from .constants import data_of, python_modules
from .evaluation.datasets import section as datasets
from .evaluation.metrics import section as metrics
from .evaluation.transforms import section as transforms
from .frameworks import framework_of
from .frameworks.pytorch import is_safetensors
from .quantization import quantizers
from .vendoring.runtime import Runtime


def dependencies(spec: Spec, runtime: Runtime) -> tuple[str, ...]:
    """Requirements, each distribution once."""
    releases = framework_of(spec).releases
    found: dict[str, str] = {}
    for each in (*_of_runtime(spec, runtime), *_asked_for(spec)):
        found.setdefault(distribution(each), each)
    covered = {*found, *map(distribution, releases.beside)}
    for module in python_modules(spec):
        name = distribution_of(module)
        if name and name not in covered:
            found.setdefault(name, name)
    return tuple(found.values())


def unknown_modules(spec: Spec) -> tuple[str, ...]:
    """The user's modules of which nobody can know what they import."""
    named = dict.fromkeys(python_modules(spec))
    return tuple(module for module in named if not distribution_of(module))


def of_narrowcast(spec: Spec) -> str:
    """narrowcast, with what it imports for the framework."""
    return f"narrowcast[{framework_of(spec).extra}]~={__version__}"


def _of_runtime(spec: Spec, runtime: Runtime) -> Iterator[str]:
    """narrowcast and the framework; of a copy of its runtime what that imports."""
    framework = framework_of(spec)
    if not runtime.copy_of:
        yield of_narrowcast(spec)
    yield framework.releases.framework
    if runtime.copy_of:
        yield from framework.releases.beside
        yield from RUNTIME


def _asked_for(spec: Spec) -> Iterator[str]:
    """For reading the weights, and for reading, preparing and judging data."""
    if is_safetensors(spec.model.weights or ""):
        yield SAFETENSORS
    yield from quantizers(spec)
    for each in data_of(spec):
        yield from datasets.packages(each.dataset)
        yield from transforms.packages(each)
    yield from metrics.packages(spec.evaluation)
