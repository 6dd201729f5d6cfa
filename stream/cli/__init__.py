"""The command line: arguments and signals in, exit codes and one-line errors out.

Exit codes: 0 done, 1 it failed or could not go on, 2 the call or the configuration is wrong.
"""

from __future__ import annotations

import sys

import typer

from stream.cli import (
    alert_commands,
    backtest_commands,
    bench_commands,
    data_commands,
    delivery_commands,
    demo_commands,
    dlq_commands,
    explain_commands,
    export_commands,
    model_commands,
    replay_commands,
    service_commands,
    train_commands,
    verify_commands,
)
from stream.errors import UndertoneError, UsageError
from stream.logs import escape

app = typer.Typer(
    name="undertone",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Listens to what people say about brands and tells the team when the mood turns.\n\n"
    "Start with `undertone demo`; `undertone doctor` checks a set-up.",
)
demo_commands.add_to(app)
bench_commands.add_to(app)
service_commands.add_to(app)
alert_commands.add_to(app)
data_commands.add_to(app)
dlq_commands.add_to(app)
delivery_commands.add_to(app)
replay_commands.add_to(app)
backtest_commands.add_to(app)
verify_commands.add_to(app)
model_commands.add_to(app)
train_commands.add_to(app)
explain_commands.add_to(app)
export_commands.add_to(app)


def main() -> None:
    """Entry point of the script `undertone`."""
    try:
        app()
    except UsageError as error:
        _say(error)
        sys.exit(2)
    except UndertoneError as error:
        _say(error)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)


def _say(error: UndertoneError) -> None:
    print(f"undertone: {escape(str(error))}", file=sys.stderr)
