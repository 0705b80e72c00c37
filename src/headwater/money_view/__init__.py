"""Money shown: sums, pictures and tables of what was traced, and the sheets to ask services with."""

from headwater.money_view.amounts import btc_text, share_text
from headwater.money_view.by_service import ServiceLine, service_lines
from headwater.money_view.ends import END_COLUMNS, EndRows, end_rows
from headwater.money_view.for_country import money_pages
from headwater.money_view.frames import PAPER, SCREEN, Frame
from headwater.money_view.months import MonthTable, month_table
from headwater.money_view.prices import Prices
from headwater.money_view.sankey import Picture, laid_out
from headwater.money_view.sankey_svg import svg_text
from headwater.money_view.sheets import Basis, Sheet, request_sheets
from headwater.money_view.sheets_of_tokens import token_sheet_files, token_sheets
from headwater.money_view.sums import FEE, End, FlowSums, MoneySums, money_sums
from headwater.money_view.sums_of_tokens import TokenEnd, TokenSums, token_end_rows, token_sums
from headwater.money_view.written import sheet_files

__all__ = [
    "END_COLUMNS",
    "FEE",
    "PAPER",
    "SCREEN",
    "Basis",
    "End",
    "EndRows",
    "FlowSums",
    "Frame",
    "MoneySums",
    "MonthTable",
    "Picture",
    "Prices",
    "ServiceLine",
    "Sheet",
    "TokenEnd",
    "TokenSums",
    "btc_text",
    "end_rows",
    "laid_out",
    "money_pages",
    "money_sums",
    "month_table",
    "request_sheets",
    "service_lines",
    "share_text",
    "sheet_files",
    "svg_text",
    "token_end_rows",
    "token_sheet_files",
    "token_sheets",
    "token_sums",
]
