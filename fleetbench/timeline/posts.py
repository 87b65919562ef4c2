"""Events that notification-controller did not take: how long one was posted in vain before the row that followed it.

No row tells of them. Each is tried for 15 s at least and for 40 s at most before it is given up, so what lasts shorter held none.

Source: as ``engine/notification.py``.
"""

from __future__ import annotations

from fleetbench.model.parameters import EVENT_GIVEN_UP_S, EVENT_LONGEST_S, EVENT_RETRIES_S, Parameters

ROUNDING_S = 0.05


def posted_s(parameters: Parameters, from_s: float, to_s: float, other_s: float) -> float:
    """Seconds, right before ``to_s``, of a stretch that ended with an event, that the event took; 0 = it was taken at once.

    Args:
        parameters: the flags of who posted it.
        from_s: where the stretch begins.
        to_s: where it ends: the row that the event held up.
        other_s: how long what the stretch is of lasts at most, if the event can have taken the rest.
    """
    refused_s, lasted_s = parameters.events_refused_s, to_s - from_s
    # Whoever still posts when events come to be taken gets rid of its own at the next try.
    if not refused_s or to_s >= refused_s + EVENT_RETRIES_S[-1]:
        return 0.0
    if lasted_s < EVENT_GIVEN_UP_S - ROUNDING_S:
        return 0.0 if to_s < refused_s else lasted_s
    return min(max(EVENT_GIVEN_UP_S, lasted_s - other_s), EVENT_LONGEST_S)
