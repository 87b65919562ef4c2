"""The command line's frame: commands loaded only when called, and the one place where errors are shown.

Exit codes: 0 done; 1 a check failed; 2 bad usage or bad input; 3 the environment lacks something; 130 interrupted.
A fault of fleetbench itself also exits 2: it must not look like a failed check (1), and is most often an input
nobody thought of.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, NamedTuple, NoReturn

import click

from fleetbench import __version__
from fleetbench.cli.output import inert, note
from fleetbench.errors import FleetbenchError, masked

INTERRUPTED = 130
FAULT = 2


class Entry(NamedTuple):
    """A command: the module that holds its ``command``, and its line in ``fleetbench --help``."""

    module: str
    help: str


COMMANDS = {
    "graph": Entry("graph", "Read a fleet as Flux does: objects, edges, layers, findings."),
    "simulate": Entry("simulate", "Predict the rollout: when each object is Ready, and why then."),
    "measure": Entry("measure", "Roll out on a real cluster and time every object."),
    "validate": Entry("validate", "Hold predictions against measured runs."),
    "calibrate": Entry("calibrate", "Learn durations from measured runs or a live cluster."),
    "check": Entry("check", "Fail when a rollout is over budget or got slower (for CI)."),
    "blast-radius": Entry("blast_radius", "What stays down when an object never turns healthy."),
    "optimize": Entry("optimize", "Find changes that make the rollout shorter."),
    "convert": Entry("convert", "Write the fleet as waves, or as fine-grained dependsOn."),
    "sweep": Entry("sweep", "Simulate a grid of what-ifs."),
    "report": Entry("report", "Write a page about runs."),
    "doctor": Entry("doctor", "Say what this machine has and lacks for each command."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module only to run it, so that ``--help`` starts at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None if there is no such one."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(_module(COMMANDS[cmd_name])).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a command that does not exist."""
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            import difflib

            known = self.list_commands(ctx)
            near = [k for k in known if k.startswith(name)] or difflib.get_close_matches(name, known, n=1)
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by the lines kept here, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].help) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whatever goes wrong ends here as a message and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, click.Abort):
            _fail(ctx, INTERRUPTED, "Interrupted.")
        except FleetbenchError as error:
            _fail(ctx, error.exit_code, f"Error: {inert(error.message)}", error.hint)
        except BrokenPipeError:
            # Standard output is guarded in output.py: this is another pipe, whose reader has left.
            _fail(ctx, FAULT, "Error: a program that was being written to went away")
        except OSError as error:
            if _in_echo(error):
                _fail(ctx, FAULT, f"Error: standard output cannot be written: {error.strerror}")
            if error.filename is None:
                _fault(ctx, error)
            _fail(ctx, FAULT, f"Error: {inert(str(error.filename))}: {error.strerror}")
        except Exception as error:
            _fault(ctx, error)


def _module(entry: Entry) -> str:
    return f"fleetbench.cli.{entry.module}"


def _in_echo(error: OSError) -> bool:
    """Whether click could not write something of its own: ``--help``, ``--version``."""
    at = error.__traceback__
    while at is not None and at.tb_frame.f_code is not click.echo.__code__:
        at = at.tb_next
    return at is not None


def _fault(ctx: click.Context, error: Exception) -> NoReturn:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    command = " ".join(part for part in ("fleetbench --debug", ctx.invoked_subcommand) if part)
    _fail(
        ctx,
        FAULT,
        f"Error: a fault of fleetbench, not of your fleet: {inert(masked(what)[:300])}",
        f"run it again as `{command} ...` and report what that prints",
    )


def _fail(ctx: click.Context, exit_code: int, message: str, hint: str | None = None) -> NoReturn:
    if ctx.params.get("debug"):
        import traceback

        click.echo(inert(traceback.format_exc(), newlines=True), err=True)
    note(message)
    if hint:
        note(f"Hint: {hint}")
    ctx.exit(exit_code)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: fleetbench graph --repo . --cluster-path clusters/production",
)
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.version_option(__version__, prog_name="fleetbench")
def cli(debug: bool) -> None:
    """Predict how long a Flux fleet takes to deploy, why, and what would make it shorter.

    Without --repo, --graph or --from-cluster a command works on the reference fleet that ships with fleetbench.
    """


def main() -> None:
    """Run the command line."""
    # A stream that the caller closed is None: what would be written to it goes nowhere.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is shown escaped; it must not stop the command.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        cli(prog_name="fleetbench")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:  # before there is a command: --help, --version
        if not _in_echo(error):
            raise
        note(f"Error: standard output cannot be written: {error.strerror}")
        sys.exit(FAULT)
