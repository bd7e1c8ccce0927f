"""Reports, on their own."""

import json

from toolkit.inside.outcome import Outcome


def test_a_reason_that_is_no_valid_text_does_not_cost_the_report() -> None:
    """JSON can carry half of a surrogate pair, and neither SQLite nor DynamoDB takes it."""
    report = Outcome.of_code(1, "the script", reason="broken \ud800 text").report("now")
    assert ascii(report["reason"]) == "'broken ? text'"
    assert json.dumps(report, ensure_ascii=False).encode()
