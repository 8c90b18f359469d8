"""Symbolic sizes in an exported program: text that SymPy evaluates as Python."""

from __future__ import annotations

import ast
import re

from ....listing import listed
from ....refusals import Unsafe

LONGEST = 20_000
"""Characters; the expressions of real models have tens, rarely hundreds."""

SPELLED = """
Abs Add And Eq Equality ExprCondPair Float Ge GreaterThan Gt ITE Integer Le LessThan
Lt Max Min Mod Mul Ne Not Or Piecewise Pow Rational StrictGreaterThan StrictLessThan
Symbol Tuple Unequality Xor ceiling exp floor log sqrt
CeilDiv CeilToInt CleanDiv FloatPow FloatTrueDiv FloorDiv FloorToInt Identity
IntTrueDiv IsNonOverlappingAndDenseIndicator LShift ModularIndexing PowByNatural
PythonMod RShift RoundDecimal RoundToInt ToFloat TruncToFloat TruncToInt Where
"""
FUNCTIONS = listed(SPELLED)
"""SymPy's, then those of `torch.utils._sympy.functions`; none does but compute."""

OPERATORS = (
    ast.operator,
    ast.unaryop,
    ast.cmpop,
    ast.boolop,
    ast.Load,
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.Tuple,
    ast.keyword,
)
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
TEXT = re.compile(r"[A-Za-z][A-Za-z0-9_]*|[-+0-9.e]+")
EXPONENT = 64


def check_expression(text: str) -> None:
    """Hold an expression to names, numbers, operators and known functions.

    Raises:
        Unsafe: It is anything else: SymPy would evaluate it as Python.
    """
    try:
        tree = ast.parse(text, mode="eval") if len(text) <= LONGEST else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None or not all(map(_harmless, ast.walk(tree))):
        raise Unsafe(f"the size `{text[:60]!r}` is no plain expression")


def _harmless(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in FUNCTIONS and (name != "Pow" or _small(node.args[1:]))
        case ast.Name(id=name):
            return NAME.fullmatch(name) is not None
        case ast.Constant(value=str(text)):
            return TEXT.fullmatch(text) is not None
        case ast.Constant(value=bool() | int() | float()):
            return True
        case ast.BinOp(op=ast.Pow(), right=right):
            return _small([right])
        case _:
            return isinstance(node, OPERATORS)


def _small(exponents: list[ast.expr]) -> bool:
    """Whether no exponent is a number so large that the power would not end."""
    numbers = (
        each.value
        for exponent in exponents
        for each in ast.walk(exponent)
        if isinstance(each, ast.Constant) and isinstance(each.value, int | float)
    )
    nested = any(
        isinstance(each, ast.Pow) or (isinstance(each, ast.Name) and each.id == "Pow")
        for exponent in exponents
        for each in ast.walk(exponent)
    )
    return not nested and all(abs(number) <= EXPONENT for number in numbers)
