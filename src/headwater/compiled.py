"""How inner loops are compiled: by numba, when they are first called, and kept for the next run.

Numba is loaded by this module and by modules of kernels only, and these only where a long list is searched, blocks are
read, scripts are joined or files are linked: whoever calls a kernel imports it inside the function that does
(docs/adr/0016, 0021, 0031).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.extending import intrinsic

__all__ = ["I32", "I64", "U8", "U32", "U64", "Int", "Numbers", "ask_for", "compiled", "word_at"]

_Compiled = TypeVar("_Compiled", bound=Callable[..., Any])
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Numbers = I32 | I64
Int = int | np.signedinteger[Any]
"""Compiled code has whole numbers of a width; `int` of an unsigned one would be none."""


def compiled(function: _Compiled) -> _Compiled:
    """The function, compiled when it is called, and kept for the next run where there is a place to keep it."""
    try:
        made: _Compiled = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither the package's folder nor the operator's home can be written
        made = numba.njit(nogil=True)(function)
    return made


@intrinsic  # type: ignore[untyped-decorator]  # numba publishes no types
def word_at(_context: Any, content: Any, _at: Any) -> Any:  # noqa: ANN401  # as above
    """The eight bytes of an array of bytes from a place on, as a little-endian number; the caller checks the bounds."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401  # as above
        of = target.make_array(signature.args[0])(target, builder, arguments[0])
        pointer = builder.bitcast(builder.gep(of.data, [arguments[1]]), ir.IntType(64).as_pointer())
        return builder.load(pointer, align=1)

    return numba.types.uint64(content, numba.types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]  # as above
def ask_for(_context: Any, array: Any, _place: Any) -> Any:  # noqa: ANN401  # as above
    """Has the memory of an array's place brought near; the program does not wait for it.

    References:
        LLVM Language Reference, llvm.prefetch: for reading, to be kept in all caches, data.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401  # as above
        number, pointer = ir.IntType(32), ir.IntType(8).as_pointer()
        of = target.make_array(signature.args[0])(target, builder, arguments[0])
        place = builder.bitcast(builder.gep(of.data, [arguments[1]]), pointer)
        name = "llvm.prefetch.p0"
        asking = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(ir.VoidType(), [pointer, number, number, number]), name
        )
        builder.call(asking, [place, number(0), number(3), number(1)])
        return target.get_dummy_value()

    return numba.types.void(array, numba.types.int64), generate
