"""How much the laws are tried: always the same examples, so that a run is as long, and as green, as the last one."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


def tries(count: int) -> settings:
    """That many examples. To look for others, take `derandomize` out for once."""
    return settings(max_examples=count, derandomize=True, deadline=None, suppress_health_check=_SLOW)


def slow_tries(count: int) -> settings:
    """The same where an example takes a second: a failing one is shown as it is, not made smaller."""
    return settings(tries(count), phases=[Phase.explicit, Phase.generate])
