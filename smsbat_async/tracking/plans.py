"""Which plan serves a policy."""

from random import Random

from smsbat_async.policies import AdaptivePollPolicy, PollPolicy
from smsbat_async.tracking.adaptive import AdaptivePlan
from smsbat_async.tracking.plan import ExponentialPlan, Plan


def plan_for(policy: PollPolicy, random: Random) -> Plan:
    """Return a new plan for a policy.

    Args:
        policy: The policy.
        random: The source of jitter.
    """
    if isinstance(policy, AdaptivePollPolicy):
        return AdaptivePlan(policy, random)
    return ExponentialPlan(policy, random)
