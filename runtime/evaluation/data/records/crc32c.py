"""CRC-32C (Castagnoli), over whole arrays: TFRecord files check their records by it.

RFC 3720, appendix B.4 has the polynomial, here with its bits reversed; the mask is of
TensorFlow's `core/lib/hash/crc32c.h`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

POLYNOMIAL = 0x82F63B78
ALL_ONES = 0xFFFFFFFF
MASK = 0xA282EAD8
ONE, EIGHT = np.uint32(1), np.uint32(8)
BLOCK = 8
"""Bytes whose remainders are looked up at once."""

FEW = 64
"""Bytes that are sooner done one by one: the header of a record is."""


def masked_crc32c(data: bytes) -> int:
    """The CRC as TFRecord files hold it: rotated, so that a CRC of CRCs is no CRC."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + MASK) & ALL_ONES


def crc32c(data: bytes) -> int:
    """The CRC-32C of the bytes.

    The remainder of a sum is the sum of remainders, and zeros in front of the bytes
    change none: blocks are looked up by themselves, then neighbours are added up.
    """
    if len(data) <= FEW:
        return _one_by_one(data) ^ ALL_ONES
    padded = np.zeros(-(-len(data) // BLOCK) * BLOCK, np.uint8)
    start = len(padded) - len(data)
    padded[start:] = np.frombuffer(data, np.uint8)
    padded[start : start + 4] ^= 0xFF  # the CRC starts from ones
    found = _blocks(padded.reshape(-1, BLOCK))
    level = 0
    while len(found) > 1:
        if len(found) % 2:
            found = np.concatenate((np.zeros(1, np.uint32), found))
        found = _followed(found[::2], level) ^ found[1::2]
        level += 1
    return int(found[0]) ^ ALL_ONES


def _one_by_one(data: bytes) -> int:
    crc, table = ALL_ONES, _listed()
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


@cache
def _listed() -> list[int]:
    return [int(remainder) for remainder in _bytes()]


def _blocks(blocks: npt.NDArray[np.uint8]) -> Words:
    """The remainder of each row of bytes."""
    tables = _followed_bytes()
    found = np.zeros(len(blocks), np.uint32)
    for column in range(BLOCK):
        found ^= tables[BLOCK - 1 - column][blocks[:, column]]
    return found


@cache
def _bytes() -> Words:
    """The remainder of each byte."""
    table: Words = np.arange(256, dtype=np.uint32)
    for _bit in range(8):
        table = (table >> ONE) ^ (table & ONE) * np.uint32(POLYNOMIAL)
    return table


@cache
def _followed_bytes() -> tuple[Words, ...]:
    """The remainder of each byte that 0, 1, … `BLOCK` - 1 zeros follow."""
    tables = [_bytes()]
    while len(tables) < BLOCK:
        tables.append(_one_zero(tables[-1]))
    return tuple(tables)


def _one_zero(remainders: Words) -> Words:
    """The remainders once another zero follows."""
    carried: Words = _bytes()[remainders & 0xFF]
    return (remainders >> EIGHT) ^ carried


@cache
def _zeros(level: int) -> Words:
    """(4, 256): by the remainder's byte, what it is once 2^level blocks of zeros follow."""
    if level:
        return _followed(_zeros(level - 1), level - 1)
    places = np.array([0, 8, 16, 24], np.uint32)
    table = np.arange(256, dtype=np.uint32) << places[:, np.newaxis]
    for _byte in range(BLOCK):
        table = _one_zero(table)
    return table


def _followed(remainders: Words, level: int) -> Words:
    """The remainders once 2^level blocks of zeros follow."""
    table = _zeros(level)
    found: Words = table[0][remainders & 0xFF]
    found ^= table[1][remainders >> 8 & 0xFF]
    found ^= table[2][remainders >> 16 & 0xFF]
    found ^= table[3][remainders >> 24]
    return found
