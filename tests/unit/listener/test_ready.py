"""Work is handed out once and in order, at once where it waits, and without waking threads for nothing."""

from __future__ import annotations

import threading
import time

from ecs_listener.ready import Ready
from tests.support.waiting import wait_until


class Crew:
    """Threads that do what they are handed, until they are handed None."""

    def __init__(self, size: int) -> None:
        self.ready: Ready[object] = Ready()
        self.done: list[tuple[object, int]] = []
        self.threads = [threading.Thread(target=self._work) for _ in range(size)]
        for thread in self.threads:
            thread.start()

    def _work(self) -> None:
        while (work := self.ready.get()) is not None:
            if isinstance(work, threading.Barrier):
                work.wait(60)
            self.done.append((work, threading.get_ident()))

    def end(self) -> None:
        for _ in self.threads:
            self.ready.put(None)
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()


def test_jobs_that_wait_all_run_at_once():
    # Given as many threads as jobs, each of which ends only when all have begun
    crew = Crew(20)
    together = threading.Barrier(20)
    # When they are put one after the other
    for _ in range(20):
        crew.ready.put(together)
    # Then none waits for another one's end
    wait_until(lambda: len(crew.done) == 20)
    assert not together.broken
    assert len({thread for _, thread in crew.done}) == 20
    crew.end()


def test_everything_is_handed_out_once_whatever_threads_put_and_get():
    # Given many threads, and several that put
    crew = Crew(16)
    number = 2000

    def put(start: int) -> None:
        for n in range(start, start + number):
            crew.ready.put(n)

    putters = [threading.Thread(target=put, args=(n * number,)) for n in range(4)]
    for putter in putters:
        putter.start()
    for putter in putters:
        putter.join(60)
    # Then all of it is done, once, and the threads still end when they are told to
    wait_until(lambda: len(crew.done) == 4 * number)
    assert {work for work, _ in crew.done} == set(range(4 * number))
    crew.end()


def test_one_thread_gets_work_in_order():
    crew = Crew(1)
    for n in range(100):
        crew.ready.put(n)
    crew.end()
    assert [work for work, _ in crew.done] == list(range(100))


def test_what_is_put_together_is_handed_out_in_order_and_to_as_many_threads_as_it_needs():
    # Given jobs that end only when all of them have begun
    crew = Crew(20)
    together = threading.Barrier(20)
    # When they are put at once
    crew.ready.put(*[together] * 20)
    # Then none waits for another one's end
    wait_until(lambda: len(crew.done) == 20)
    assert not together.broken
    crew.end()
    # And one thread does them in order
    alone = Crew(1)
    alone.ready.put(*range(100))
    alone.end()
    assert [work for work, _ in alone.done] == list(range(100))


def test_a_thread_that_was_called_for_nothing_does_not_keep_others_from_being_called():
    # Given three idle threads, and work that is gone before the called one comes
    ready: Ready[str] = Ready()
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(ready.get())) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: ready._idle == 3)
    with ready._changed:
        ready._waiting.append("gone")
        ready._call()
        ready._waiting.clear()
    wait_until(lambda: not ready._called)
    # When there is work for all of them
    for name in ("a", "b", "c"):
        ready.put(name)
    # Then all of them do it
    end = time.monotonic() + 60
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    assert sorted(got) == ["a", "b", "c"]
