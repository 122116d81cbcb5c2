from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from aecodec.hashing.verify.each import each


@pytest.fixture(autouse=True)
def three_cores() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    if torch.get_num_threads() != 3:
        pytest.skip("torch has another number of threads here, whatever it is told")
    yield
    torch.set_num_threads(before)


def in_new_thread() -> int:
    """Torch's threads in a thread that begins now."""
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return seen[0]


def test_batches_are_worked_on_by_one_core_each_in_their_order() -> None:
    def work(number: int) -> tuple[int, int, str]:
        return number, torch.get_num_threads(), threading.current_thread().name

    found = list(each(work, range(50)))
    assert [number for number, _, _ in found] == list(range(50))
    assert {threads for _, threads, _ in found} == {1}
    assert threading.current_thread().name not in {name for *_, name in found}


def test_nobody_else_is_disturbed_meanwhile() -> None:
    batches = each(lambda number: number, range(9))
    assert next(batches) == 0
    assert torch.get_num_threads() == in_new_thread() == 3
    assert list(each(lambda number: -number, range(4))) == [0, -1, -2, -3]
    assert list(batches) == list(range(1, 9))


def test_an_error_of_the_work_comes_out() -> None:
    with pytest.raises(ZeroDivisionError):
        list(each(lambda number: 1 // number, range(3)))
    assert list(each(lambda number: number, range(3))) == [0, 1, 2]
