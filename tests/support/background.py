"""One event loop in a thread, for all that watches in the background of a session. It goes on when a watch has ended,
so that its connections get closed: TLS takes a round trip for that.
"""

import asyncio
import threading
from functools import cache


@cache
def background_loop() -> asyncio.AbstractEventLoop:
    """The loop, which runs until the process ends."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="background", daemon=True).start()
    return loop
