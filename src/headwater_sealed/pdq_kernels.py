"""Inner loops of PDQ as machine code: the recurrence for near ties, the linear form, and what follows either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headwater_sealed.machine_code import (
    BYTES,
    DOUBLES,
    F32,
    F64,
    FLOATS,
    I64,
    LANES,
    WHOLE,
    Function,
    Functions,
    Parameters,
    Value,
    constant,
    machine_code,
    whole,
)
from headwater_sealed.pdq_recurrence import RECURRENCE_PARAMETERS, write_recurrence

__all__ = ["KERNELS", "Kernels", "compiled"]

_SAMPLES, _FREQUENCIES = 64, 16
_LUMA_WEIGHTS = (0.299, 0.587, 0.114)  # source: ITU-R BT.601, section 2.5.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernels:
    """The compiled loops; arrays are given as addresses, in the order of the names, and sizes are not checked.

    Attributes:
        recurrence: Blur and sampling in the reference's order. Takes source, is_bytes (else it is of float32), pitch
            (samples from row to row), rows, columns, black, stretch (bytes are stretched first, `(value - black) *
            stretch`, and cut off at 0 and 255); across, then down: the window, how many samples it has at each
            position, and the 64 positions sampled; then room (see `pdq_sampling`), and out, of 64 by 64 float32.
        blur_bytes: Both passes and the sampling in one. Takes source, pitch, rows, columns, least and most (samples are
            cut off at these), down, down_ends, across, across_ends, line, out. `down` has weights of rows for each of
            the 64 samples, of which those in `down_ends` (64 first ones, 64 ends) are used, `across` the same of
            columns; `line` is room for `columns` floats.
        blur_floats: The same of float32.
        cosines: The cosine transform in float32, term by term in the reference's order. Takes sampled, cosines (16 by
            64), line, out; `line` is room for 64 floats.
        steps: The sum of whole gradient steps of a picture of 64 x 64, were each gradient less by the slack, and more.
            Takes sampled, slack, out.
        luma: Luma of pixels of three bytes. Takes rgb, count, out.
        lanes: Lines that a box pass works on at once; a picture must have so many rows and columns.
        engine: Holds the memory of the code.
    """

    recurrence: Callable[..., None]
    blur_bytes: Callable[..., None]
    blur_floats: Callable[..., None]
    cosines: Callable[..., None]
    steps: Callable[..., None]
    luma: Callable[..., None]
    lanes: int
    engine: Value


def compiled() -> Kernels:
    """The loops for the processor at hand.

    Raises:
        OSError: If this process may not run code that it wrote itself, as a sealed one may not.
        RuntimeError: If LLVM does not know the processor.
    """
    functions, engine = machine_code(KERNELS)
    return Kernels(lanes=LANES, engine=engine, **functions)


def _blur_parameters(source: Value) -> Parameters:
    return {
        "source": source, "pitch": I64, "rows": I64, "columns": I64, "least": F32, "most": F32,
        "down": FLOATS, "down_ends": WHOLE, "across": FLOATS, "across_ends": WHOLE, "line": FLOATS, "out": DOUBLES,
    }  # fmt: skip


def _write_blur(build: Function) -> None:
    """Writes blur and sampling as sums of weighted rows, then of weighted columns: see `Kernels.blur_bytes`."""
    given = build.given
    line, columns = given["line"], given["columns"]
    total = build.alloca(F32)

    def ends(of: str, sample: Value) -> tuple[Value, Value]:
        return build.get(given[of], sample), build.get(given[of], build.add(sample, whole(_SAMPLES)))

    with build.counted(whole(0), whole(_SAMPLES)) as down:
        with build.counted(whole(0), columns) as column:
            build.put(constant(F32, 0.0), line, column)
        with build.counted(*ends("down_ends", down)) as row:
            weight = build.get(given["down"], build.add(build.mul(down, given["rows"]), row))
            begin = build.mul(row, given["pitch"])
            with build.counted(whole(0), columns) as column:
                value = build.get(given["source"], build.add(begin, column))
                value = value if value.type == F32 else build.uitofp(value, F32)
                value = build.select(build.fcmp_ordered("<", value, given["least"]), given["least"], value)
                value = build.select(build.fcmp_ordered(">", value, given["most"]), given["most"], value)
                build.put(build.fadd(build.get(line, column), build.fmul(weight, value)), line, column)
        with build.counted(whole(0), whole(_SAMPLES)) as across:
            build.store(constant(F32, 0.0), total)
            with build.counted(*ends("across_ends", across)) as column:
                weight = build.get(given["across"], build.add(build.mul(across, columns), column))
                build.store(build.fadd(build.load(total), build.fmul(weight, build.get(line, column))), total)
            place = build.add(build.mul(down, whole(_SAMPLES)), across)
            build.put(build.fpext(build.load(total), F64), given["out"], place)


def _write_cosines(build: Function) -> None:
    """Writes the cosine transform: of the columns of the picture, then of what that gave."""
    given, nought, samples = build.given, constant(F32, 0.0), whole(_SAMPLES)
    line, cosines = given["line"], given["cosines"]
    total = build.alloca(F32)
    with build.counted(whole(0), whole(_FREQUENCIES)) as down:
        with build.counted(whole(0), samples) as column:
            build.put(nought, line, column)
        with build.counted(whole(0), samples) as row:
            weight = build.get(cosines, build.add(build.mul(down, samples), row))
            with build.counted(whole(0), samples) as column:
                value = build.get(given["sampled"], build.add(build.mul(row, samples), column))
                build.put(build.fadd(build.get(line, column), build.fmul(weight, value)), line, column)
        with build.counted(whole(0), whole(_FREQUENCIES)) as across:
            build.store(nought, total)
            with build.counted(whole(0), samples) as column:
                weight = build.get(cosines, build.add(build.mul(across, samples), column))
                build.store(build.fadd(build.load(total), build.fmul(build.get(line, column), weight)), total)
            build.put(build.load(total), given["out"], build.add(build.mul(down, whole(_FREQUENCIES)), across))


def _write_steps(build: Function) -> None:
    """Writes the sums of whole steps between neighbours in a column, then in a line."""
    given, samples = build.given, whole(_SAMPLES)
    least, most = build.alloca(I64), build.alloca(I64)
    build.store(whole(0), least)
    build.store(whole(0), most)
    nought, step = constant(F64, 0.0), constant(F64, 100.0 / 255.0)
    short = whole(_SAMPLES - 1)
    for rows, columns, apart in ((short, samples, samples), (samples, short, whole(1))):
        with build.counted(whole(0), rows) as row, build.counted(whole(0), columns) as column:
            place = build.add(build.mul(row, samples), column)
            one, other = (build.get(given["sampled"], at) for at in (place, build.add(place, apart)))
            change = build.fsub(other, one)
            change = build.select(build.fcmp_ordered("<", change, nought), build.fneg(change), change)
            change = build.fmul(change, step)
            lower = build.fsub(change, given["slack"])
            lower = build.select(build.fcmp_ordered("<", lower, nought), nought, lower)
            for held, value in ((least, lower), (most, build.fadd(change, given["slack"]))):
                build.store(build.add(build.load(held), build.fptosi(value, I64)), held)
    build.put(build.load(least), given["out"], whole(0))
    build.put(build.load(most), given["out"], whole(1))


def _write_luma(build: Function) -> None:
    """Writes luma of pixels: three weighted values, summed in float64 and rounded once."""
    given = build.given
    with build.counted(whole(0), given["count"]) as pixel:
        begin = build.mul(pixel, whole(len(_LUMA_WEIGHTS)))
        red, green, blue = (
            build.fmul(
                build.uitofp(build.get(given["rgb"], build.add(begin, whole(channel))), F64), constant(F64, weight)
            )
            for channel, weight in enumerate(_LUMA_WEIGHTS)
        )
        build.put(build.fptrunc(build.fadd(build.fadd(red, green), blue), F32), given["out"], pixel)


KERNELS: Functions = {
    "recurrence": (RECURRENCE_PARAMETERS, write_recurrence),
    "blur_bytes": (_blur_parameters(BYTES), _write_blur),
    "blur_floats": (_blur_parameters(FLOATS), _write_blur),
    "cosines": ({"sampled": FLOATS, "cosines": FLOATS, "line": FLOATS, "out": FLOATS}, _write_cosines),
    "steps": ({"sampled": DOUBLES, "slack": F64, "out": WHOLE}, _write_steps),
    "luma": ({"rgb": BYTES, "count": I64, "out": FLOATS}, _write_luma),
}
"""Every loop, what it takes and what writes it."""
