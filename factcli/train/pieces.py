"""How the rows of a pass are parted into pieces: each goes forwards and backwards by itself."""

from collections.abc import Sequence

from factcli.train.batches import chunks
from factcli.train.chats import ChatRow
from factcli.train.job import Machine
from factcli.train.lengths import cut_by_length
from factcli.train.routing import Group

Piece = tuple[Group, ...]  # rows of similar length


def pieces_of(groups: Sequence[Group], machine: Machine) -> list[Piece]:
    """Rows of all groups sorted by length and cut where that saves more padding than a pass costs, then to micro_rows (0: not at all).

    Length goes before equal groups, which one batched product could serve: padding costs all layers, unequal groups their adapters alone.
    """
    known = [(row, place) for place, group in enumerate(groups) for row in group.rows]
    by_length = sorted(known, key=lambda one: (len(one[0].tokens.ids), one[0].id))
    pieces: list[Piece] = []
    start = 0
    is_cut = machine.length_groups and machine.padding == "padded"
    for size in cut_by_length([len(row.tokens.ids) for row, _ in by_length]) if is_cut else [len(by_length)]:
        part = by_length[start : start + size]
        pieces.extend(_regrouped(groups, piece) for piece in chunks(part, machine.micro_rows or max(1, size)))
        start += size
    return pieces


def _regrouped(groups: Sequence[Group], known: Sequence[tuple[ChatRow, int]]) -> Piece:
    """Rows, each with the place of its group, as groups in their order; groups with none of them are left out."""
    parts = [(tuple(row for row, place in known if place == own), group.knowledge) for own, group in enumerate(groups)]
    return tuple(Group(rows, knowledge) for rows, knowledge in parts if rows)


def share_of(groups: Sequence[Group], process: int, n_processes: int) -> list[Group]:
    """The rows of one of several processes."""
    return [Group(group.rows[process::n_processes], group.knowledge) for group in groups]


def first_rows(groups: Sequence[Group], n: int) -> Piece:
    """The groups of the first n rows."""
    found: list[Group] = []
    for group in groups:
        found += [Group(group.rows[:n], group.knowledge)] if n > 0 else []
        n -= len(group.rows)
    return tuple(found)
