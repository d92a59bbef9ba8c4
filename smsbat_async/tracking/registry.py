"""The plans that are in use, by number."""

import itertools
from random import Random

from smsbat_async.policies import PollPolicy
from smsbat_async.tracking.plan import Plan
from smsbat_async.tracking.plans import plan_for

KEPT = 64
"""How many plans are kept with what they have learned when nobody follows them."""

LOOKED_AT = 4
"""How many plans are looked at for one to forget whenever one is added."""


class PlanRegistry:
    """One plan per policy, so that messages of one policy learn from each other.

    Args:
        random: The source of jitter.
    """

    __slots__ = ("_free", "_last", "_numbers", "_plans", "_policies", "_random", "_users")

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers: dict[PollPolicy, int] = {}  # the policy followed anew longest ago comes first
        self._policies: list[PollPolicy] = []
        self._plans: list[Plan] = []
        self._users: list[int] = []
        self._free: list[int] = []
        self._last: tuple[PollPolicy | None, int] = None, -1

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, number: int) -> Plan:
        return self._plans[number]

    def take(self, policy: PollPolicy) -> int:
        """Return the number of a policy's plan, for one message more."""
        last, number = self._last
        if policy is not last:
            found = self._numbers.pop(policy, None)
            number = self._add(policy) if found is None else found
            self._numbers[policy] = number
            self._last = policy, number
        self._users[number] += 1
        return number

    def give_back(self, number: int) -> None:
        """Take in that one message less follows a plan."""
        self._users[number] -= 1

    def _add(self, policy: PollPolicy) -> int:
        if len(self._numbers) >= KEPT:
            self._forget_some()
        plan = plan_for(policy, self._random)
        if self._free:
            number = self._free.pop()
            self._policies[number], self._plans[number] = policy, plan
            return number
        self._policies.append(policy)
        self._plans.append(plan)
        self._users.append(0)
        return len(self._plans) - 1

    def _forget_some(self) -> None:
        """Forget a plan that nobody follows, if one is among those followed anew longest ago."""
        for policy in list(itertools.islice(self._numbers, LOOKED_AT)):
            number = self._numbers.pop(policy)
            if self._users[number]:
                self._numbers[policy] = number  # looked at again when all others have been
                continue
            self._free.append(number)
            if self._last[1] == number:
                self._last = None, -1
            return
