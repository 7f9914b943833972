"""Which invented subjects a run takes of a data set: the first ones by id, the same in both stages of the method."""

from collections.abc import Iterable

from factcli.rows import Chat


def invented_subjects(chats: Iterable[Chat], limit: int | None) -> tuple[str, ...]:
    """Ids of the fictitious training subjects that are asked about, sorted, at most `limit` of them (None: all).

    The originals shuffle them first (spec of PREREQ-TUNE, synthetic_num); here they were drawn alike, so the first are any.
    """
    return tuple(sorted({chat.subject for chat in chats if chat.fictitious and chat.split == "train"})[:limit])
