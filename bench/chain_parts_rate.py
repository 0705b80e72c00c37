"""The money stage in memory and by parts, side by side: time, memory and room on the medium, at three sizes.

python bench/chain_parts_rate.py [BLOCKS]

Blocks are made up as in bench/snapshot_rate.py; each way runs in a process of its own, whose greatest memory the kernel
has counted. What the process holds before it reads a block is stated beside. Anchor: both ways on the same blocks; they
must give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from headwater.engine import Exhibit, Session, StageContext, StoredTable, write_parquet
from headwater.money import trace_money
from headwater.schema import table_named
from snapshot_rate import written


def peak_bytes() -> int:
    """Greatest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Room:
    """The most that a folder held, looked at now and then."""

    def __init__(self, folder: Path) -> None:
        self.most_bytes = 0
        self._folder = folder
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def _look(self) -> None:
        while not self._over.wait(0.5):
            held = 0
            for folder, _, names in os.walk(self._folder):
                for name in names:
                    try:
                        held += (Path(folder) / name).stat().st_blocks * 512
                    except FileNotFoundError:
                        continue
            self.most_bytes = max(self.most_bytes, held)

    def end(self) -> int:
        """What it was."""
        self._over.set()
        self._watch.join()
        return self.most_bytes


def run(folder: Path, way: str) -> dict[str, object]:
    """The stage on a folder of blocks, in this process."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        scratch = Path(name)
        exhibit = Exhibit(exhibit_id="EX-1", exhibit_kind="blocks", path=folder)
        steps: dict[str, int] = {}

        def progress(counted: str, done: int, total: int | None) -> None:
            del done, total
            steps[counted] = peak_bytes()

        before, room = peak_bytes(), Room(scratch)
        started, worked = time.perf_counter(), time.process_time()
        with Session({}, scratch=scratch) as session:
            tables = trace_money(
                StageContext(
                    tables=session,
                    exhibits=(exhibit,),
                    chain_memory_bytes=1 << 60 if way == "memory" else 1,
                    scratch=scratch,
                    progress=progress,
                )
            )
        digest = hashlib.sha256()
        taken, worked = time.perf_counter() - started, time.process_time() - worked
        peak, most = peak_bytes(), room.end()
        tables_bytes = 0
        for table_name, table in sorted(tables.items()):
            path = table.path if isinstance(table, StoredTable) else scratch / f"{table_name}.parquet"
            if not isinstance(table, StoredTable):
                write_parquet(table_named(table_name).checked(table), path)
            tables_bytes += path.stat().st_size
            digest.update(path.read_bytes())
        return {
            "before_bytes": before,
            "peak_bytes": peak,
            "taken_s": taken,
            "worked_s": worked,
            "scratch_bytes": most,
            "tables_bytes": tables_bytes,
            "digest": digest.hexdigest(),
            "transactions": tables["transactions"].num_rows,
            "ends": tables["tx_inputs"].num_rows + tables["tx_outputs"].num_rows,
            "scripts": tables["address_clusters"].num_rows,
        }


def main() -> None:
    if len(sys.argv) == 4:
        print(json.dumps(run(Path(sys.argv[2]), sys.argv[3])))
        return
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for blocks in (2, most // 16, most // 4, most):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "blocks"
            folder.mkdir()
            size = written(folder, blocks)
            digests = set()
            for way in ("memory", "parts"):
                command = [sys.executable, __file__, "run", str(folder), way]
                found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
                digests.add(found["digest"])
                if blocks == 2:
                    continue
                own = found["peak_bytes"] - found["before_bytes"]
                print(
                    f"{blocks} blocks, {size / 1e6:.0f} MB, {found['transactions']:,} transactions, {found['ends']:,} "
                    f"inputs and outputs, {found['scripts']:,} scripts; {way}: {found['taken_s']:.0f} s "
                    f"({found['worked_s']:.0f} s of processor), {found['peak_bytes'] / 1e6:.0f} MB of memory, "
                    f"{own / 1e6:.0f} MB of it for the chain, {own / size:.1f} for each byte of a block, "
                    f"{own / found['ends']:.0f} for each input or output; "
                    f"scratch {found['scratch_bytes'] / 1e6:.0f} MB, tables {found['tables_bytes'] / 1e6:.0f} MB",
                    flush=True,
                )
            assert len(digests) == 1, "the two ways differ"


if __name__ == "__main__":
    main()
