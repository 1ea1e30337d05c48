import math

import pytest

from fullcircle.processes import cores, in_order


def test_answers_come_in_order_and_tasks_are_asked_for_only_as_far_as_they_can_be_worked_on():
    asked = []

    def tasks():
        for i in range(40):
            asked.append(i)
            yield i * i

    answers = in_order(math.isqrt, tasks(), 2, int, ahead=3)
    assert asked == []
    found = []
    for answer in answers:
        found.append(answer)
        assert len(asked) <= len(found) + 2 + 3 + 1
    assert found == asked == list(range(40))


def test_an_error_comes_back_from_the_process():
    answers = in_order(math.sqrt, iter([4.0, -1.0, 9.0]), 1, int)
    assert next(answers) == 2
    with pytest.raises(ValueError, match="math domain error|nonnegative"):
        list(answers)


def test_there_is_a_core():
    assert cores() >= 1
