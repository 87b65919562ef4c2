"""Profiles and durations files: what is read, and what a mistake in one says."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fleetbench.errors import InputError
from fleetbench.ids import ObjectId
from fleetbench.model.distributions import Empirical, Fixed, LogNormal
from fleetbench.model.profile import load_durations, load_profile, repository

TRAEFIK = ObjectId("Kustomization", "flux-system", "traefik")


@pytest.fixture
def write(tmp_path):
    def _write(text, name="file.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("12.5", Fixed(12.5)),
        ("1m30s", Fixed(90.0)),
        ("0", Fixed(0.0)),
        ("{p50_s: 10, p90_s: 30}", LogNormal(10, 30)),
        ("{p50_s: 10s, p90_s: 1m}", LogNormal(10, 60)),
        ("{p50_s: 0, p90_s: 0}", Fixed(0.0)),
        ("[3, 1s, 2]", Empirical((1.0, 2.0, 3.0))),
    ],
)
def test_a_duration_is_seconds_a_go_duration_two_quantiles_or_samples(write, value, wanted):
    assert load_durations(write(f"flux-system/traefik: {value}\n")) == {TRAEFIK: wanted}


def test_an_object_without_a_kind_is_a_kustomization(write):
    found = load_durations(write("flux-system/a: 1\nHelmRelease/x/b: 2\n"))
    assert [str(id) for id in found] == ["Kustomization/flux-system/a", "HelmRelease/x/b"]


def test_json_is_read_as_yaml_is(write):
    assert load_durations(write('{"flux-system/traefik": {"p50_s": 1, "p90_s": 2}}', "d.json")) == {
        TRAEFIK: LogNormal(1, 2)
    }


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a/b: 1\na/c: -5\n", 2, ["a/c", "got -5", "not negative"]),
        ("a/b: -5s\n", 1, ["got '-5s'", "not negative"]),
        ("a/b: soon\n", 1, ["got 'soon'", "1m30s"]),
        ("a/b: true\n", 1, ["got True", "1m30s"]),
        ("a/b: .nan\n", 1, ["finite"]),
        ("a/b: .inf\n", 1, ["finite"]),
        ("a/b:\n", 1, ["got nothing"]),
        ("a/b: []\n", 1, ["got samples none", "at least one"]),
        ("a/b: {p50_s: 3}\n", 1, ["got p50_s", "both p50_s and p90_s"]),
        ("a/b: {p50_s: 3, p90_s: 1}\n", 1, ["got p90 1", "at least p50"]),
        ("a/b: {p50_s: 3, p90: 1}\n", 1, ["the key 'p90'", "did you mean"]),
        ("a/b: [1, [2]]\n", 1, ["a/b[1]", "got a list"]),
        ("traefik: 1\n", 1, ["got traefik", "ns/name"]),
        ("a/b: 1\na/b: 2\n", 2, ["the key 'a/b' again"]),
        ("a/b: 1\nKustomization/a/b: 2\n", 2, ["Kustomization/a/b again"]),
        ("- a/b\n", 1, ["got a list", "a mapping"]),
        ("a/b: [1, 2\n", 2, ["well-formed YAML"]),
        ("a: {? [x] : 1}\n", 1, ["as a key"]),
        ("format_version: 1\nobjects: {}\n", 1, ["got a profile", "--profile"]),
        ("a/b: 1\n--- \na/c: 2\n", 2, ["another document"]),
    ],
)
def test_a_mistake_names_file_line_got_and_wanted(write, text, line, said):
    path = write(text)
    with pytest.raises(InputError) as error:
        load_durations(path)
    shown = error.value.message + (error.value.hint or "")
    assert shown.startswith(f"{path}:{line}: ")
    for part in said:
        assert part in shown


def test_a_yaml_bomb_is_refused_before_it_grows(write):
    levels = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(InputError, match="more than 500000 values"):
        load_durations(write("\n".join(levels)))


@pytest.mark.parametrize("text", ["&a [*a]", "[" * 5000], ids=["holds itself", "nested"])
def test_endless_nesting_is_refused(write, text):
    with pytest.raises(InputError):
        load_durations(write(text))


def test_a_binary_file_is_refused(write):
    with pytest.raises(InputError, match="no UTF-8"):
        load_durations(write(b"\xff\xfe\x00\x01"))


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_durations(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="a folder"):
        load_durations(tmp_path)


def test_an_unknown_profile_names_the_shipped_ones():
    with pytest.raises(InputError, match="default or short") as error:
        load_profile("defualt")
    assert error.value.hint == "did you mean default?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("charts: {}\n", "no format_version"),
        ("format_version: 2\n", "format_version: got 2"),
        ("format_version: 1\nchart: {}\n", "the key 'chart'"),
        ("format_version: 1\nkinds: {Job: }\n", "kinds.Job: got nothing, wanted a mapping with"),
        ("format_version: 1\nkinds: {Job: soon}\n", "kinds.Job: got 'soon', wanted seconds"),
        ("format_version: 1\nkinds: {Job: {p50_s: 3}}\n", "kinds.Job: got p50_s, wanted both p50_s and p90_s"),
        ("format_version: 1\ncharts: {loki: {}}\n", "charts.loki: got neither, wanted either ready or total"),
        ("format_version: 1\ncharts: {loki: {ready: 1, total: 2}}\n", "got both"),
        ("format_version: 1\ncharts: {loki: {redy: 1}}\n", "the key 'redy'"),
        ("format_version: 1\nkinds: {Job: {ready: 1, hook: 2}}\n", "the key 'hook'"),
        ("format_version: 1\ncharts: {loki: {ready: 1, images: x}}\n", "charts.loki.images: got 'x', wanted a list"),
        ("format_version: 1\ncharts: {loki: {ready: 1, guess: 1}}\n", "wanted true or false"),
        ("format_version: 1\nimages: {x: {compressed_mb: 10MB}}\n", "images.x.compressed_mb: got '10MB'"),
        ("format_version: 1\npull: {bandwidth_mb_s: 0}\n", "MB/s above zero"),
        ("format_version: 1\nnodes: {count: 0}\n", "at least 1"),
        (
            "format_version: 1\ncontroller_manager: {qps: 50}\n",
            "controller_manager: got no burst, wanted qps and burst",
        ),
        ("format_version: 1\ncontroller_manager: {qps: 0, burst: 1}\n", "controller_manager.qps: got 0"),
        ("format_version: 1\nfetch: {GitRepo: 1}\n", "fetch.GitRepo: got the key 'GitRepo', wanted one of"),
        ("format_version: 1\nfetch: {GitRepository: {source: x}}\n", "fetch.GitRepository: got none, wanted seconds"),
        ("format_version: 1\nsteps: {build: {p50_s: -1}}\n", "steps.build.p50_s: got -1"),
        (
            "format_version: 1\nsteps: {build: {p50_s: x}}\n",
            "file.yaml:2: steps.build.p50_s: got 'x', wanted a number from 0",
        ),
        (
            "format_version: 1\nsteps:\n  buidl: 1\n",
            "file.yaml:3: steps.buidl: got the key 'buidl', wanted one of apply,",
        ),
        (
            "format_version: 1\nsteps: {build: []}\n",
            "steps.build: got a list, wanted a number from 0 to 3600, or {p50_s",
        ),
        ("format_version: 1\nsteps: {build: {sigma: 1}}\n", "file.yaml:2: steps.build: got sigma, wanted p50_s"),
        (
            "format_version: 1\nsteps: {overlap: 99}\n",
            "file.yaml:2: steps.overlap: got 99, wanted a number from 0 to 10",
        ),
        ("format_version: 1\nobjects: {a: 1}\n", "got a, wanted ns/name"),
    ],
)
def test_a_mistake_in_a_profile_names_its_place(write, text, said):
    with pytest.raises(InputError) as error:
        load_profile(write(text))
    assert said in error.value.message


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("60", Fixed(60.0)),
        ("1m", Fixed(60.0)),
        ("{p50_s: 5, p90_s: 9}", LogNormal(5, 9)),
        ("[1, 2]", Empirical((1, 2))),
    ],
)
def test_a_chart_a_kind_or_an_image_that_is_only_a_time_takes_that_in_all(write, value, wanted):
    text = "format_version: 1\n" + "".join(f"{section}: {{a: {value}}}\n" for section in ("charts", "kinds", "images"))
    profile = load_profile(write(text))
    assert [found["a"].total for found in (profile.charts, profile.kinds, profile.images)] == [wanted] * 3


def test_a_profile_laid_over_another_keeps_what_it_does_not_say(write):
    base = load_profile(
        write(
            "format_version: 1\nkinds: {Job: {ready: 1}, Pod: {ready: 2}}\nsteps: {apply: {p50_s: 1, sigma: 2}, build: 3}\n",
            "a.yaml",
        )
    )
    top = load_profile(write("format_version: 1\nkinds: {Job: {ready: 9}}\nsteps: {apply: {p50_s: 7}}\n", "b.yaml"))
    merged = top.over(base)
    assert merged.kinds["Job"].ready == Fixed(9.0) and merged.kinds["Pod"].ready == Fixed(2.0)
    assert merged.steps == {"apply": {"p50_s": 7, "sigma": 2}, "build": 3}


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("redis", "redis"),
        ("docker.io/library/redis:7", "redis"),
        ("grafana/grafana:13.0.1@sha256:abc", "grafana/grafana"),
        ("index.docker.io/grafana/grafana", "grafana/grafana"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b"),
        ("quay.io/prometheus/prometheus:v3", "quay.io/prometheus/prometheus"),
    ],
)
def test_an_image_is_known_by_its_repository(image, name):
    assert repository(image) == name


number = st.floats(min_value=1e-3, max_value=1e4)
values = st.one_of(
    st.builds(Fixed, number),
    st.builds(lambda p, r: LogNormal(p, p * r), number, st.floats(1, 100)),
    st.builds(lambda s: Empirical(tuple(s)), st.lists(number, min_size=1, max_size=9)),
)
names = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
objects = st.builds(ObjectId, st.sampled_from(["Kustomization", "HelmRelease"]), names, names)


@given(times=st.dictionaries(objects, values, max_size=6), as_json=st.booleans())
def test_durations_survive_writing_and_reading(tmp_path_factory, times, as_json):
    document = {str(id): value.to_json() for id, value in times.items()}
    path = tmp_path_factory.mktemp("durations") / "d"
    path.write_text(json.dumps(document) if as_json else yaml.safe_dump(document))
    assert load_durations(path) == times
