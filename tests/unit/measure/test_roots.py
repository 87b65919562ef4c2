"""The two objects that start a rollout: as the repository holds them, so that the root's first apply changes nothing."""

import pytest
import yaml

from fleetbench.errors import InputError
from fleetbench.ids import GIT_REPOSITORY, ObjectId
from fleetbench.measure.roots import root_objects
from fleetbench.measure.served import point_at_served
from fleetbench.measure.subject import held
from fleetbench.repo import read_repository

URL = "http://192.0.2.1/x.git"
SYNC = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system, labels: {team: platform}}
spec:
  interval: 60s
  timeout: 90s
  url: ssh://git@example.com/fleet
  ref: {branch: production}
  ignore: "/docs"
  secretRef: {name: flux-system}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 600s
  retryInterval: 90s
  path: ./clusters/dev
  prune: false
  serviceAccountName: deployer
  decryption: {provider: sops, secretRef: {name: age}}
  patches:
    - target: {kind: ConfigMap}
      patch: '[{"op": "add", "path": "/metadata/labels", "value": {"x": "y"}}]'
  postBuild:
    substitute: {ENV: dev}
  sourceRef: {kind: GitRepository, name: flux-system}
"""


@pytest.fixture(params=["kustomization.yaml", "plain files"])
def repo(request, tmp_path):
    entry = tmp_path / "repo" / "clusters" / "dev"
    entry.mkdir(parents=True)
    (entry / "sync.yaml").write_text(SYNC)
    if request.param == "kustomization.yaml":
        (entry / "kustomization.yaml").write_text("resources: [sync.yaml]\n")
    return tmp_path / "repo"


def written(repo):
    return list(yaml.safe_load_all((repo / "clusters" / "dev" / "sync.yaml").read_text()))


def test_the_root_is_created_as_the_repository_has_it_to_the_letter(repo):
    reading = read_repository(repo, "clusters/dev")
    source, root = root_objects(reading.fleet, URL, {}, held(reading))
    assert root["spec"] == written(repo)[1]["spec"]
    assert root["spec"]["prune"] is False and root["spec"]["interval"] == "600s"
    assert source["spec"] == {
        "interval": "60s",
        "timeout": "90s",
        "ignore": "/docs",
        "url": URL,
        "ref": {"branch": "main"},
    }
    assert source["metadata"]["labels"] == {"team": "platform"}


def test_what_the_root_then_applies_to_itself_is_the_same(repo):
    reading = read_repository(repo, "clusters/dev")
    created = root_objects(reading.fleet, URL, {}, held(reading))
    point_at_served(repo, reading.fleet, URL)
    applied = held(read_repository(repo, "clusters/dev"))
    for object in created:
        id = ObjectId(object["kind"], "flux-system", "flux-system")
        assert applied[id]["spec"] == object["spec"]


def test_on_a_cluster_that_is_there_the_source_is_created_as_it_stands_too(repo):
    reading = read_repository(repo, "clusters/dev")
    assert [o["spec"] for o in root_objects(reading.fleet, None, {}, held(reading))] == [
        o["spec"] for o in written(repo)
    ]


def test_a_root_that_takes_part_in_its_own_substitution_is_created_as_it_applies_itself(repo):
    file = repo / "clusters" / "dev" / "sync.yaml"
    file.write_text(SYNC.replace("serviceAccountName: deployer", "serviceAccountName: deployer-${ENV}"))
    reading = read_repository(repo, "clusters/dev")
    _, root = root_objects(reading.fleet, URL, {}, held(reading))
    assert root["spec"]["serviceAccountName"] == "deployer-dev"


def test_a_root_that_no_file_holds_is_written_and_one_whose_source_is_missing_needs_an_address(tmp_path):
    entry = tmp_path / "repo" / "clusters" / "dev"
    entry.mkdir(parents=True)
    (entry / "x.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: default}\n")
    reading = read_repository(tmp_path / "repo", "clusters/dev")
    source, root = root_objects(reading.fleet, URL, {}, held(reading))
    assert (source["kind"], source["spec"]["url"]) == (GIT_REPOSITORY, URL)
    assert root["spec"]["path"] == "./clusters/dev"
    with pytest.raises(InputError, match="is in no file of the repository"):
        root_objects(reading.fleet, None, {}, held(reading))
