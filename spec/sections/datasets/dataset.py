"""What the datasets of the runtime have in common."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from ..section import Note, Problem, Section


class BuiltInDataset(Section):
    """A dataset of the runtime.

    Attributes:
        packages: Requirements that reading it adds to the script's.
        stacks: Whether all samples are of one shape: what is elementwise is then done
            to whole batches.
        seeded: Whether samples are drawn, from the spec's seed.
        images: Whether its samples are images that it decodes: H x W x C.
        to_label: What to write where its samples have no labels and need them.
    """

    packages: ClassVar[tuple[str, ...]] = ()
    stacks: ClassVar[bool] = False
    seeded: ClassVar[bool] = False
    images: ClassVar[bool] = False
    to_label: ClassVar[str] = "add `label:` to the dataset"

    @property
    def requirements(self) -> tuple[str, ...]:
        """What reading it as it is written adds to the script's requirements."""
        return self.packages

    @property
    def files(self) -> Mapping[str, str]:
        """What the script calls the files and folders that it reads ("DATA") → their
        paths, as written."""
        return {}

    @property
    def named(self) -> bool:
        """Whether it says what is read; else the data is supplied."""
        return True

    @property
    def labelled(self) -> bool:
        """Whether its samples have labels."""
        return True

    @property
    def sample(self) -> tuple[int, ...] | None:
        """The shape that a sample's first array is said to have; None where nothing
        says it."""
        return None

    @property
    def arrays(self) -> int:
        """How many inputs of a model one sample feeds."""
        return 1

    def notes(self) -> Iterator[Note]:
        """What its writer should hear; steps are from the section."""
        return iter(())

    def input_problems(self, named: int) -> Iterator[Problem]:
        """What keeps it from feeding a model of so many named inputs, 0 for none."""
        if named > 1:
            message = f"the dataset feeds one input, the model has {named}"
            yield Problem(message, "use npz or python")
