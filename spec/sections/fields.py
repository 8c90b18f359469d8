"""The types of single values, each with the checks and the reading it needs."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from keyword import iskeyword
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import core_schema

from ..reading.codes import Code
from ..reading.values import (
    NULL,
    NUMBER_OR_SHARE,
    QUOTED_INT,
    QUOTED_NUMBER,
    STR,
    WORD,
    Json,
    Read,
    a_list,
)

T = TypeVar("T")


class Refused(ValueError):
    """A value that its field does not take, with what to write instead."""

    def __init__(self, message: str, hint: str = "", code: Code = Code.FORM) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


def near(
    name: str, known: tuple[str, ...], offered: tuple[str, ...] | None = None
) -> str:
    """The hint for a name that is not among the known ones.

    Args:
        offered: Those that are listed, if not all.
    """
    close = get_close_matches(name, known, n=1) or [
        k for k in known if k.lower() == name.lower()
    ]
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known here: {', '.join(offered or known)}"


@dataclass(frozen=True)
class Among:
    """One word of a fixed set.

    Attributes:
        names: The words.
        instead: Other words → what to write instead.
        told: Words that may be written where something else tells what they stand for.
    """

    names: tuple[str, ...]
    instead: Mapping[str, str] = field(default_factory=dict, hash=False)
    told: tuple[str, ...] = ()

    def check(self, word: str) -> str:
        if word in self.names:
            return word
        if word in self.instead:
            raise Refused(f"`{word}` can't be used here", self.instead[word], Code.WORD)
        raise Refused(f"unknown value `{word[:60]}`", near(word, self.names), Code.WORD)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        schema = handler(source)
        return core_schema.no_info_after_validator_function(self.check, schema)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> Json:
        return {"type": "string", "enum": [*self.names, *self.told]}


@dataclass(frozen=True)
class Known:
    """A word that the runtime has a row for; no code of a script hangs on it.

    Attributes:
        names: The words.
    """

    names: tuple[str, ...]

    def check(self, word: str) -> str:
        if word in self.names:
            return word
        raise Refused(f"unknown value `{word[:60]}`", near(word, self.names), Code.WORD)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        schema = handler(source)
        return core_schema.no_info_after_validator_function(self.check, schema)


def split(value: object) -> object:
    """`a, b` and `a b` → ("a", "b"), as Neural Compressor reads them."""
    if isinstance(value, str):
        return tuple(re.findall(r"[^,\s]+", value))
    return () if value is None else value


def is_name(text: str) -> bool:
    """Whether Python lets the text be assigned to."""
    return text.isidentifier() and not iskeyword(text) and text != "__debug__"


def settled(name: str) -> str:
    """The name, in the one Unicode form (NFKC) in which Python keeps it.

    Raises:
        Refused: It is in another form, and could clash with a name that looks other.
    """
    kept = unicodedata.normalize("NFKC", name)
    if kept != name:
        raise Refused(f"Python reads `{name[:60]}` as another name", f"write `{kept}`")
    return name


def _identifier(name: str) -> str:
    if not is_name(name):
        hint = "use letters, digits and _, with a letter first"
        raise Refused(f"`{name[:60]}` is not a Python name", hint)
    return settled(name)


def _python_name(name: str) -> str:
    module, colon, attribute = name.partition(":")
    parts = (*module.split("."), *attribute.split("."))
    if not colon or not all(map(is_name, parts)):
        hint = "write package.module:name, all of them Python names"
        if "/" in name or module.endswith(".py"):
            hint = "write a module as in `import`, not a file: package.module:name"
        raise Refused(f"`{name[:60]}` does not name a Python object", hint)
    return settled(name)


def _file(path: str) -> str:
    if not path.strip():
        raise Refused("the path is empty")
    if "\\" in path:
        raise Refused("the path holds a backslash", "write `/` between folders")
    if path.startswith("~"):
        raise Refused("`~` is not expanded", "write a path relative to the spec")
    return path


def absolute(path: str) -> bool:
    """Whether the path holds on one machine only, POSIX or Windows."""
    return PurePosixPath(path).is_absolute() or bool(PureWindowsPath(path).drive)


NUMBER = r"[-+]?([0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9})([eE][-+]?[0-9]{1,2})?"


def _percent(value: object) -> object:
    """`1%` → exactly what `0.01` reads as; a quoted number → the number."""
    if not isinstance(value, str) or not re.fullmatch(f"{NUMBER} ?%?", value):
        return value
    scale = 100 if value.endswith("%") else 1
    return float(Decimal(value.rstrip("%").rstrip()) / scale)


def whole(value: object) -> object:
    """A quoted integer → the integer."""
    quoted = isinstance(value, str) and re.fullmatch(
        r"[-+]?(0|[1-9][0-9]{0,17})", value
    )
    return int(str(value)) if quoted else value


def _flag(value: object) -> object:
    """A quoted true or false → the word of YAML."""
    words = {"true": True, "false": False}
    return words.get(value.lower(), value) if isinstance(value, str) else value


def _numbers(value: object) -> object:
    """`0.5 0.5` or one number → numbers in a list."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (value,)
    return split(value)


def _nonempty(text: str) -> str:
    if not text.strip():
        raise Refused("the text is empty")
    return text


def filled(items: tuple[T, ...]) -> tuple[T, ...]:
    """The items, of which there must be some."""
    if not items:
        raise Refused("must not be empty")
    return items


def _dimension(value: object) -> object:
    """A size or the symbol of one that varies."""
    if isinstance(value, str):
        return _identifier(value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise Refused(
        "a dimension is a size of at least 1 or a symbol",
        "write a symbol such as `batch` for a size that varies",
    )


STRING = "string"
"""The dtype of text and of bytes."""

NUMBERS = (
    "float32",
    "float16",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "bool",
)
"""NumPy's names of the dtypes of numbers that inputs may have."""

TEXT = f"write {STRING}: text or bytes"
NO_DTYPES: Mapping[str, str] = {
    **dict.fromkeys(("str", "bytes", "object", "text"), TEXT),
    **dict.fromkeys(("float", "double"), "write float32 or float64"),
    **dict.fromkeys(("int", "long"), "write int32 or int64"),
    **dict.fromkeys(
        ("complex64", "complex128", "complex"),
        "no model here takes complex numbers: give real and imaginary parts, two inputs",
    ),
    **dict.fromkeys(
        ("datetime64", "timedelta64", "date"),
        "no model here takes dates: give int64, and count from where the model does",
    ),
}
"""What inputs are not, but may be taken for → what to write instead."""

Text = Annotated[str, AfterValidator(_nonempty)]
Names = Annotated[
    tuple[Text, ...],
    Read(split, (STR, a_list(STR), NULL)),
]
Identifier = Annotated[str, AfterValidator(_identifier)]
PythonName = Annotated[str, AfterValidator(_python_name)]
File = Annotated[str, AfterValidator(_file)]
Amount = Annotated[float, Read(_percent, ({"type": "number"}, QUOTED_NUMBER))]
QUOTED = Read(whole, ({"type": "integer"}, QUOTED_INT))
"""Reads a quoted integer."""

Whole = Annotated[int, QUOTED]
Flag = Annotated[bool, Read(_flag, ({"type": "boolean"}, WORD))]
Dtype = Annotated[str, Among(NUMBERS)]
InputDtype = Annotated[str, Among((*NUMBERS, "bfloat16", STRING), NO_DTYPES)]
Size = Annotated[int, Field(gt=0), QUOTED]
Amounts = Annotated[
    tuple[Amount, ...],
    Read(_numbers, ({"type": "number"}, STR, a_list(NUMBER_OR_SHARE))),
    AfterValidator(filled),
]
Dimension = Annotated[
    int | str,
    Read(_dimension, ({"type": "integer"}, STR, {"type": "object"})),
]
