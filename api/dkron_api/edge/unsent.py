"""Counts the bytes of answers that clients have not read yet, so that slow readers cannot fill the memory."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter

from dkron_api.auth.caller import Owner
from dkron_api.refusal import unavailable
from dkron_api.translate.pieces import PIECE

TOTAL = 64 * 1024 * 1024
"""Bytes of all answers. A group has a quarter of them, and each of its callers a half of that if it has several."""
STREAMS, STREAMS_OF_GROUP = 16, TOTAL // 4 // PIECE
"""Answers that are rendered while they are sent: of one caller, and of a group as many as its bytes have pieces."""


@dataclass(eq=False, slots=True)
class Share:
    """The answers in sending of a caller or a group. `answers` are those that hold bytes, the oldest first."""

    who: str
    most: int
    most_streams: int
    answers: "OrderedDict[Answer, None]" = field(default_factory=OrderedDict)
    size: int = 0
    streams: int = 0
    sending: int = 0


@dataclass(eq=False, slots=True)
class Answer:
    """An answer in sending, and the bytes of it that are rendered and not sent."""

    shares: tuple[Share, Share]
    break_off: Callable[[], object]
    size: int = 0
    ended: bool = False


class Unsent:
    """The answers in sending. Where a caller or a group has more bytes than its share, its oldest answer is broken off;
    one that is longer than the share by itself goes on.

    Where all have more than the total, the oldest answer of the group with the most bytes is broken off, even if it is
    the only one there, or the one that has just grown: no group gives way to a group that has more. So a namespace
    within its share breaks off no answer of others that together have three quarters of the total. An answer that has
    all bytes goes on. Takes O(1), and O(groups) for each answer that is broken off at the total.
    """

    def __init__(self, total: int = TOTAL) -> None:
        self._total = total
        self._callers: dict[Owner, Share] = {}
        self._groups: dict[str, Share] = {}
        self.size = 0

    def require_room(self, owner: Owner, size: int) -> None:
        """Raise `ApiError`, 503, if the caller or its group has unread answers, and no room for one more."""
        for share in self._shares(owner):
            if share.size and share.size + size > share.most:
                text = f"{share.who} has not read {share.size // 1024} KiB of answers; read them, or retry later"
                raise unavailable(text, after="10")

    @contextmanager
    def stream(self, owner: Owner, break_off: Callable[[], object], size: int) -> Iterator[Answer]:
        """Count an answer that is rendered while it is sent, and holds so many bytes besides. Raises `ApiError`, 503,
        if the caller or its group has too many."""
        shares = self._shares(owner)
        for share in shares:
            if share.streams >= share.most_streams:
                text = f"{share.who} already has {share.streams} long answers in sending; read some, or retry later"
                raise unavailable(text, after="10")
        self.require_room(owner, size)
        with self.answer(owner, break_off, size) as answer:
            for share in answer.shares:
                share.streams += 1
            try:
                yield answer
            finally:
                for share in answer.shares:
                    share.streams -= 1

    @contextmanager
    def answer(self, owner: Owner, break_off: Callable[[], object], size: int) -> Iterator[Answer]:
        """Count an answer of so many bytes until it is sent."""
        own, group = shares = self._shares(owner)
        self._callers[owner], self._groups[owner.group] = shares
        answer = Answer(shares, break_off)
        own.sending, group.sending = own.sending + 1, group.sending + 1
        try:
            self.hold(answer, size)
            yield answer
        finally:
            self._end(answer)
            own.sending, group.sending = own.sending - 1, group.sending - 1
            if not own.sending:
                del self._callers[owner]
            if not group.sending:
                del self._groups[owner.group]

    def hold(self, answer: Answer, size: int) -> None:
        """The answer now holds so many bytes."""
        if answer.ended:
            return
        self._count(answer, size)
        for share in answer.shares:
            while share.size > share.most and len(share.answers) > 1:
                self._break_off(share)
        while self.size > self._total:
            fullest = max(self._groups.values(), key=attrgetter("size"))
            if fullest.size == self.size and len(fullest.answers) == 1:
                break
            self._break_off(fullest)

    def _shares(self, owner: Owner) -> tuple[Share, Share]:
        """Return the share of the caller, and the one of its group."""
        most = self._total // 4
        own = self._callers.get(owner) or Share("this caller", most // 2 if owner.is_shared else most, STREAMS)
        return own, self._groups.get(owner.group) or Share(owner.group, most, STREAMS_OF_GROUP)

    def _break_off(self, share: Share) -> None:
        oldest = next(iter(share.answers))
        self._end(oldest)
        oldest.break_off()

    def _end(self, answer: Answer) -> None:
        self._count(answer, 0)
        answer.ended = True

    def _count(self, answer: Answer, size: int) -> None:
        for share in answer.shares:
            share.size += size - answer.size
            if size:
                share.answers.setdefault(answer)
            else:
                share.answers.pop(answer, None)
        self.size += size - answer.size
        answer.size = size
