"""The kubernetes client, narrowed to what measuring needs; only this and :mod:`fleetbench.measure.connect` import it."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from fleetbench.measure.connect import Heard, connect, one_line
from fleetbench.measure.kinds import WatchedKind
from fleetbench.measure.protocols import Disconnected, Forbidden, Gone, Manifest, NotServed, Unauthenticated

WATCH_S = 50
"""How long the server keeps a stream open; then it is taken up again."""
CONNECT_S, READ_S = 5, WATCH_S + 15
"""A stream that is silent for READ_S, bookmarks and its regular end included, is dead."""
PAGE = 500
LIST = "list and watch"
_NODES = WatchedKind("Node", "", "nodes", version="v1")


class KubernetesApi:
    """A cluster, by kubeconfig file and context.

    Args:
        kubeconfig: the file; None = as kubectl finds it (KUBECONFIG, ~/.kube/config), or the pod's service account.
        context: the context in it; None = the current one.

    Raises:
        EnvironmentLacks: no kubeconfig, no such context in it, or no credentials for it.
    """

    name: str
    """As messages call it."""

    def __init__(self, kubeconfig: Path | None = None, context: str | None = None):
        from kubernetes import client

        self._heard = Heard()
        # Whoever hears it keeps it off the terminal, where the client would set up a handler of its own.
        logging.getLogger().addHandler(self._heard)
        try:
            settings, self.name = connect(kubeconfig, context, self._heard)
        except BaseException:
            logging.getLogger().removeHandler(self._heard)
            raise
        self._client = client.ApiClient(settings)
        self._core = client.CoreV1Api(self._client)
        self._custom = client.CustomObjectsApi(self._client)
        self._versions: dict[str, str] | None = None
        self._streams: set[Any] = set()
        self._ended = False

    # --- watching --------------------------------------------------------------------------------------------

    def list(self, kind: WatchedKind) -> tuple[list[Manifest], str]:
        """All objects of a kind and the list's resourceVersion (see ClusterApi)."""
        items: list[Manifest] = []
        more: dict[str, Any] = {"limit": PAGE}
        while True:
            page = self._read(kind, **more)
            items += page.get("items") or []
            meta = page.get("metadata") or {}
            if not meta.get("continue"):
                return items, meta.get("resourceVersion", "")
            more = {"limit": PAGE, "_continue": meta["continue"]}

    def watch(self, kind: WatchedKind, resource_version: str) -> Iterator[tuple[str, Manifest]]:
        """Changes of a kind after a resourceVersion (see ClusterApi)."""
        from kubernetes.watch import watch

        response = None
        try:
            with _translated(kind, self.name):
                response = self._call(
                    kind,
                    watch=True,
                    resource_version=resource_version,
                    allow_watch_bookmarks=True,
                    timeout_seconds=WATCH_S,
                )
                self._streams.add(response)
                if self._ended:
                    return
                for line in watch.iter_resp_lines(response):  # type: ignore[no-untyped-call,unused-ignore]
                    if not line:
                        continue
                    change = json.loads(line)
                    if change["type"] == "ERROR":
                        raise _api_error(kind, change["object"], self.name)
                    yield change["type"], change["object"]
        finally:
            if response is not None:
                self._streams.discard(response)
                response.close()
                response.release_conn()

    def end_streams(self) -> None:
        """End every stream that is open (see ClusterApi)."""
        self._ended = True
        for response in list(self._streams):
            # Its reader is in the middle of a read; one that ended meanwhile has no socket left.
            with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):
                response.shutdown()

    def _read(self, kind: WatchedKind, **query: Any) -> dict[str, Any]:
        with _translated(kind, self.name):
            response = self._call(kind, **query)
            document: dict[str, Any] = json.loads(response.data)
            return document

    def _call(self, kind: WatchedKind, **query: Any) -> Any:
        query |= {"_preload_content": False, "_request_timeout": (CONNECT_S, READ_S)}
        if not kind.group:
            if kind.plural == "nodes":
                return self._core.list_node(**query)
            return self._core.list_pod_for_all_namespaces(**query)
        version = kind.version or self._version(kind)
        return self._custom.list_cluster_custom_object(kind.group, version, kind.plural, **query)

    def _version(self, kind: WatchedKind) -> str:
        if self._versions is None:
            from kubernetes import client

            response: Any = client.ApisApi(self._client).get_api_versions(
                _preload_content=False, _request_timeout=(CONNECT_S, 20)
            )
            groups = json.loads(response.data).get("groups") or []
            self._versions = {g["name"]: g["preferredVersion"]["version"] for g in groups}
        if kind.group not in self._versions:
            found, self._versions = kind.group, None  # it may be installed a moment later
            raise NotServed(f"the cluster serves no {found}")
        return self._versions[kind.group]

    # --- the rest --------------------------------------------------------------------------------------------

    def create(self, kind: WatchedKind, body: Manifest, *, dry_run: bool = False) -> None:
        """Create one object in the namespace that its metadata names; one that exists already is left as it is.

        Args:
            kind: its kind.
            body: the object.
            dry_run: only let the API server say whether it would.

        Raises:
            Disconnected, Forbidden, NotServed: see there.
        """
        from kubernetes.client.exceptions import ApiException

        group, _, version = str(body["apiVersion"]).rpartition("/")
        namespace = body["metadata"]["namespace"]
        query: dict[str, Any] = {"_request_timeout": (CONNECT_S, 30)} | ({"dry_run": "All"} if dry_run else {})
        with _translated(kind, self.name, f"create in namespace {namespace}"):
            try:
                self._custom.create_namespaced_custom_object(
                    group, version, namespace, kind.plural, dict(body), **query
                )
            except ApiException as error:
                if error.status != 409:
                    raise

    def api_version(self, kind: WatchedKind) -> str:
        """``group/version`` as the cluster prefers it.

        Raises:
            NotServed: the cluster does not know the group.
        """
        with _translated(kind, self.name):
            return f"{kind.group}/{kind.version or self._version(kind)}"

    def server_version(self) -> str:
        """The API server's version: ``v1.34.4``.

        Raises:
            Disconnected: it does not answer.
        """
        from kubernetes import client

        with _translated(_NODES, self.name):
            return str(client.VersionApi(self._client).get_code(_request_timeout=(CONNECT_S, 10)).git_version)

    def server_time_s(self) -> float:
        """The API server's clock, in seconds since 1970, to half a second: the ``Date`` of an answer.

        Raises:
            Disconnected: it does not answer, or not with a date.
        """
        from kubernetes import client

        with _translated(_NODES, self.name):
            answer: Any = client.VersionApi(self._client).get_code(
                _preload_content=False, _request_timeout=(CONNECT_S, 10)
            )
            # Whole seconds, cut off.
            return parsedate_to_datetime(answer.headers.get("Date") or "").timestamp() + 0.5

    def nodes(self) -> Sequence[Manifest]:
        """All nodes.

        Raises:
            Disconnected, Forbidden: see there.
        """
        return self.list(_NODES)[0]

    def stats_summary(self, node: str) -> Manifest:
        """The kubelet's ``/stats/summary`` of a node: memory and CPU of every container.

        Raises:
            Disconnected, Forbidden, NotServed: see there.
        """
        with _translated(WatchedKind("Node", "", "nodes/proxy"), self.name, "get"):
            response: Any = self._core.connect_get_node_proxy_with_path(
                node, "stats/summary", _preload_content=False, _request_timeout=(CONNECT_S, 20)
            )
            document: Manifest = json.loads(response.data)
            return document

    def close(self) -> None:
        """Close the connections."""
        logging.getLogger().removeHandler(self._heard)
        self._client.close()  # type: ignore[no-untyped-call,unused-ignore]


@contextlib.contextmanager
def _translated(kind: WatchedKind, at: str, verb: str = LIST) -> Iterator[None]:
    """Turn the client's and urllib3's errors into those of the protocol, which name the cluster."""
    import http.client

    import urllib3
    from kubernetes.client.exceptions import ApiException

    try:
        yield
    except ApiException as error:
        raise _api_error(kind, {"code": error.status, "message": _said(error)}, at, verb) from error
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
        raise Disconnected(f"{kind.resource} of {at}: {_cause(error)}") from error
    except ValueError as error:  # half a line of JSON: the stream was cut
        raise Disconnected(f"{kind.resource} of {at}: {one_line(error)}") from error


def _said(error: Any) -> str:
    """What the API server says of a refusal: the message of its Status."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason or "")


def _cause(error: BaseException) -> str:
    """Why a connection failed, in the words of the system where it has some."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, OSError) and at.strerror:
            return one_line(at.strerror)
        at = at.__cause__ or at.__context__
    return type(error).__name__


def _api_error(kind: WatchedKind, status: dict[str, Any], at: str, verb: str = LIST) -> Exception:
    code, message = status.get("code"), status.get("message") or ""
    if code == 410:
        return Gone(message)
    if code == 401:
        return Unauthenticated(f"not authenticated (401) at {at}")
    if code == 403:
        return Forbidden(f"{verb} {kind.resource}")
    if code == 404:
        return NotServed(f"the cluster serves no {kind.resource}")
    return Disconnected(f"{kind.resource} of {at}: HTTP {code} {one_line(message)}")
