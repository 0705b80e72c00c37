"""Command line of the generator: `headwater-synth seizure`, `other-coins` and `score`."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Annotated

import typer

from headwater.errors import HeadwaterError

__all__ = ["app", "main"]

app = typer.Typer(
    name="headwater-synth",
    help="Synthetic seizures with ground truth: invented people, harmless media, regtest coins.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def seizure(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the seizure goes; absent or empty.")],
    seed: Annotated[int, typer.Option(help="The same seed and options give the same bytes.")],
    accounts: Annotated[int, typer.Option(help="Accounts on the platform, at least 40.")] = 400,
    media: Annotated[int, typer.Option(min=0, help="Files in the media store; 0 needs no codec.")] = 120,
    blocks: Annotated[int, typer.Option(help="Height of the regtest chain, at least 140.")] = 200,
    payers: Annotated[int, typer.Option(min=0, help="At most so many accounts are paid for.")] = 1_500,
    bystanders: Annotated[
        int, typer.Option(min=0, help="People besides on the chain, with peeling services and CoinJoin rounds.")
    ] = 0,
    truth: Annotated[Path | None, typer.Option(help="Where the truth goes; by default DIR-truth.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,  # noqa: FBT002 -- flags of a command line are booleans
) -> None:
    """Make a synthetic seizure; the truth is kept apart from it."""
    from headwater_synth.seizure import SeizureOptions, make_seizure

    began_s = time.monotonic()

    def say(text: str) -> None:
        typer.echo(f"[{time.monotonic() - began_s:6.1f} s] {text}", err=True)

    options = SeizureOptions(
        seed=seed, accounts=accounts, media=media, blocks=blocks, payers=payers, bystanders=bystanders
    )
    apart = truth if truth is not None else folder.with_name(f"{folder.name}-truth")
    made = dataclasses.asdict(make_seizure(folder, apart, options, say=say))
    say("done")
    if as_json:
        typer.echo(json.dumps({"seizure": str(folder), "truth": str(apart), **made}, ensure_ascii=False))
        return
    typer.echo(f"seizure      {folder}\ntruth        {apart}")
    for name, value in made.items():
        typer.echo(f"{name:<12} {value:,}" if name != "seed" else f"{name:<12} {value}")


@app.command()
def other_coins(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go; absent or empty.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")],
    truth: Annotated[Path | None, typer.Option(help="Where the truth goes; by default DIR-truth.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,  # noqa: FBT002 -- flags of a command line are booleans
) -> None:
    """Make small files of Monero, Zcash and Lightning: a view key and what it shows, a node, printed payments."""
    from headwater_synth.other_coins.samples import make_samples

    apart = truth if truth is not None else folder.with_name(f"{folder.name}-truth")
    made = make_samples(folder, apart, seed=seed)
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), "truth": str(apart), **made}))
        return
    for name, value in {"folder": folder, "truth": apart, **made}.items():
        typer.echo(f"{name:<20} {value}")


@app.command()
def score(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="A case that was run.")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="The truth of its seizure.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,  # noqa: FBT002 -- flags of a command line are booleans
) -> None:
    """Measure a case against the truth: media, money, links and leads."""
    from headwater_synth.score import measured

    for measure in measured(case, truth):
        if as_json:
            typer.echo(json.dumps({"measure": measure.measure, "value": measure.value, "n": measure.n}))
        else:
            typer.echo(f"{measure.measure:<36} {measure.value!s:>12}  n={measure.n}")


def main() -> None:
    """Run the command line; bad use and bad input end with 2 and one clear line."""
    try:
        app()
    except HeadwaterError as error:
        typer.echo(f"headwater-synth: {error}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
