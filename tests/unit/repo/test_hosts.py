"""Services that texts name as hosts, told from words."""

from __future__ import annotations

import base64

import pytest

from fleetbench.graph.objects import RUN_TIME
from fleetbench.repo.needs.hosts import hosts_in
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, ks_id, obj, release

KNOWN = {"db", "cache", "db.prod", "db.prod.svc.cluster.local"}


@pytest.mark.parametrize(
    "text",
    [
        "db",
        "postgres://db:5432/web",
        "postgres://user:secret@db/web",
        "jdbc:postgresql://db:5432/web?ssl=false",
        "http://cache-proxy,cache;db:80",
        "db:5432",
        "--db-host=db",
        "db.prod.svc.cluster.local",
        "see http://db.prod.svc.cluster.local/health for more",
        "cache: {host: db, port: 6379}",
        "a: 1\nhost: db\nb: 2\n",
        "a: 1\nhosts:\n  - db\n",
        '{"host": "db", "port": 1}',
        "[redis]\nhost = db\n",
        "DB_HOST=db\r\nDB_PORT=5432\r\n",
        "host=db port=5432 user=web",
        "replicaof db 6379",
        "upstream x { server db; }",
        "DB",
        "tcp://db:${PORT}",
    ],
)
def test_a_host_is_found_where_a_client_would_look_for_it(text: str) -> None:
    assert any(host.startswith("db") for host in hosts_in(text, KNOWN.__contains__))


@pytest.mark.parametrize(
    "text",
    [
        "the db of the shop",
        "db: postgres",
        "db=1",
        '"db": {"size": 3}',
        "my-db",
        "db-1:5432",
        "http://db.example.com:8080",
        "db_host: x",
        "redis://other:6379/0/cache",
        "cache://other",
    ],
)
def test_a_word_or_a_key_is_no_host(text: str) -> None:
    assert list(hosts_in(text, KNOWN.__contains__)) == []


def test_on_a_command_line_every_word_may_be_one() -> None:
    text = "until pg_isready -h db -p 5432; do sleep 1; done"
    assert list(hosts_in(text, KNOWN.__contains__, words=True)) == ["db"]
    assert list(hosts_in(text, KNOWN.__contains__)) == []


def service(name: str, namespace: str = "x") -> str:
    return obj("v1", "Service", name, namespace=namespace, spec={"ports": [{"port": 1}]})


def deployment(**container: object) -> str:
    spec = {"template": {"spec": {"containers": [{"name": "db", "image": "db:5432", **container}]}}}
    return obj("apps/v1", "Deployment", "web", namespace="x", spec=spec)


def named(read: Read, b: str, a: str | None = None) -> list[str]:
    """The Services that Kustomization b (and what it holds) names."""
    both_there = both(flux("a", "./a"), flux("b", "./b"))
    fleet = read({"clusters/c/all.yaml": both_there, "a/a.yaml": a or service("db"), "b/b.yaml": b}).fleet
    found = [n for o in fleet.services() if o.id != ks_id("a") for n in o.needs if n.blocks == RUN_TIME]
    return [f"{n.what} of {n.provided_by}" for n in found]


A = "Service x/db of Kustomization/flux-system/a"


@pytest.mark.parametrize(
    "b",
    [
        deployment(env=[{"name": "DB_URL", "value": "postgres://db:5432/web"}]),
        deployment(env=[{"name": "DB_HOST", "value": "db"}]),
        deployment(args=["--wait-for", "db"]),
        deployment(command=["sh", "-c", "nc -z db 5432"]),
        config_map("web", "x", **{"config.yaml": "database: {host: db}\n"}),
        config_map("web", "y", HOST="db.x.svc.cluster.local"),
        config_map("web", "y", HOST="db.x"),
        config_map("web", "y", HOST="db-0.db.x.svc"),
        obj("v1", "Secret", "web", namespace="x", stringData={"URL": "mysql://db"}),
        obj("v1", "Secret", "web", namespace="x", data={"URL": base64.b64encode(b"mysql://u:p@db/web").decode()}),
        release("web", namespace="x", values={"postgres": {"host": "db"}}),
        release("web", namespace="x", values={"env": [{"name": "A", "value": "http://db:80"}]}),
        obj(
            "networking.k8s.io/v1",
            "Ingress",
            "web",
            namespace="x",
            spec={"rules": [{"http": {"paths": [{"path": "/", "backend": {"service": {"name": "db"}}}]}}]},
        ),
    ],
)
def test_who_names_a_service_of_another_needs_it_at_run_time(read: Read, b: str) -> None:
    assert named(read, b) == [A]


@pytest.mark.parametrize(
    "b",
    [
        deployment(),
        config_map("web", "y", HOST="db"),
        release("web", namespace="x", values={"image": {"repository": "db", "tag": "1"}, "database": "db"}),
        both(service("db"), service("db", "y"), config_map("web", "y", HOST="db")),
    ],
)
def test_an_image_a_database_and_a_host_of_another_namespace_are_none(read: Read, b: str) -> None:
    assert named(read, b) == []


def test_a_chart_that_is_not_rendered_brings_services_called_after_its_release(read: Read) -> None:
    a = both(release("redis", namespace="x"), release("pg", namespace="x", targetNamespace="data"))
    b = config_map("web", "x", A="redis-master:6379", B="pg-rw.data:5432", C="data-pg.data:5432", D="redisinsight:80")
    assert named(read, b, a) == [
        "Service x/redis-master of HelmRelease/x/redis",
        "Service data/pg-rw of HelmRelease/x/pg",
    ]


def test_an_operators_resource_brings_services_called_after_it(read: Read) -> None:
    cluster = obj("postgresql.cnpg.io/v1", "Cluster", "pg", namespace="x", spec={"instances": 1})
    assert named(read, config_map("web", "x", HOST="pg-rw"), cluster) == [
        "Service x/pg-rw of Kustomization/flux-system/a"
    ]


def test_what_a_kustomization_brings_itself_or_with_it_is_no_need(read: Read) -> None:
    b = both(service("own"), release("redis", namespace="x"), config_map("web", "x", A="own:80", B="redis:6379"))
    assert named(read, b) == []
