"""Which sources a Receiver notifies, and that it is said where a commit is simulated without one."""

from __future__ import annotations

import json

from fleetbench.graph.document import read_document, to_document
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import GIT_REPOSITORY, ObjectId
from fleetbench.model.assemble import Choice
from fleetbench.model.scenario import COMMIT
from fleetbench.prediction.strategies import predict_strategies
from fleetbench.report.prediction import tables
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, git, obj


def _receiver(name: str, namespace: str = "flux-system") -> str:
    resources = [{"kind": "Kustomization", "name": "a"}, {"kind": GIT_REPOSITORY, "name": name}]
    spec = {"type": "github", "secretRef": {"name": "token"}, "resources": resources}
    return obj("notification.toolkit.fluxcd.io/v1", "Receiver", "r", namespace=namespace, spec=spec)


def _fleet(read: Read, receiver: str) -> Fleet:
    files = {"clusters/c/all.yaml": both(flux("a", "./a"), git()), "a/m.yaml": config_map("m", "flux-system")}
    return read({**files, "clusters/c/receiver.yaml": receiver}).fleet


def _notified(fleet: Fleet) -> str | None:
    source = fleet.source(ObjectId(GIT_REPOSITORY, "flux-system", "flux-system"))
    assert source is not None
    return source.notified_by


def test_a_receiver_notifies_what_it_names(read: Read) -> None:
    fleet = _fleet(read, _receiver("flux-system"))
    assert _notified(fleet) == "clusters/c/receiver.yaml:1"
    assert _notified(read_document(json.dumps(to_document(fleet)), "g")) == "clusters/c/receiver.yaml:1"
    assert _notified(_fleet(read, _receiver("*"))) is not None
    assert _notified(_fleet(read, _receiver("flux-system", "hooks"))) is None, "another namespace's"


def test_a_commit_without_webhook_says_that_a_receiver_is_there(read: Read) -> None:
    fleet = _fleet(read, _receiver("flux-system"))

    def said(webhook: bool) -> bool:
        parts = tables(predict_strategies(fleet, Choice(kind=COMMIT, webhook=webhook), "fine", 1))
        return any("Receiver (clusters/c/receiver.yaml:1) notifies GitRepository" in str(part) for part in parts)

    assert said(False) and not said(True)
