"""How instances are ended, each for its reason: idle, replaced, over a limit, stopped, drained."""

from __future__ import annotations

import logging

from ...clock import Clock
from ...lifecycle.outcome import Outcome
from ...seldom import Seldom
from . import ended as endings
from .books import Books
from .done import Done
from .instance import Instance
from .lane import Lane
from .pre_stop import PreStops

log = logging.getLogger("thence.runtimes")


class Stopping:
    """What the sweep (`sweep.Orders`), the pool and the reports ask for."""

    def __init__(self, books: Books, done: Done, pre_stops: PreStops, clock: Clock) -> None:
        self._books = books
        self._done = done
        self._pre_stops = pre_stops
        self._clock = clock
        self._seldom = Seldom()

    def kill(self, instance: Instance, reason: str) -> None:
        instance.ending = True
        instance.end_reason = reason
        instance.launcher.kill(instance.number)

    def retire_idle(self, instance: Instance, reason: str = "idle") -> None:
        """Its slot is free at once: the launcher ends it before it starts another."""
        self._books.remove_idle(instance)
        instance.shut = True
        self._books.uncount(instance)
        if not self._pre_stops.begin(instance, reason):
            self.kill(instance, reason)

    def retire_shut(self, instance: Instance, reason: str) -> None:
        """It is shut and has nothing to do."""
        if self._pre_stops.begin(instance, reason):
            instance.lane.shut -= 1
            self._books.uncount(instance)
        else:
            self.kill(instance, reason)

    def retire_all_with_hooks(self) -> None:
        """The node leaves: those that wait for work run their pre-stop hooks, if they have one."""
        for instance in list(self._books.idle):
            if instance.function.spec.pre_stop:
                self.retire_idle(instance, "closing")

    def replace(self, lane: Lane[Instance], revision: int) -> None:
        """Instances of older revisions end, now or when they are done."""
        for instance in list(self._books.instances.values()):
            if instance.lane is not lane or instance.function.revision >= revision:
                continue
            if instance in lane.idle:
                self.retire_idle(instance, "replaced")
            elif not instance.ending:
                instance.retiring = True
                self._books.shut(instance)
        lane.start_anew()

    def end_run(
        self,
        instance: Instance,
        sequence: int,
        outcome: Outcome,
        message: str,
        error_type: str = "",
    ) -> bool:
        """End the process for the run of that sequence number, which ends with `outcome`. False:
        that run has just ended by itself. Nothing behind it is begun."""
        self._books.shut(instance)
        self._done.give_back(instance.revoke_from(sequence - instance.answered))
        if instance.surely_over(sequence, self._clock.now()):
            return False
        instance.verdict, instance.verdict_on = outcome, sequence
        instance.verdict_message, instance.verdict_type = message, error_type
        self.kill(instance, endings.END_REASON[outcome])
        return True

    def end_start(self, instance: Instance, why: str) -> None:
        """It takes too long to come up. Said now: where the launcher hangs its end is told late, or never."""
        self.say_not_started(instance.function.name, why)
        instance.failure, instance.start_given_up = why, True
        self._books.shut(instance)
        self.kill(instance, "crashed")

    def end_pre_stop(self, instance: Instance, why: str) -> None:
        """Its pre-stop hook may not go on."""
        instance.pre_stop_until = 0
        instance.failure = instance.failure or why
        instance.launcher.kill(instance.number)

    def release_waiting(self, instance: Instance, running_ms: int) -> None:
        """Its run takes unusually long: those behind it are given back, others can begin them."""
        self._books.shut(instance)
        self._done.give_back(instance.revoke_from(1))
        instance.lane.seen_running_for(running_ms * 1000)
        self._books.slots.recount(instance.lane)

    def end_lost(self, instance: Instance) -> None:
        """The node leaves: what has begun is lost, the rest is given back."""
        if instance.pre_stop_until:
            self.end_pre_stop(instance, "the node shut down")
        if instance.ending:
            return
        if not instance.shut and instance.queue:
            self._books.shut(instance)
        self._done.give_back(instance.revoke_from(0))
        instance.verdict, instance.verdict_on = Outcome.LOST, instance.begun()
        instance.verdict_message = "the node shut down before the handler returned."
        self.kill(instance, "closing")

    def say_not_started(self, name: str, why: str) -> None:
        """Once a minute and function: every attempt of it meets the same."""
        if self._seldom.may_say(name):
            log.error("an instance of %s could not be started: %s", name, why)

    def say_cannot_start(self, name: str) -> None:
        """The same of an error that nobody expected, with where it was raised."""
        if self._seldom.may_say(name):
            log.exception("an instance of %s could not be started", name)
