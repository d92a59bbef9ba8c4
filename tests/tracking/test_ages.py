"""The ages at which a plan looks at a message."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsbat_async.tracking.ages import STEPS_AT_MOST, Ages

TIMEOUTS = st.floats(1e-3, 1e7)
SCALES = st.floats(1e-6, 1.0)


@given(TIMEOUTS, SCALES)
def test_edges_ascend_from_0_to_the_timeout_and_are_not_too_many(timeout: float, part: float) -> None:
    ages = Ages(timeout, part * timeout)
    assert ages.edges[0] == 0.0
    assert ages.edges[-1] == timeout
    assert all(width > 0.0 for width in ages.widths)
    assert len(ages) == len(ages.edges) - 1
    assert 1 <= len(ages) <= 2 * STEPS_AT_MOST


def test_steps_are_fine_for_the_young_and_grow_with_the_age() -> None:
    ages = Ages(600.0, 2.0)
    assert ages.widths[0] == pytest.approx(0.1)
    assert all(after > before - 1e-9 for before, after in itertools.pairwise(ages.widths[:-1]))
    middle = ages.nearest(300.0)
    assert ages.widths[middle] == pytest.approx(0.02 * 300.0, rel=0.1)


@given(st.floats(0.0, 1_000.0))
def test_the_nearest_edge_is_none_other(age: float) -> None:
    edges = Ages(600.0, 2.0).edges
    found = Ages(600.0, 2.0).nearest(age)
    assert abs(edges[found] - age) == min(abs(edge - age) for edge in edges)
