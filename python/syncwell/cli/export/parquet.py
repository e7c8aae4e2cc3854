"""A CSV file as Parquet, with the types of the database; needs pyarrow, the extra `export`."""

# pyarrow tells no types
# pyright: basic

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from psycopg.postgres import types
from pyarrow import csv, parquet

_TYPES = {
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    # exact, as far as counts and seconds go
    "numeric": pa.decimal128(38, 6),
    "bool": pa.bool_(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}
_BLOCK_BYTES = 8 << 20


def convert(file: Path, columns: Sequence[tuple[str, int]]) -> None:
    """Replace the file, a block at a time; every other type of column is text."""
    schema = pa.schema([(name, _TYPES.get(_name_of(code), pa.string())) for name, code in columns])
    reader = csv.open_csv(
        file,
        read_options=csv.ReadOptions(block_size=_BLOCK_BYTES),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=schema,
            true_values=["t"],
            false_values=["f"],
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    converted = file.with_suffix(".converted")
    with reader, parquet.ParquetWriter(converted, schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
    converted.replace(file)


def _name_of(code: int) -> str:
    known = types.get(code)
    return known.name if known is not None else "text"
