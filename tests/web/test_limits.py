"""Logins and requests within limits."""

from __future__ import annotations

from emoedge.web.limits import LoginLimit, RequestLimit


def test_login_limit():
    limit = LoginLimit()
    for moment in range(5):
        assert limit.wait_s("10.0.0.1", moment) == 0
        limit.failed("10.0.0.1", moment)
    assert limit.wait_s("10.0.0.1", 5) == 55
    assert limit.wait_s("10.0.0.2", 5) == 0
    assert limit.wait_s("10.0.0.1", 60) == 0
    for moment in range(100, 1900, 60):
        limit.failed("10.0.0.1", moment)
    assert limit.wait_s("10.0.0.1", 1961) > 60, "thirty an hour"
    for number in range(100):
        limit.failed(f"10.0.1.{number}", 2000)
    assert limit.wait_s("10.9.9.9", 2000) > 60, "a hundred an hour in all"
    assert limit.wait_s("10.9.9.9", 5601) == 0


def test_an_ipv6_host_is_its_network():
    limit = LoginLimit()
    for number in range(5):
        limit.failed(f"2001:db8:1:2::{number}", 0)
    assert limit.wait_s("2001:db8:1:2:ffff::1", 1) > 0
    assert limit.wait_s("2001:db8:1:3::1", 1) == 0


def test_request_limit():
    limit = RequestLimit()
    assert [limit.take("a", 0.0) for _ in range(60)] == [0.0] * 60
    assert limit.take("a", 0.0) > 0
    assert limit.take("b", 0.0) == 0
    assert limit.take("a", 0.06) == 0
    assert sum(limit.take("a", 10.0) == 0 for _ in range(200)) == 60
    for number in range(10_000):
        limit.take(f"10.1.{number // 250}.{number % 250}", 1.0)
    assert len(limit._buckets) <= 4096
