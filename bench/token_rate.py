"""How fast transfers of tokens become lots and traces, beside one pass that only adds up the same balances.

    python bench/token_rate.py [--transfers N] [--accounts N] [--origins N]

Prints one JSON object a line: transfers a second of the pass, of the lots, and of traces in either direction.
"""

from __future__ import annotations

import argparse
import json
import random
import time

from headwater.money.stops import BACKWARD, FORWARD
from headwater.money.token_lots import MINT, Lots, Move
from headwater.money.token_tracing import TokenStops, trace_move


def invented(transfers: int, accounts: int) -> list[Move]:
    """Moves of one invented token among accounts, a tenth of them newly issued."""
    rng = random.Random(7)
    moves, held = [], [0] * accounts
    for _ in range(transfers):
        sender, receiver = rng.randrange(accounts), rng.randrange(accounts)
        if held[sender] < 2 or rng.random() < 0.1:
            units = rng.randrange(1, 10**9)
            moves.append(Move(sender="", receiver=str(receiver), units=units, kind=MINT))
        else:
            units = rng.randrange(1, held[sender])
            held[sender] -= units
            moves.append(Move(sender=str(sender), receiver=str(receiver), units=units))
        held[receiver] += units
    return moves


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transfers", type=int, default=200_000)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--origins", type=int, default=500)
    options = parser.parse_args()
    moves = invented(options.transfers, options.accounts)
    began = time.perf_counter()
    balances: dict[str, int] = {}
    for move in moves:
        balances[move.sender] = balances.get(move.sender, 0) - move.units
        balances[move.receiver] = balances.get(move.receiver, 0) + move.units
    passed = time.perf_counter()
    lots = Lots(moves)
    built = time.perf_counter()
    print(json.dumps({"what": "pass", "transfers_per_s": round(len(moves) / (passed - began))}))
    print(json.dumps({"what": "lots", "transfers_per_s": round(len(moves) / (built - passed))}))
    stops = TokenStops(covers=lambda *_: True, at_s=range(len(moves)))
    step = max(1, len(moves) // options.origins)
    for direction in (BACKWARD, FORWARD):
        began = time.perf_counter()
        steps = 0
        for origin in range(step - 1, len(moves), step):
            trace = trace_move(lots, origin, direction, stops)
            steps += len(trace.flows) + len(trace.leaves)
        took = time.perf_counter() - began
        print(json.dumps({"what": direction, "steps": steps, "steps_per_s": round(steps / took)}))


if __name__ == "__main__":
    main()
