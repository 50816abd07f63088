"""The SHA-256 of tokens that callers send again and again. To hash a token each time takes longer than all other parts
of finding a known caller.

It decides nothing: a key from here is the one that `key_of` returns, and caches of callers expire and forget by keys. A
dict compares texts only if their 64-bit hashes are equal, whose seed is random, so the time of a look-up tells nothing
about the texts in it.
"""

import asyncio

SECONDS = 5.0
"""A token stays for this long after it was last sent, and for at most twice as long."""
MOST = 1024
"""Values in each half."""
LONGEST = 4096
"""Characters of a value. Longer ones are hashed each time, which bounds the memory."""
UNKNOWN = b""


class RecentTokens(dict[str, bytes]):
    """Keys of tokens by the whole value of `Authorization`; UNKNOWN for other values. What was not used while its half
    was the current one is forgotten as the halves change, by a timer, or earlier if there are many.

    It is a dict, so that finding a value that is in use takes no call of a Python function.
    """

    def __init__(self, *, seconds: float = SECONDS, most: int = MOST) -> None:
        super().__init__()
        self._seconds = seconds
        self._most = most
        self._before: dict[str, bytes] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def held(self) -> int:
        """Number of values in both halves."""
        return len(self) + len(self._before)

    def __repr__(self) -> str:
        # That of a dict would show the tokens.
        return f"<{self.held} recent tokens>"

    def __missing__(self, authorization: str) -> bytes:
        key = self._before.pop(authorization, UNKNOWN)
        if key:
            self.add(authorization, key)
        return key

    def add(self, authorization: str, key: bytes) -> None:
        """Remember the key of the token in this value. Add only tokens that were recognized: others would take the
        places of these."""
        if len(authorization) > LONGEST:
            return
        if len(self) >= self._most:
            self._change()
        self[authorization] = key
        if self._timer is None:
            self._wait()

    def forget(self, authorization: str) -> None:
        """Drop this value, which was in use."""
        self.pop(authorization, None)

    def _change(self) -> None:
        self._before = self.copy()
        self.clear()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._age)

    def _age(self) -> None:
        self._timer = None
        self._change()
        if self._before:
            self._wait()
