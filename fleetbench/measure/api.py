"""The kubernetes client, narrowed to what measuring needs; the only place that imports it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from fleetbench.errors import EnvironmentLacks
from fleetbench.measure.kinds import WatchedKind
from fleetbench.measure.protocols import Disconnected, Forbidden, Gone, Manifest, NotServed

WATCH_S = 50
"""How long the server keeps a stream open; then it is taken up again."""
CONNECT_S, READ_S = 5, WATCH_S + 15
"""A stream that is silent for READ_S, bookmarks and its regular end included, is dead."""
PAGE = 500
_NODES = WatchedKind("Node", "", "nodes", version="v1")


class KubernetesApi:
    """A cluster, by kubeconfig file and context.

    Args:
        kubeconfig: the file; None = as kubectl finds it (KUBECONFIG, ~/.kube/config), or the pod's service account.
        context: the context in it; None = the current one.

    Raises:
        EnvironmentLacks: no kubeconfig, or no such context in it.
    """

    def __init__(self, kubeconfig: Path | None = None, context: str | None = None):
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
                pass
            else:
                raise EnvironmentLacks(
                    f"no cluster to talk to: {error}",
                    "`kubectl config get-contexts` lists the contexts; name one with --context",
                ) from error
        self._client = client.ApiClient(settings)
        self._core = client.CoreV1Api(self._client)
        self._custom = client.CustomObjectsApi(self._client)
        self._versions: dict[str, str] | None = None

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
            with _translated(kind):
                response = self._call(
                    kind,
                    watch=True,
                    resource_version=resource_version,
                    allow_watch_bookmarks=True,
                    timeout_seconds=WATCH_S,
                )
                for line in watch.iter_resp_lines(response):  # type: ignore[no-untyped-call,unused-ignore]
                    if not line:
                        continue
                    change = json.loads(line)
                    if change["type"] == "ERROR":
                        raise _api_error(kind, change["object"])
                    yield change["type"], change["object"]
        finally:
            if response is not None:
                response.close()
                response.release_conn()

    def _read(self, kind: WatchedKind, **query: Any) -> dict[str, Any]:
        with _translated(kind):
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

    def create(self, kind: WatchedKind, body: Manifest) -> None:
        """Create one object in the namespace that its metadata names; one that exists already is left as it is.

        Raises:
            Disconnected, Forbidden, NotServed: see there.
        """
        from kubernetes.client.exceptions import ApiException

        version = str(body["apiVersion"]).rpartition("/")[2]
        namespace = body["metadata"]["namespace"]
        with _translated(kind):
            try:
                self._custom.create_namespaced_custom_object(
                    kind.group, version, namespace, kind.plural, dict(body), _request_timeout=(CONNECT_S, 30)
                )
            except ApiException as error:
                if error.status != 409:
                    raise

    def api_version(self, kind: WatchedKind) -> str:
        """``group/version`` as the cluster prefers it.

        Raises:
            NotServed: the cluster does not know the group.
        """
        with _translated(kind):
            return f"{kind.group}/{kind.version or self._version(kind)}"

    def server_version(self) -> str:
        """The API server's version: ``v1.34.4``.

        Raises:
            Disconnected: it does not answer.
        """
        from kubernetes import client

        with _translated(_NODES):
            return str(client.VersionApi(self._client).get_code(_request_timeout=(CONNECT_S, 10)).git_version)

    def server_time_s(self) -> float:
        """The API server's clock, in seconds since 1970, to half a second: the ``Date`` of an answer.

        Raises:
            Disconnected: it does not answer, or not with a date.
        """
        from kubernetes import client

        with _translated(_NODES):
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
        with _translated(WatchedKind("Node", "", "nodes/proxy")):
            response: Any = self._core.connect_get_node_proxy_with_path(
                node, "stats/summary", _preload_content=False, _request_timeout=(CONNECT_S, 20)
            )
            document: Manifest = json.loads(response.data)
            return document

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call,unused-ignore]


def _in_cluster(settings: Any) -> bool:
    from kubernetes import config

    try:
        config.load_incluster_config(  # type: ignore[no-untyped-call,unused-ignore]
            client_configuration=settings
        )
    except config.ConfigException:
        return False
    return True


@contextlib.contextmanager
def _translated(kind: WatchedKind) -> Iterator[None]:
    """Turn the client's and urllib3's errors into those of the protocol."""
    import http.client

    import urllib3
    from kubernetes.client.exceptions import ApiException

    try:
        yield
    except ApiException as error:
        raise _api_error(kind, {"code": error.status, "message": error.reason}) from error
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
        raise Disconnected(f"{kind.resource}: {type(error).__name__}") from error
    except ValueError as error:  # half a line of JSON: the stream was cut
        raise Disconnected(f"{kind.resource}: {error}") from error


def _api_error(kind: WatchedKind, status: dict[str, Any]) -> Exception:
    code, message = status.get("code"), status.get("message") or ""
    if code == 410:
        return Gone(message)
    if code in (401, 403):
        return Forbidden(f"list and watch {kind.resource}")
    if code == 404:
        return NotServed(f"the cluster serves no {kind.resource}")
    return Disconnected(f"{kind.resource}: HTTP {code} {message[:80]}")
