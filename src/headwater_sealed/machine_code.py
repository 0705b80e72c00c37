"""Machine code for the processor at hand, made by LLVM: what loops are written with, and how they are compiled.

Loops are written in LLVM's own language, by way of llvmlite, because there are few of them: numba, which translates
Python, takes two seconds and 140 MB at each start of a worker (docs/adr/0018). No operation is marked as one that may
be done in another order or fused with its neighbour, so LLVM must leave every rounding as it is written.

Code is made in the zygote. A sealed child has it by its fork, and can make none.

References:
    LLVM Language Reference Manual, "Fast-Math Flags": what is not flagged is IEEE 754 to the bit.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from headwater_sealed.libc import make_executable

__all__ = [
    "BYTES", "DOUBLES", "F32", "F64", "FLOATS", "I8", "I64", "LANES", "NONE", "VECTOR", "VECTOR_OF_BYTES", "WHOLE",
    "Function", "Functions", "Parameters", "Value", "constant", "machine_code", "turned", "whole", "written",
]  # fmt: skip

LANES = 8  # as many float32 as one register of AVX2 holds

I8, I64, F32, F64 = ir.IntType(8), ir.IntType(64), ir.FloatType(), ir.DoubleType()
BYTES, WHOLE, FLOATS, DOUBLES = (kind.as_pointer() for kind in (I8, I64, F32, F64))
VECTOR = ir.VectorType(F32, LANES)
constant = ir.Constant
NONE = constant(VECTOR, [0.0] * LANES)
VECTOR_OF_BYTES = ir.VectorType(I8, LANES)
_EFFORT = 2  # of 3: the third takes longer and gives the same speed here
_C_TYPES = {I64: ctypes.c_int64, F32: ctypes.c_float, F64: ctypes.c_double}

Value = Any
"""A value, type or address in LLVM's language; llvmlite publishes no types."""

Parameters = Mapping[str, Value]
"""Names and types of what a function takes, in that order; arrays are given to it as addresses."""

Functions = Mapping[str, "tuple[Parameters, Callable[[Function], None]]"]
"""For each name what the function takes, and what writes it."""


def machine_code(functions: Functions) -> tuple[dict[str, Callable[..., None]], Value]:
    """The functions as Python calls them, and what holds the memory of their code.

    Args:
        functions: See there.

    Raises:
        OSError: If this process may not run code that it wrote itself, as a sealed one may not.
        RuntimeError: If LLVM does not know the processor.
    """
    _require_execution()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=_EFFORT
    )
    module = llvm.parse_assembly(written(functions))
    module.verify()
    tuning = llvm.create_pipeline_tuning_options(speed_level=_EFFORT)
    tuning.loop_vectorization = True
    passes = llvm.create_pass_builder(machine, tuning)
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    made: dict[str, Any] = {}
    for name, (parameters, _write) in functions.items():
        kinds: list[Any] = [_C_TYPES.get(kind, ctypes.c_void_p) for kind in parameters.values()]
        made[name] = ctypes.CFUNCTYPE(None, *kinds)(engine.get_function_address(name))
    return made, engine


def written(functions: Functions) -> str:
    """The functions in LLVM's language."""
    module = ir.Module(name="headwater")
    for name, (parameters, write) in functions.items():
        build = Function(module, name, parameters)
        write(build)
        build.ret_void()
    return str(module)


def _require_execution() -> None:
    """Raises if memory that was written cannot be made executable: LLVM would end the process instead."""
    page = mmap.mmap(-1, mmap.PAGESIZE)
    try:
        make_executable(ctypes.addressof(ctypes.c_char.from_buffer(page)), mmap.PAGESIZE)
    finally:
        page.close()


class Function(ir.IRBuilder):  # type: ignore[misc]  # llvmlite publishes no types
    """A function that is being written; its parameters are `self.given`."""

    def __init__(self, module: ir.Module, name: str, parameters: Parameters) -> None:
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), list(parameters.values())), name)
        super().__init__(function.append_basic_block("entry"))
        self.given = dict(zip(parameters, function.args, strict=True))
        for argument in function.args:
            if argument.type.is_pointer:
                argument.add_attribute("noalias")

    @contextmanager
    def counted(self, start: Value, end: Value, step: int = 1) -> Iterator[Value]:
        """A loop whose body is the `with` block; gives its counter."""
        before, head = self.block, self.append_basic_block()
        body, after = self.append_basic_block(), self.append_basic_block()
        self.branch(head)
        self.position_at_end(head)
        counter = self.phi(I64)
        counter.add_incoming(start, before)
        self.cbranch(self.icmp_signed("<", counter, end), body, after)
        self.position_at_end(body)
        yield counter
        counter.add_incoming(self.add(counter, whole(step)), self.block)
        self.branch(head)
        self.position_at_end(after)

    def at(self, pointer: Value, place: Value, kind: Value = None) -> Value:
        """The address of a place in an array, as one of another kind if that is told."""
        address = self.gep(pointer, [place])
        return address if kind is None else self.bitcast(address, kind.as_pointer())

    def get(self, pointer: Value, place: Value, kind: Value = None) -> Value:
        """What stands at a place of an array."""
        return self.load(self.at(pointer, place, kind), align=None if kind is None else 1)

    def put(self, value: Value, pointer: Value, place: Value, kind: Value = None) -> None:
        """Writes to a place of an array."""
        self.store(value, self.at(pointer, place, kind), align=None if kind is None else 1)

    def lesser(self, one: Value, other: Value) -> Value:
        """The lesser of two whole numbers."""
        return self.select(self.icmp_signed("<", one, other), one, other)

    def spread(self, value: Value) -> Value:
        """The value in every lane."""
        first = self.insert_element(constant(VECTOR, ir.Undefined), value, constant(ir.IntType(32), 0))
        return self.shuffle_vector(first, first, _chosen([0] * LANES))


def whole(value: int) -> Value:
    """A whole number of 64 bits."""
    return constant(I64, value)


def _chosen(numbers: list[int]) -> Value:
    return constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)


def turned(build: Function, lines: list[Value]) -> list[Value]:
    """LANES lines of LANES samples, turned: halves of pairs of lines change places, at all distances."""
    distance = LANES // 2
    while distance:
        low = [lane if not lane & distance else lane - distance + LANES for lane in range(LANES)]
        high = [lane + distance if not lane & distance else lane + LANES for lane in range(LANES)]
        for line in range(LANES):
            if not line & distance:
                one, other = lines[line], lines[line + distance]
                lines[line] = build.shuffle_vector(one, other, _chosen(low))
                lines[line + distance] = build.shuffle_vector(one, other, _chosen(high))
        distance //= 2
    return lines
