import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fullcircle.core.processes import cores, in_order


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


def test_processes_end_when_whoever_started_them_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        """
import multiprocessing
from fullcircle.core.processes import in_order

if __name__ == "__main__":
    answers = in_order(abs, iter(int, 1), 2, int)
    next(answers)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    next(iter(int, 1))
"""
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True) as started:
        workers = [int(pid) for pid in started.stdout.readline().split()]
        assert len(workers) == 2
        started.kill()
    deadline = time.monotonic() + 30
    while any(running(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that has ended and that nobody asked about is not running.
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_there_is_a_core():
    assert cores() >= 1
