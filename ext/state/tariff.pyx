"""A tariff from every station to every station as it stands in the blob of a block, old and new."""

from typing import NamedTuple

import numpy as np

from onecard.ext.shape.arrays import packed, unpacked

STATIONS_MAX = 1024  # what fits one message; a country's largest network has half of it
ARRAYS = 2


class OdTariff(NamedTuple):
    """`fares_fen` is stations * stations int32, row = from, -1 = no fare."""

    stations: int
    entry_min_fen: int
    fares_fen: object


def of_arrays(blob, count):
    """The tariff of a policy's arrays. ValueError where they are not those of one."""
    arrays = unpacked(blob, count)
    said = {name: (array.dtype.str, array.shape) for name, array in arrays.items()}
    stations = len(arrays["fares"]) if "fares" in arrays else 0
    if not 1 <= stations <= STATIONS_MAX or said != {
        "fares": ("<i4", (stations, stations)), "entry_min": ("<i4", (1,))
    }:
        raise ValueError(f"expected the arrays of an OD tariff, found {said}")
    return OdTariff(stations, int(arrays["entry_min"][0]), arrays["fares"].reshape(-1))


def of_fares(blob, stations, entry_min_fen):
    """The tariff of a record of before there were arrays: its blob is the fares. ValueError."""
    if len(blob) != 4 * stations * stations:
        raise ValueError(f"expected {4 * stations * stations} bytes of fares, found {len(blob)}")
    return OdTariff(stations, entry_min_fen, np.frombuffer(blob, np.int32).copy())


def of_record(rows, blob):
    """The tariff of the row of a block, TariffRecord or PolicyRecord. ValueError."""
    row = rows[0]
    if "arrays" in rows.dtype.names:
        return of_arrays(blob, int(row["arrays"]))
    return of_fares(blob, int(row["stations"]), int(row["entry_min_fen"]))


def arrays_of(fares_fen, stations, entry_min_fen):
    """The blob of a tariff that is written: ARRAYS of them."""
    fares = np.ascontiguousarray(fares_fen, "<i4").reshape(stations, stations)
    return packed({"fares": fares, "entry_min": np.array([entry_min_fen], "<i4")})
