"""Which kinds an account may read, asked before anything is recorded."""

from __future__ import annotations

from collections.abc import Iterable

from fleetbench.errors import EnvironmentLacks
from fleetbench.measure.kinds import WATCHED, WatchedKind
from fleetbench.measure.protocols import ClusterApi, Disconnected, Forbidden, Manifest, NotServed, Unauthenticated

RBAC_HINT = "`fleetbench measure --print-rbac` prints a ClusterRole that suffices"

LOGIN_HINT = "has the token run out? Log in again; `kubectl auth whoami` says whom the cluster takes you for"


def readable(
    api: ClusterApi, kinds: Iterable[WatchedKind] = WATCHED
) -> tuple[dict[WatchedKind, list[Manifest]], list[str]]:
    """List every kind once.

    Returns:
        Kind -> its objects, for those that can be read; and what is missing, for people.

    Raises:
        EnvironmentLacks: the cluster does not answer, has no Flux, or a kind that nothing goes without may not be read.
    """
    found: dict[WatchedKind, list[Manifest]] = {}
    forbidden: list[WatchedKind] = []
    for kind in kinds:
        try:
            found[kind] = api.list(kind)[0]
        except Unauthenticated as error:
            raise EnvironmentLacks(str(error), LOGIN_HINT) from error
        except Forbidden:
            forbidden.append(kind)
        except NotServed:
            if kind.required:
                raise EnvironmentLacks(
                    f"the cluster serves no {kind.resource}", "install Flux in it: `flux install`"
                ) from None
        except Disconnected as error:
            raise EnvironmentLacks(
                f"the cluster does not answer: {error}", "is it up, and reachable from here?"
            ) from error
    if any(kind.required for kind in forbidden):
        named = ", ".join(kind.resource for kind in forbidden)
        raise EnvironmentLacks(f"no permission to list and watch in all namespaces: {named}", RBAC_HINT)
    return found, [f"no permission to list and watch {kind.resource}: left out" for kind in forbidden]
