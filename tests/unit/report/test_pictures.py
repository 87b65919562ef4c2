"""Pictures: readable at 22 and at 200 objects, in black and white, whatever the names are."""

import pytest
from matplotlib.text import Text

import fleetbench
from fleetbench import pictures
from fleetbench.report.pictures.style import STATES, names, round_step, shorten, tick
from tests.builders import fleet, ks
from tests.unit.report import runs
from tests.unit.report.overlap import cut, overlapping


def bands(rollout):
    return {o.id: (o.at("p5"), o.at("p50"), o.at("p95")) for o in rollout.objects}


def matrix(rollout):
    return pictures.failure_matrix(fleetbench.blast_radius(rollout.fleet))


CHANGES = [
    pictures.Change("kustomize --concurrent 20", -120.0, -200.0, -100.0),
    pictures.Change(
        "a change with a name that is much longer than any axis has room for, and then some more of it", 30.0, 0.0, 61.0
    ),
    pictures.Change("drop what everything needs", float("inf"), float("-inf"), float("inf")),
    pictures.Change("nothing", 0.0),
]
DRAWN = {
    "gantt, reference fleet": lambda: pictures.gantt(runs.reference()["fine"]),
    "gantt, waves": lambda: pictures.gantt(runs.reference()["waves"]),
    "gantt, measured": lambda: pictures.gantt(runs.measured().rollout),
    "gantt, never Ready": lambda: pictures.gantt(runs.measured("fail-c4").rollout),
    "gantt, commit": lambda: pictures.gantt(runs.measured("commit-c4").rollout),
    "gantt, 200 objects": lambda: pictures.gantt(runs.large().rollout),
    "gantt, hostile": lambda: pictures.gantt(runs.hostile()["fine"]),
    "compare": lambda: pictures.compare(runs.reference().rollouts),
    "compare, measured": lambda: pictures.compare([runs.measured().rollout, runs.measured("waves-c4").rollout]),
    "band": lambda: pictures.band(bands(runs.reference()["fine"])),
    "band, 200 objects": lambda: pictures.band(bands(runs.large().rollout), [runs.large().rollout.by_id_s]),
    "predicted and measured": lambda: pictures.predicted_and_measured([fleetbench.validate(runs.measured(), 5)]),
    "dependencies": lambda: pictures.dependencies(runs.reference()["fine"].fleet, runs.reference()["fine"].durations_s),
    "dependencies, waves": lambda: pictures.dependencies(
        runs.reference()["waves"].fleet, runs.reference()["waves"].durations_s
    ),
    "dependencies, 200 objects": lambda: pictures.dependencies(
        runs.large().rollout.fleet, runs.large().rollout.durations_s
    ),
    "dependencies, hostile": lambda: pictures.dependencies(runs.hostile()["fine"].fleet),
    "totals": lambda: pictures.totals({r.label: r.totals_s for r in runs.reference().rollouts}, {"measured": 300.0}),
    "tornado": lambda: pictures.tornado(CHANGES, 484.0),
    "failure matrix": lambda: matrix(runs.reference()["fine"]),
    "failure matrix, 200 objects": lambda: matrix(runs.large().rollout),
    "failure matrix, hostile": lambda: matrix(runs.hostile()["fine"]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_no_label_is_cut_or_lies_over_another_one(name):
    picture = DRAWN[name]()
    assert cut(picture) == []
    assert overlapping(picture) == []


@pytest.mark.parametrize("name", ["gantt, reference fleet", "dependencies", "compare", "failure matrix"])
def test_a_picture_says_in_words_what_it_shows(name):
    assert len(DRAWN[name]().description) > 30


def test_the_overlap_check_sees_an_overlap():
    picture = pictures.Picture(3, 3, "")
    picture.text(0.1, 0.5, "one text")
    picture.text(0.12, 0.5, "another")
    picture.text(0.9, 0.1, "a text that leaves the page")
    assert overlapping(picture) == [("one text", "another")]
    assert cut(picture) == ["a text that leaves the page"]


def test_two_states_differ_in_hatch_or_clearly_in_lightness():
    def lightness(colour):
        red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
        return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255

    listed = list(STATES.items())
    for n, (name, one) in enumerate(listed):
        for other_name, other in listed[n + 1 :]:
            assert one.hatch != other.hatch or abs(lightness(one.colour) - lightness(other.colour)) > 0.15, (
                name,
                other_name,
            )


def test_rows_are_in_order_of_ready_with_the_last_one_at_the_bottom():
    rollout = runs.reference()["fine"]
    axes = pictures.gantt(rollout).axes[0]
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert shown == list(names(o.id for o in rollout.in_order).values())
    times = [o.ready_s for o in rollout.in_order]
    assert times == sorted(times)
    assert axes.get_ylim()[0] > axes.get_ylim()[1]


def test_the_critical_chain_is_bold():
    rollout = runs.reference()["fine"]
    on_chain = {piece.object for piece in rollout.chain}
    labels = pictures.gantt(rollout).axes[0].get_yticklabels()
    bold = {o.id for o, text in zip(rollout.in_order, labels, strict=True) if text.get_fontweight() == "bold"}
    assert bold == {id for id in on_chain if id in rollout.by_id}


def test_a_gantt_of_a_run_without_events_says_so():
    from dataclasses import replace

    rollout = replace(runs.reference()["fine"], explanation=None)
    picture = pictures.gantt(rollout)
    assert "not recorded" in [text.get_text() for text in picture.axes[1].texts]


def test_a_cycle_is_drawn_as_one():
    from fleetbench.ids import ObjectId
    from tests.builders import fleet, ks

    picture = pictures.dependencies(
        fleet(ks("a", "b"), ks("b", "a"), ks("c")), {ObjectId("Kustomization", "flux-system", "c"): 3.0}
    )
    assert sum(text.get_text() == "in a cycle" for text in picture.axes[0].texts) == 2


def test_names_stay_apart_where_two_objects_are_called_the_same():
    from fleetbench.ids import ObjectId

    one, other, release = (
        ObjectId("Kustomization", "a", "app"),
        ObjectId("Kustomization", "b", "app"),
        ObjectId("HelmRelease", "a", "app"),
    )
    assert names([one, other, release]) == {one: "a/app", other: "b/app", release: "HR app"}
    assert len(shorten(runs.LONG)) == 38


def test_ticks_are_round_times():
    assert [tick(s) for s in (0, 0.5, 30, 90, 600, 7200, 3661)] == ["0", "0.5s", "30s", "1m30s", "10m", "2h", "1h1m1s"]
    assert all(span / round_step(span) <= 8 for span in (0.5, 7, 100, 484, 3000, 90_000, 1_000_000))


def test_an_svg_holds_its_texts_as_text_and_nothing_that_a_name_could_run():
    svg = pictures.gantt(runs.hostile()["fine"]).svg("x")
    assert "<script" not in svg and "<img" not in svg and "&lt;script&gt;" in svg
    assert "\x1b" not in svg and "\x07" not in svg and "\u202e" not in svg


def test_two_pictures_of_a_page_share_no_id():
    import re

    one, other = (pictures.gantt(runs.measured().rollout).svg(salt) for salt in ("one", "other"))
    ids = [set(re.findall(r'<(?:pattern|clipPath) id="([^"]+)"', svg)) for svg in (one, other)]
    assert ids[0] and not ids[0] & ids[1]


@pytest.mark.parametrize("name", ["gantt, reference fleet", "compare", "dependencies", "totals"])
def test_a_picture_of_the_reference_fleet_stays_below_150_kb(name):
    assert len(DRAWN[name]().png()) < 150_000


def test_the_readme_pictures_are_drawn_by_one_command(tmp_path):
    from fleetbench.report.pictures.__main__ import draw

    written = draw(tmp_path / "new", runs.TRACES / "fine-c4.json.gz", samples=3, trial_samples=2)
    assert {file.stem for file in written} >= {"gantt-fine", "waves-vs-fine", "what-ifs", "predicted-vs-measured"}
    assert all(file.read_bytes()[:4] == b"\x89PNG" and file.stat().st_size < 150_000 for file in written)


def test_workers_of_shards_are_counted_once():
    apart = [ks("a"), ks("b", shard="one"), ks("c", shard="two")]
    run = fleetbench.simulate(fleet(*apart), strategy="fine", samples=2, kustomize_concurrent=3)
    texts = [
        t.get_text()
        for axes in pictures.gantt(run["fine"]).figure.axes
        for t in (axes.get_legend() or axes).findobj(Text)
    ]
    assert "kustomize-controller (has 9)" in texts
