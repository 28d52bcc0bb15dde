"""Checks of a network's settings: one line that says what was given and what is allowed.

A key names the network and its setting, as in `cnn: kernels`.
"""

from __future__ import annotations

from collections.abc import Collection

from coincast.errors import UnknownNameError, UsageError

Sizes = int | tuple[int, ...] | list[int]
"""A number for each layer, or one for all; TOML gives lists, and settings keep tuples."""


def check_size(key: str, value: int) -> None:
    """A size is 1 or more."""
    if not _is_size(value):
        raise UsageError(f"{key} is {value!r}; allowed: 1 or more")


def read_sizes(key: str, given: Sizes, *, number: int | None = None) -> tuple[int, ...]:
    """One size or several as a tuple, as TOML and Python give them.

    Args:
        key: of the setting.
        given: a single size stands for `number` equal ones.
        number: how many there must be, where that is known; else one or more.
    """
    sizes = tuple(given) if isinstance(given, list | tuple) else (given,) * (number or 1)
    if not sizes or not all(map(_is_size, sizes)):
        raise UsageError(f"{key} is {given!r}; allowed: 1 or more, or several such numbers, for example [8, 8]")
    if number is not None and len(sizes) != number:
        raise UsageError(f"{key} has {len(sizes)} numbers for {number} layers; give one for all, or {number}")
    return sizes


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def check_share(key: str, value: float) -> None:
    """A rate of dropout lies in [0, 1)."""
    if not 0 <= value < 1:
        raise UsageError(f"{key} is {value}; allowed: from 0 to below 1, for example 0.25")


def check_name(kind: str, given: str, known: Collection[str]) -> None:
    """A choice is one of its names."""
    if given not in known:
        raise UnknownNameError(kind, given, known)
