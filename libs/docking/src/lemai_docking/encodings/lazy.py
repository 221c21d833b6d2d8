"""Rows too many to keep: those of a stock snapshot."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import overload

from lemai_docking.documents import Row


class LazyRows(Sequence[Row]):
    """Rows that were checked and counted once, and are read again from the file whenever they are walked."""

    def __init__(self, count: int, control: int, read: Callable[[], Iterator[Row]]) -> None:
        self._count = count
        self.control = control
        self._read = read

    def __iter__(self) -> Iterator[Row]:
        return self._read()

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return list(self)[index]
        position = index if index >= 0 else self._count + index
        for row in islice(self, position, None):
            return row
        raise IndexError(index)

    __hash__ = None  # type: ignore[assignment]  # Like a list's.
