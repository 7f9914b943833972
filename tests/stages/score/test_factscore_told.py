"""What is said of answers that a score leaves out."""

from factcli.stages.score.factscore.telling import lines_of_left_out


def test_a_topic_of_any_length_is_told_in_a_few_letters() -> None:
    (line,) = lines_of_left_out({"robust": {"no claim": ["x" * 5000, "Al"]}})
    assert line == f"left out of robust: 2 (no claim): {'x' * 59}…, Al"
