"""The float32 recurrence that PDQ's blur is defined by, as machine code: every operation in the reference's order.

Lines are independent of each other, so as many as fit a register are added up at once, each in its own lane.
"""

from __future__ import annotations

from collections.abc import Callable

from headwater_sealed.machine_code import (
    BYTES,
    F32,
    FLOATS,
    I64,
    LANES,
    NONE,
    VECTOR,
    VECTOR_OF_BYTES,
    WHOLE,
    Function,
    Parameters,
    Value,
    constant,
    turned,
    whole,
)

__all__ = ["RECURRENCE_PARAMETERS", "write_recurrence"]

_SAMPLES = 64


RECURRENCE_PARAMETERS: Parameters = {
    "source": BYTES, "is_bytes": I64, "pitch": I64, "rows": I64, "columns": I64, "black": F32, "stretch": F32,
    "window_across": I64, "divisors_across": FLOATS, "wanted_across": WHOLE,
    "window_down": I64, "divisors_down": FLOATS, "wanted_down": WHOLE,
    "turned": FLOATS, "sums": FLOATS, "line": FLOATS, "block": FLOATS, "held": FLOATS, "room": I64,
    "columns_sampled": FLOATS, "rows_held": I64, "out": FLOATS,
}  # fmt: skip
"""What the recurrence takes; see `pdq_kernels.Kernels`."""


def write_recurrence(build: Function) -> None:
    """Writes the four box passes: along, down, along and down, the last two of them for what is sampled only.

    The picture is gone through once, a few lines at a time. What the first pass gave is held for as many lines as the
    second adds up, so nothing leaves the processor's cache.
    """
    passes, given = _Passes(build), build.given
    rows, columns, room = given["rows"], given["columns"], given["room"]
    ahead = _ahead(build, given["window_down"])
    done = build.alloca(I64)
    build.store(build.sub(whole(0), ahead), done)
    with build.counted(whole(0), columns) as column:
        build.put(constant(F32, 0.0), given["line"], column)
    with build.counted(whole(0), build.mul(whole(LANES), columns)) as place:  # lines that the last block lacks
        build.put(constant(F32, 0.0), given["block"], place)

    def along(first: Value) -> None:
        with build.if_else(build.icmp_signed("!=", given["is_bytes"], whole(0))) as (of_bytes, of_floats):
            with of_bytes:
                passes.turn_in(lambda line, place: _stretched(build, first, line, place), columns)
            with of_floats:
                passes.turn_in(lambda line, place: _plain(build, first, line, place), columns)
        passes.add_up(columns, given["window_across"])

        def piece(place: Value) -> None:
            places = [build.add(place, whole(number)) for number in range(LANES)]
            tile = turned(build, [passes.average(one, given["divisors_across"]) for one in places])
            for line, value in enumerate(tile):
                slot = build.srem(build.add(first, whole(line)), room)
                build.put(value, given["held"], build.add(build.mul(slot, columns), place), VECTOR)

        passes.in_pieces(columns, piece)
        ready = build.add(first, whole(LANES))
        # One line after the other is added up, until one is needed that is still to come.
        last = build.select(build.icmp_signed("==", ready, rows), rows, build.sub(ready, ahead))
        with build.counted(build.load(done), last) as position:
            _add_up_down(build, passes, position, ahead)
        with build.if_then(build.icmp_signed(">", last, build.load(done))):
            build.store(last, done)

    passes.in_pieces(rows, along)

    def down(first: Value) -> None:
        def samples(line: int, place: Value) -> Value:
            at = build.add(build.mul(build.add(first, whole(line)), given["rows_held"]), place)
            return build.get(given["columns_sampled"], at, VECTOR)

        passes.turn_in(samples, rows)
        passes.add_up(rows, given["window_down"])
        passes.tell(given["wanted_down"], given["divisors_down"], given["out"], whole(_SAMPLES), first)

    passes.in_pieces(whole(_SAMPLES), down)


class _Passes:
    """What the box passes of the recurrence are made of: running sums of lines, as many at once as there are lanes.

    A tile of lines is turned, so that a column of it is one register; `turned` and `sums` are room for one.
    """

    def __init__(self, build: Function) -> None:
        self.build, self.given = build, build.given
        self.total = build.alloca(VECTOR)

    def in_pieces(self, length: Value, piece: Callable[[Value], None]) -> None:
        """Asks for every piece of as many as there are lanes; the last is done in part twice if it is not full."""
        with self.build.counted(whole(0), length, LANES) as start:
            piece(self.build.lesser(start, self.build.sub(length, whole(LANES))))

    def turn_in(self, load: Callable[[int, Value], Value], length: Value) -> None:
        """Fills `turned` with lines; `load` gives the samples of one of them from a place on."""

        def piece(place: Value) -> None:
            tile = turned(self.build, [load(line, place) for line in range(LANES)])
            for number, value in enumerate(tile):
                self.put(value, self.given["turned"], self.build.add(place, whole(number)))

        self.in_pieces(length, piece)

    def put(self, value: Value, array: Value, place: Value) -> None:
        self.build.put(value, array, self.build.mul(place, whole(LANES)), VECTOR)

    def get(self, array: Value, place: Value) -> Value:
        return self.build.get(array, self.build.mul(place, whole(LANES)), VECTOR)

    def add_up(self, length: Value, window: Value) -> None:
        """Fills `sums` from `turned` in the reference's order: what enters is added, then what leaves is taken off."""
        build = self.build
        ahead = _ahead(build, window)
        build.store(NONE, self.total)
        with build.counted(whole(0), ahead) as place:
            build.store(build.fadd(build.load(self.total), self.get(self.given["turned"], place)), self.total)
        full, ending = build.sub(window, ahead), build.sub(length, ahead)
        for start, end, enters, leaves in (
            (whole(0), full, True, False),
            (full, ending, True, True),
            (ending, length, False, True),
        ):
            with build.counted(start, end) as place:
                entering, value = build.add(place, ahead), build.load(self.total)
                if enters:
                    value = build.fadd(value, self.get(self.given["turned"], entering))
                if leaves:
                    value = build.fsub(value, self.get(self.given["turned"], build.sub(entering, window)))
                build.store(value, self.total)
                self.put(value, self.given["sums"], place)

    def average(self, place: Value, divisors: Value) -> Value:
        """The averages at a place of the lines added up."""
        return self.build.fdiv(self.get(self.given["sums"], place), self.build.spread(self.build.get(divisors, place)))

    def tell(self, wanted: Value, divisors: Value, out: Value, pitch: Value, column: Value) -> None:
        """Writes the averages at the 64 places wanted, turned: a line for each place."""
        with self.build.counted(whole(0), whole(_SAMPLES)) as number:
            value = self.average(self.build.get(wanted, number), divisors)
            self.build.put(value, out, self.build.add(self.build.mul(number, pitch), column), VECTOR)


def _ahead(build: Function, window: Value) -> Value:
    """How far ahead of the middle of a window its last sample is."""
    return build.sub(build.sdiv(build.add(window, whole(2)), whole(2)), whole(1))


def _add_up_down(build: Function, passes: _Passes, position: Value, ahead: Value) -> None:
    """The second pass at one line, and the third as soon as there is a block of lines for it."""
    given = build.given
    rows, columns, line = given["rows"], given["columns"], given["line"]
    entering = build.add(position, ahead)
    leaving = build.sub(entering, given["window_down"])

    def each_column(*, enters: bool, leaves: bool) -> None:
        starts = [build.mul(build.srem(one, given["room"]), columns) for one in (entering, leaving)]
        with build.counted(whole(0), columns) as column:
            value = build.get(line, column)
            if enters:
                value = build.fadd(value, build.get(given["held"], build.add(starts[0], column)))
            if leaves:
                value = build.fsub(value, build.get(given["held"], build.add(starts[1], column)))
            build.put(value, line, column)

    with build.if_else(build.icmp_signed("<", entering, rows)) as (then, otherwise):
        with then, build.if_else(build.icmp_signed(">=", leaving, whole(0))) as (both, first_ones):
            with both:
                each_column(enters=True, leaves=True)
            with first_ones:
                each_column(enters=True, leaves=False)
        with otherwise:
            each_column(enters=False, leaves=True)
    with build.if_then(build.icmp_signed(">=", position, whole(0))):
        divisor = build.get(given["divisors_down"], position)
        number = build.srem(position, whole(LANES))
        begin = build.mul(number, columns)
        with build.counted(whole(0), columns) as column:
            value = build.fdiv(build.get(line, column), divisor)
            build.put(value, given["block"], build.add(begin, column))
        after = build.add(position, whole(1))
        is_full = build.icmp_signed("==", number, whole(LANES - 1))
        with build.if_then(build.or_(is_full, build.icmp_signed("==", after, rows))):

            def samples(line: int, place: Value) -> Value:
                return build.get(given["block"], build.add(build.mul(whole(line), columns), place), VECTOR)

            passes.turn_in(samples, columns)
            passes.add_up(columns, given["window_across"])
            out, pitch = given["columns_sampled"], given["rows_held"]
            passes.tell(given["wanted_across"], given["divisors_across"], out, pitch, build.sub(position, number))


def _stretched(build: Function, first: Value, line: int, place: Value) -> Value:
    """Samples of a picture of bytes, stretched, and cut off beyond black and white."""
    given = build.given
    at = build.add(build.mul(build.add(first, whole(line)), given["pitch"]), place)
    value = build.uitofp(build.get(given["source"], at, VECTOR_OF_BYTES), VECTOR)
    value = build.fmul(build.fsub(value, build.spread(given["black"])), build.spread(given["stretch"]))
    value = build.select(build.fcmp_ordered("<", value, NONE), NONE, value)
    most = constant(VECTOR, [255.0] * LANES)
    return build.select(build.fcmp_ordered(">", value, most), most, value)


def _plain(build: Function, first: Value, line: int, place: Value) -> Value:
    """Samples of a picture of float32, as they are."""
    given = build.given
    at = build.add(build.mul(build.add(first, whole(line)), given["pitch"]), place)
    return build.get(build.bitcast(given["source"], FLOATS), at, VECTOR)
