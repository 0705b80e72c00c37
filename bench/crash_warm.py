"""Imported last by the server that acts are forked from: what every command does first is done by then."""

import atexit
import functools
import gc
import importlib
import pkgutil

import ibis.backends.duckdb.converter
import ibis.expr.types.groupby
import pyarrow.acero
import pydantic.types
import typer.main
from sqlalchemy.dialects import sqlite

import headwater
from crash_points import program
from headwater.custody.machine import program_sha256

USED = (ibis.backends.duckdb.converter, ibis.expr.types.groupby, pyarrow.acero, pydantic.types, sqlite)

for found in pkgutil.walk_packages(headwater.__path__, "headwater."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)  # noqa: TID251 - whichever there are, so that no act imports
# The commands are described anew by each call; the description is the same, and takes longer than most commands.
typer.main.get_command = functools.cache(typer.main.get_command)
program("--help")
program_sha256()
gc.collect()
gc.freeze()
atexit.register(gc.unfreeze)
