"""The file forms that are known. A new one is one file here and one line below."""

from collections.abc import Mapping

from coincast.sources.formats import coinmarketcap_2018, table
from coincast.sources.formats.form import Format, Reading, ReadOptions

FORMATS: Mapping[str, Format] = {
    "coinmarketcap_2018": coinmarketcap_2018.FORM,
    "table": table.FORM,  # takes any table, so it comes last
}
"""Name -> form, in the order in which they are tried."""

__all__ = ["FORMATS", "Format", "ReadOptions", "Reading"]
