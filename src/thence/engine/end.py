"""end: an invocation that waits ends without another attempt, with all that it owes, in one commit.

Why it ends is for others to say: expire (its event age, a limit that held it for too long), stop (a
caller), retire (its function was deleted).
"""

from __future__ import annotations

from ..clock import Clock
from ..lifecycle.states import Reason, State, check_transition
from ..notices import InvocationSettled, Notices
from ..store.records import End, Waiting
from .deliver import Deliver
from .lanes import Lanes
from .owed import Owed
from .writer import Writer


class EndWaiting:
    def __init__(
        self,
        lanes: Lanes,
        writer: Writer,
        owed: Owed,
        deliver: Deliver,
        clock: Clock,
        notices: Notices,
    ) -> None:
        self._lanes = lanes
        self._writer = writer
        self._owed = owed
        self._deliver = deliver
        self._clock = clock
        self._notices = notices

    async def end(
        self, waiting: Waiting, state: State, reason: Reason, *, at_once: bool = False
    ) -> bool:
        """Whether it was ended; False: it does not wait any more, and nothing was changed. `at_once`:
        see Writer.at_once. Raises StoreUnavailable: it waits as before."""
        lane = self._lanes.get(waiting.function_id)
        if lane is None:
            return False
        check_transition(waiting.state, state)
        now = self._clock.now()
        deliveries = self._owed.at_end(lane, waiting.qualifier, state, now)
        end = End(waiting.id, waiting.function_id, state, reason, now, deliveries)
        writer = self._writer
        work = writer.at_once("ends", end) if at_once else writer.wait(writer.end, end)
        applied: bool = await work
        if applied:
            lane.count_waiting(-1)
            if self._notices.wanted(InvocationSettled):
                self._notices.publish(
                    InvocationSettled(
                        waiting.id, lane.function.name, state, reason, waiting.attempts
                    )
                )
            for delivery in deliveries:
                self._deliver.note(delivery.receiver, delivery.due_at)
        return applied
