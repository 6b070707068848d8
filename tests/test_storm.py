"""Five hundred executions in a storm: one provider that fails most calls for a while."""

from xml.etree import ElementTree as ET

import structlog

from bench.storm import Weather, picture, sail


def test_a_storm_costs_the_provider_hardly_more_calls_than_are_useful() -> None:
    """Breakers, gates and retries keep calls within 1.3 times what is answered; every execution ends."""
    weather = Weather(executions=500, concurrency=40, storm_s=2.0, latency_s=0.02)
    with structlog.testing.capture_logs():
        found = sail(weather, breakers=True)
    assert found["completed"] + found["failed"] == weather.executions
    assert found["useful"] >= 2 * found["completed"]
    assert found["opened"] >= 1
    assert found["ratio"] <= 1.3
    assert ET.fromstring(picture(weather, {"With breakers": found})).tag.endswith("svg")
