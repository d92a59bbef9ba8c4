"""What the adaptive plan costs: CPU for each poll, the longest stretch at a time, and memory."""

import gc
import time
import tracemalloc
from random import Random

from benchmarks import machine
from benchmarks.polling.latencies import MAIN, Latency
from benchmarks.polling.learning import teach
from benchmarks.table import Table
from smsbat_async.policies import PollPolicy
from smsbat_async.tracking.plan import Plan
from smsbat_async.tracking.plans import plan_for

POLICY = PollPolicy.adaptive(timeout=600.0)


class Timed:
    """A plan whose calls are timed, all but what the timing takes.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.minimum_gap = plan.minimum_gap
        self.timeout = plan.timeout
        self.last_poll_grace = plan.last_poll_grace
        self.delay_after_failure = plan.delay_after_failure
        self.started = plan.started
        self.delays: list[int] = []
        self.lessons: list[int] = []

    def delay(self, age: float, polls: int) -> float:
        """Return how long to wait before the next poll of a message."""
        began = time.thread_time_ns()
        wait = self._plan.delay(age, polls)
        self.delays.append(time.thread_time_ns() - began)
        return wait

    def learn(self, since: float, age: float, ended: bool) -> None:
        """Take what a poll has shown."""
        began = time.thread_time_ns()
        self._plan.learn(since, age, ended)
        self.lessons.append(time.thread_time_ns() - began)


def measure(latency: Latency, messages: int) -> tuple[str, ...]:
    """Return a row of figures for a plan that follows so many messages."""
    empty = sorted(_nothing() for _ in range(1_000))[500]
    plan = Timed(plan_for(POLICY, Random(1)))
    for _ in teach(plan, latency.sample(messages, 1), POLICY.timeout):
        pass
    calls = [sum(taken) / len(taken) - empty for taken in (plan.delays, plan.lessons, plan.lessons[-20_000:])]
    tracemalloc.start()
    kept = plan_for(POLICY, Random(1))
    for _ in teach(kept, latency.sample(messages // 10, 1), POLICY.timeout):
        pass
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (
        latency.name,
        f"{len(plan.lessons):,}",
        *(f"{nanoseconds / 1e3:.1f}" for nanoseconds in calls),
        f"{max(plan.lessons) / 1e6:.1f}",
        f"{held / 1e3:.0f}",
    )


def _nothing() -> int:
    began = time.thread_time_ns()
    return time.thread_time_ns() - began


def main() -> None:
    """Measure and print."""
    table = Table(
        "The adaptive plan, CPU time",
        ("latency", "polls", "delay, us", "learn, us", "learn, last 20,000", "longest, ms", "memory, KB"),
    )
    for latency in MAIN:
        table.add(*measure(latency, 20_000))
    print(f"{machine.line(machine.describe())}\n\n{table}")


if __name__ == "__main__":
    main()
