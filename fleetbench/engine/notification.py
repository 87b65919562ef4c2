"""Events that a reconcile posts to notification-controller: while that takes none, each of them holds the worker.

Source: fluxcd/pkg runtime v0.110.1 events/recorder.go AnnotatedEventf (the post is part of the reconcile; trace events go
to Kubernetes alone) and NewRecorder (5 s a try); hashicorp/go-retryablehttp v0.7.8 client.go Do, DefaultBackoff.
"""

from __future__ import annotations

from collections.abc import Iterator

import simpy

from fleetbench.model.parameters import EVENT_RETRIES_S, EVENT_TRY_S

SYN_S = 1.0
"""After what time the SYN of a try is sent again, the first four times (Linux 6.5 and later, tcp_syn_linear_timeouts)."""
REFUSALS, REFUSED_EVERY_S = 6.0, 1.0


class Refusals:
    """A pod's connections that a node refuses at once; of more than a few the kernel says nothing, and they go on trying.

    kube-proxy rejects what goes to a Service without endpoints, which is an ICMP message; Linux sends one a second to a
    pod, and up to six at once.

    Source: Kubernetes v1.34.4 pkg/proxy/iptables/proxier.go ("has no endpoints"); Linux v6.12 net/ipv4/icmp.c
    icmpv4_xrlim_allow, net/ipv4/inetpeer.c inet_peer_xrlim_allow (icmp_ratelimit 1000, XRLIM_BURST_FACTOR 6).
    """

    __slots__ = ("_at_s", "_left")

    def __init__(self) -> None:
        self._left, self._at_s = REFUSALS, 0.0

    def at_once(self, now_s: float) -> bool:
        """Whether a SYN that comes now is told that it is refused."""
        self._left = min(self._left + (now_s - self._at_s) / REFUSED_EVERY_S, REFUSALS)
        self._at_s = now_s
        told = self._left >= 1.0
        if told:
            self._left -= 1.0
        return told


def until_taken(env: simpy.Environment, taken_from_s: float, refusals: Refusals) -> Iterator[simpy.Event]:
    """One event, from its first try until it is taken or given up."""
    for wait_s in (*EVENT_RETRIES_S, 0.0):
        ends_s = env.now + EVENT_TRY_S
        while env.now < ends_s:
            if env.now >= taken_from_s:
                return
            if refusals.at_once(env.now):
                break
            yield env.timeout(SYN_S)
        yield env.timeout(wait_s)
