"""``fleetbench validate``: predictions held against measured runs."""

from __future__ import annotations

from pathlib import Path

import click

from fleetbench.cli.options import PERCENT, format_option, samples_option, seed_option
from fleetbench.cli.output import progress, write_json, write_tables
from fleetbench.cli.runs import measured_runs


@click.command(epilog="Example: fleetbench validate results/dev-fine-1 results/dev-fine-2 --samples 200")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@samples_option("Simulated rollouts a run.", default=200)
@seed_option()
@click.option("--profile", metavar="NAME|FILE", help="Workload times and step costs that the runs had.")
@click.option(
    "--max-error",
    metavar="PERCENT",
    type=PERCENT,
    help="Fail (exit 1) when the median error of the totals is larger, or a run has no total.",
)
@click.option("--why", is_flag=True, help="Also hold the causes of the last Ready against the predicted ones.")
@format_option("table", "json")
def command(
    runs: tuple[Path, ...],
    samples: int,
    seed: int,
    profile: str | None,
    max_error: float | None,
    why: bool,
    format: str,
) -> None:
    """Hold predictions against measured runs: totals, objects, coverage, run-to-run spread.

    RUN is a run folder, a trace file or a folder of them; a cut one is used as far as it goes, and what is no measured
    run in a folder of them is left out.
    """
    from fleetbench.errors import CheckFailed
    from fleetbench.model.profile import load_profile
    from fleetbench.validation.compare import compare_runs
    from fleetbench.validation.ideal import ideal
    from fleetbench.validation.summary import summarize

    user = None if profile is None else load_profile(profile)
    found = measured_runs(runs)
    with progress("Predicting") as bar:
        comparisons = compare_runs(found, samples, user, seed=seed, progress=bar)
    summary, expected = summarize(comparisons), ideal(comparisons, seed)
    causes = None
    if why:
        from fleetbench.validation.causes import all_causes

        with progress("Explaining") as bar:
            causes = all_causes(comparisons, progress=bar)
    if format == "json":
        from fleetbench.validation.document import to_document

        write_json(to_document(comparisons, summary, expected, causes))
    else:
        from fleetbench.report.validation import tables

        write_tables(tables(comparisons, summary, expected, causes))
    without = [c for c in comparisons if c.no_error]
    if max_error is not None and without:
        named = "; ".join(f"{c.run.name}: {c.no_error}" for c in without)
        raise CheckFailed(f"no total to hold the prediction against: {named}", "measure again, or leave these runs out")
    if max_error is not None and summary.total_median_error is not None and summary.total_median_error > max_error:
        raise CheckFailed(
            f"predictions are {_percent(summary.total_median_error)} off (median of the totals), more than "
            f"{_percent(max_error)}",
            "fit the step costs to this machine: `fleetbench calibrate RUN... -o profile.yaml`, then --profile profile.yaml",
        )


def _percent(share: float) -> str:
    """A share with as many digits as tell it from another: ``0.0001%``.

    >>> _percent(0.002341), _percent(0.000001), _percent(0.1), _percent(0.0)
    ('0.234%', '0.0001%', '10%', '0%')
    """
    percent = 100 * share
    return f"{percent:.0f}%" if percent >= 100 else f"{float(f'{percent:.3g}'):f}".rstrip("0").rstrip(".") + "%"
