"""How many transactions a second a view key looks through, beside bare multiplications of points in the same run.

A transaction without an output of the wallet costs one multiplication of its public key, three additions, and a hash
for each output with a view tag; one output of 256 passes its tag by chance and costs one more of each.
"""

from __future__ import annotations

import io
import json
import random
import statistics
import sys
import time

from nacl import bindings

from headwater_sealed.monero import scan_monero
from headwater_synth.other_coins.monero import Payment, SeizedWallet, answer, printed

_MADE = 100
_COPIES = 40
_ROUNDS = 5


def main() -> None:
    """Print transactions a second, and the anchor's multiplications a second, as medians."""
    rng = random.Random(1)
    seized, foreign = SeizedWallet(rng), SeizedWallet(rng)
    to = foreign.destination()
    made = [printed(rng, [Payment(to=to, amount_piconero=1)] * 2, height=1) for _ in range(_MADE)]
    content = json.dumps(answer(made * _COPIES)).encode()
    key, address = seized.private_view_key.encode(), seized.destination().address.encode()
    scalar, point = bytes.fromhex(seized.private_view_key), to.view_key
    rates, anchors = [], []
    for _ in range(_ROUNDS):
        files = [io.BytesIO(part) for part in (key, address, content)]
        began = time.perf_counter()
        scan_monero(files, {"accounts": 1, "subaddresses": 1}, lambda _: None)
        rates.append(_MADE * _COPIES / (time.perf_counter() - began))
        began = time.perf_counter()
        for _ in range(_MADE * _COPIES):
            bindings.crypto_scalarmult_ed25519_noclamp(scalar, point)
        anchors.append(_MADE * _COPIES / (time.perf_counter() - began))
    began = time.perf_counter()
    scan_monero([io.BytesIO(key), io.BytesIO(address)], {"accounts": 50, "subaddresses": 200}, lambda _: None)
    prepared_s = time.perf_counter() - began
    sys.stdout.write(
        f"transactions_per_s {statistics.median(rates):.0f}\n"
        f"anchor_multiplications_per_s {statistics.median(anchors):.0f}\n"
        f"of_the_anchor {statistics.median(rates) / statistics.median(anchors):.2f}\n"
        f"ten_thousand_subaddresses_s {prepared_s:.2f}\n"
    )


if __name__ == "__main__":
    main()
