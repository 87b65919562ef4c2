"""Which cluster a kubeconfig names, how messages call it, and whether there are credentials for it."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any, NamedTuple

from fleetbench.errors import EnvironmentLacks

_NO_PROGRAM = re.compile(r"\[Errno 2\][^']*'([^']+)'")
LONGEST = 300
"""Characters of what somebody else says in a message of ours."""


class Connection(NamedTuple):
    """A cluster that can be asked."""

    settings: Any
    """The client's ``Configuration``."""
    name: str
    """``context kind-x (https://127.0.0.1:6443)``."""


class Heard(logging.Handler):
    """Hears what the client only logs: without credentials it goes on as nobody (kube_config.py _load_from_exec_plugin)."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.lines.append(record.getMessage())


def connect(kubeconfig: Path | None, context: str | None, heard: Heard) -> Connection:
    """Load a kubeconfig, and the credentials in it.

    Args:
        kubeconfig: the file; None = as kubectl finds it (KUBECONFIG, ~/.kube/config), or the pod's service account.
        context: the context in it; None = the current one.
        heard: listens to the client.

    Raises:
        EnvironmentLacks: no kubeconfig, no such context in it, or its exec plugin gives no credentials.
    """
    from kubernetes import client, config

    settings = client.Configuration()
    settings.retries = False  # the watch's own loop retries, and says so
    try:
        config.load_kube_config(  # type: ignore[no-untyped-call,unused-ignore]
            config_file=None if kubeconfig is None else str(kubeconfig),
            context=context,
            client_configuration=settings,
            persist_config=False,
        )
    except config.ConfigException as error:
        if kubeconfig is None and context is None and _in_cluster(settings):
            return Connection(settings, f"the pod's service account ({settings.host})")
        raise EnvironmentLacks(
            f"no cluster to talk to: {one_line(error)}",
            "`kubectl config get-contexts` lists the contexts; name one with --context",
        ) from error
    name = f"context {context or _current(kubeconfig)} ({settings.host})"
    if heard.lines:
        raise _no_credentials(name, heard.lines[0])
    return Connection(settings, name)


def one_line(text: object, longest: int = LONGEST) -> str:
    """What somebody else says, as one line of a message."""
    shown = " ".join(str(text).split())
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


def _no_credentials(name: str, said: str) -> EnvironmentLacks:
    missing = _NO_PROGRAM.search(said)
    if missing is not None:
        return EnvironmentLacks(
            f"not authenticated: the exec plugin {missing[1]} of {name} was not found", "install it, or put it on PATH"
        )
    return EnvironmentLacks(
        f"not authenticated: the exec plugin of {name} gave no credentials: {one_line(said)}",
        "does `kubectl` get through with this context? Log in again",
    )


def _current(kubeconfig: Path | None) -> str:
    from kubernetes import config

    _, active = config.list_kube_config_contexts(  # type: ignore[no-untyped-call,unused-ignore]
        None if kubeconfig is None else str(kubeconfig)
    )
    return str(active["name"])


def _in_cluster(settings: Any) -> bool:
    from kubernetes import config

    try:
        config.load_incluster_config(  # type: ignore[no-untyped-call,unused-ignore]
            client_configuration=settings
        )
    except config.ConfigException:
        return False
    return True
