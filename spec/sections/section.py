"""What the sections of a spec have in common."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    model_validator,
)

from ..reading.codes import Code
from ..reading.diagnostics import Steps
from ..reading.source import Data
from .fields import Identifier, PythonName
from .marks import OnUse, empty, is_marked


@dataclass(frozen=True)
class Problem:
    """A rule that a section breaks.

    Attributes:
        message: What is wrong.
        hint: What to write instead.
        at: Steps from the section to the value that is wrong.
        code: The kind of rule.
    """

    message: str
    hint: str = ""
    at: Steps = ()
    code: Code = Code.RULE


@dataclass(frozen=True)
class Note:
    """What the writer of a spec should hear; it breaks no rule.

    Attributes:
        at: Steps from the document to the key, written or not.
        text: What follows the key in a sentence: "has no effect here".
        hint: What to write for there to be no note, "" where that depends.
        code: The kind of note.
    """

    at: Steps
    text: str
    hint: str = ""
    code: Code = Code.UNUSED


class Broken(ValueError):
    """Carries a section's problems through Pydantic."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


class Unsound(Exception):
    """A value is read that can't be used: a mistake in it was reported."""


class Section(BaseModel):
    """A mapping in a spec: known keys only, strict types, frozen.

    Validators are built where one is needed, which is the document's: a section that is
    not written is made by `model_construct`, which needs none.

    `beside` names the keys that only go with another, `exchangeable` says whether one
    key may be written for another, as an unknown one may be.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, defer_build=True
    )
    beside: ClassVar[frozenset[str]] = frozenset()
    exchangeable: ClassVar[bool] = False

    @property
    def written(self) -> tuple[str, ...]:
        """The known keys that are written, in the order that the class has them."""
        return tuple(
            key for key in type(self).model_fields if key in self.model_fields_set
        )

    def says(self, key: str) -> bool:
        """Whether something is written for the key, right or wrong.

        Raises:
            Unsound: It is not written, and another key may have been meant for it.
        """
        if key in self.model_fields_set and key not in self.__dict__:
            return True
        return getattr(self, key) is not None

    def remember(self, data: Mapping[str, Data]) -> None:
        """Keep what the fields don't: how the section was written."""

    def problems(self) -> Iterator[Problem]:
        """The rules between keys that this section breaks."""
        return iter(())

    def rules(self) -> Iterator[Iterator[Problem]]:
        """The same, each rule by itself: one that can't be told hides no other."""
        yield self.problems()

    def broken(self) -> Iterator[Problem]:
        """The rules that are broken as far as can be told from what is sound."""
        for rule in self.rules():
            with suppress(Unsound):
                yield from rule

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Pydantic asks only for what is not there.
            if name in type(self).model_fields:
                raise Unsound
            return super().__getattr__(name)

    @classmethod
    def offered(cls) -> tuple[str, ...]:
        """The keys that are listed where none is meant: those that do something."""
        fields = cls.model_fields.items()
        own = (name for name, field in fields if not is_marked(field))
        return tuple(name for name in own if name not in cls.beside)

    @classmethod
    def __pydantic_init_subclass__(cls, **_given: Any) -> None:
        _forget_class_variables(cls)

    # One validator: each costs every section when it is made.
    @model_validator(mode="wrap")
    @classmethod
    def _unbroken(
        cls, value: object, validated: ModelWrapValidatorHandler[Self]
    ) -> Self:
        """Written without a value, it's empty; what is sound by itself keeps its rules."""
        section = validated(empty(value))
        if problems := tuple(section.broken()):
            raise Broken(problems)
        return section


def _forget_class_variables(section: type[Section]) -> None:
    """Drop what says that they are: Pydantic, which knows, reads it in each subclass."""
    for name in section.__class_vars__:
        section.__annotations__.pop(name, None)


_forget_class_variables(Section)

T = TypeVar("T", bound=Section)
K = TypeVar("K")
V = TypeVar("V")
Table = Annotated[dict[K, V], BeforeValidator(empty)]
"""A mapping with keys that the user chooses."""
Block = Annotated[T | None, OnUse(), BeforeValidator(empty)]
"""A section that means something by being there: written without a value, it's empty."""


class Choice(Section):
    """A section in which one thing is chosen by its key, or by `python`."""

    beside: ClassVar[frozenset[str]] = frozenset({"args"})
    exchangeable: ClassVar[bool] = True

    python: PythonName | None = Field(
        default=None, description="Your own class, as `package.module:Class`."
    )
    args: Table[Identifier, Any] = Field(
        default={},
        description="Keyword arguments that the class in `python` is made with.",
    )

    @property
    def chosen(self) -> Data | Section:
        """The one value written beside `args`."""
        value: Data | Section = getattr(self, self.key)
        return value

    @property
    def key(self) -> str:
        """The key that it is written under."""
        chosen = self._chosen()
        if len(chosen) != 1:
            raise Unsound
        return chosen[0]

    def _chosen(self) -> list[str]:
        names = type(self).model_fields
        return [name for name in names if name != "args" and self.says(name)]

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._one_key()
        yield self._no_args()

    def _one_key(self) -> Iterator[Problem]:
        chosen = self._chosen()
        if len(chosen) != 1:
            found = ", ".join(chosen)
            names = ", ".join(self.offered())
            yield Problem(
                f"write exactly one; found {found}"
                if found
                else f"write exactly one of {names}; found none",
                code=Code.CHOICE,
            )

    def _no_args(self) -> Iterator[Problem]:
        if self.args and not self.says("python"):
            message = "only your own class, named by python, takes args"
            yield Problem(message, at=("args",), code=Code.EFFECT)
