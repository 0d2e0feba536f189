"""Values that are made for every message: frozen for the type checker, cheap at run time.

A frozen dataclass takes twice as long to make as one that is not, and a message on its way through a worker
is half a dozen of them. That nobody changes one is held by the strict type check of the whole repository.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def value(kind: type[_T]) -> type[_T]:
    """A dataclass with keyword arguments and slots, compared and hashed by what it holds."""
    return dataclass(kw_only=True, slots=True, unsafe_hash=True)(kind)
