"""Counts the bytes of answers that clients have not read yet, so that slow readers cannot fill the memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dkron_api.refusal import unavailable

MIB = 1024 * 1024
TOTAL, SHARE = 64 * MIB, 32 * MIB
"""Bytes of all answers, and of the answers of one caller. A single answer may be longer."""
STREAMS = 16
"""Answers of one caller that are rendered while they are sent."""


@dataclass(eq=False, slots=True)
class Answer:
    """An answer in sending, and the bytes of it that are rendered and not sent."""

    owner: str
    break_off: Callable[[], object]
    size: int = 0
    streams: bool = False


class Unsent:
    """The answers in sending. At a limit, the oldest one of the caller with the most bytes is broken off."""

    def __init__(self, total: int = TOTAL, share: int = SHARE) -> None:
        self._total, self._share = total, share
        self._answers: dict[str, dict[Answer, None]] = {}
        self._sizes: Counter[str] = Counter()
        self.size = 0

    def require_room(self, owner: str, size: int) -> None:
        """Raise `ApiError`, 503, if this caller has answers in sending, and its share has no room for one more."""
        if self._sizes[owner] and self._sizes[owner] + size > self._share:
            text = f"this caller has not read {self._sizes[owner] // 1024} KiB of answers; read them, or retry later"
            raise unavailable(text, after="10")

    @contextmanager
    def stream(self, owner: str, break_off: Callable[[], object], size: int) -> Iterator[Answer]:
        """Count an answer that is rendered while it is sent, and holds so many bytes besides. Raises `ApiError`, 503,
        if this caller has too many."""
        if sum(each.streams for each in self._answers.get(owner, ())) >= STREAMS:
            text = f"this caller already has {STREAMS} long answers in sending; read some, or retry later"
            raise unavailable(text, after="10")
        self.require_room(owner, size)
        with self.answer(owner, break_off, size) as answer:
            answer.streams = True
            yield answer

    @contextmanager
    def answer(self, owner: str, break_off: Callable[[], object], size: int) -> Iterator[Answer]:
        """Count an answer of so many bytes until it is sent."""
        answer = Answer(owner, break_off)
        self._answers.setdefault(owner, {})[answer] = None
        self.hold(answer, size)
        try:
            yield answer
        finally:
            self._remove(answer)

    def hold(self, answer: Answer, size: int) -> None:
        """The answer now holds so many bytes."""
        if answer not in self._answers.get(answer.owner, ()):
            return
        self._sizes[answer.owner] += size - answer.size
        self.size += size - answer.size
        answer.size = size
        while self._sizes[answer.owner] > self._share and self._break_off((answer.owner,), answer):
            pass
        while self.size > self._total and self._break_off(self._answers, answer):
            pass

    def _break_off(self, owners: Iterable[str], kept: Answer) -> bool:
        """Break off the oldest answer of the owner with the most bytes, but not `kept` if its owner has no other.
        Return whether there was one."""
        others = [each for each in owners if len(self._answers[each]) > (each == kept.owner)]
        if not others:
            return False
        fullest = max(others, key=self._sizes.__getitem__)
        oldest = next(iter(self._answers[fullest]))
        self._remove(oldest)
        oldest.break_off()
        return True

    def _remove(self, answer: Answer) -> None:
        answers = self._answers.get(answer.owner, {})
        if answer not in answers:
            return
        del answers[answer]
        self._sizes[answer.owner] -= answer.size
        self.size -= answer.size
        if not answers:
            del self._answers[answer.owner], self._sizes[answer.owner]
