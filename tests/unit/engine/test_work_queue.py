"""controller-runtime's priority queue: who is handed out when."""

from __future__ import annotations

import simpy

from fleetbench.engine.work_queue import LOW_PRIORITY, WorkQueue


def queue():
    env = simpy.Environment()
    return env, WorkQueue(env, 0.75, 900.0)


def taken(q):
    found = []
    while (got := q.take()) is not None:
        found.append(got[0])
    return found


def test_items_of_one_priority_come_in_the_order_in_which_they_were_added():
    _, q = queue()
    for item in (3, 1, 2):
        q.add(item)
    assert taken(q) == [3, 1, 2]


def test_the_initial_list_comes_after_everything_else():
    _, q = queue()
    q.add(1, priority=LOW_PRIORITY)
    q.add(2)
    assert taken(q) == [2, 1]


def test_an_item_is_unique_and_a_higher_priority_moves_it_to_the_end_of_that_priority():
    _, q = queue()
    q.add(1, priority=LOW_PRIORITY)
    q.add(2)
    q.add(1)
    assert taken(q) == [2, 1]


def test_an_item_that_a_worker_holds_is_handed_out_again_only_when_it_is_done():
    _, q = queue()
    q.add(1)
    assert q.take() == (1, 0)
    q.add(1)
    q.add(2)
    assert taken(q) == [2]
    q.done(1)
    assert taken(q) == [1]


def test_waiting_items_are_ordered_by_when_they_came_due():
    env, q = queue()
    q.add(1, after_s=2.0)
    q.add(2, after_s=1.0)
    env.run(until=3.0)
    assert taken(q) == [2, 1]


def test_what_comes_due_while_every_worker_is_held_costs_no_event_and_keeps_its_turn():
    env, q = queue()
    q.add(1, after_s=3.0)
    q.add(2, after_s=1.0)
    assert env.peek() == float("inf")
    env.run(until=2.0)
    q.add(3)
    assert taken(q) == [2, 3]
    env.run(until=4.0)
    assert taken(q) == [1]


def test_a_worker_with_nothing_to_do_is_woken_when_the_next_item_comes_due():
    env, q = queue()
    q.add(1, after_s=9.0)
    woken = q.idle_event()
    q.add(2, after_s=4.0)
    env.run(until=woken)
    assert (env.now, q.take()) == (4.0, (2, 0))
    env.run(until=q.idle_event())
    assert (env.now, q.take()) == (9.0, (1, 0))


def test_of_two_times_the_earlier_holds():
    env, q = queue()
    q.add(1, after_s=30.0)
    q.add(1, after_s=5.0)
    q.add(1, after_s=60.0)
    env.run(until=4.9)
    assert taken(q) == []
    env.run(until=5.1)
    assert taken(q) == [1]


def test_an_item_pulled_forward_from_waiting_keeps_its_place_in_the_order():
    _, q = queue()
    q.add(1, after_s=600.0)
    q.add(2)
    q.add(1)
    assert taken(q) == [1, 2]


def test_requeues_double_from_750_ms_until_they_are_forgotten():
    env, q = queue()
    due = []
    for _ in range(3):
        start = env.now
        q.add_rate_limited(1)
        while (got := q.take()) is None:
            env.run(until=q.idle_event())
        due.append(round(env.now - start, 6))
        q.done(got[0])
    assert due == [0.75, 1.5, 3.0]
    q.forget(1)
    start = env.now
    q.add_rate_limited(1)
    while q.take() is None:
        env.run(until=q.idle_event())
    assert round(env.now - start, 6) == 0.75
