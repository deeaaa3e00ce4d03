import re

import numpy as np

FIELD: re.Pattern[str]
SCALARS: dict[str, str]
TEXT: tuple[str, ...]
HEADER: np.dtype[np.void]
HEADER_1: np.dtype[np.void]
ENTRY: np.dtype[np.void]
ENTRY_ROW: np.dtype[np.void]
ENTRY_ROW_1: np.dtype[np.void]
PARTS: tuple[np.dtype[np.void], ...]
LEG: np.dtype[np.void]
AFTER_IMAGE: np.dtype[np.void]
PARTICIPANT_RECORD: np.dtype[np.void]
TERMINAL_RECORD: np.dtype[np.void]
CARD_RECORD: np.dtype[np.void]
TERMINAL_RECORD_1: np.dtype[np.void]
CARD_RECORD_1: np.dtype[np.void]
WINDOW_RECORD: np.dtype[np.void]
DECLARATION_RECORD: np.dtype[np.void]
TARIFF_RECORD: np.dtype[np.void]
POLICY_RECORD: np.dtype[np.void]
ARRAY_ROW: np.dtype[np.void]
CONFIG_RECORD: np.dtype[np.void]
ACTOR_RECORD: np.dtype[np.void]
ACT_RECORD: np.dtype[np.void]
SCENE_RECORD: np.dtype[np.void]
CALENDAR_RECORD: np.dtype[np.void]
CREDENTIAL: np.dtype[np.void]
ACCOUNT: np.dtype[np.void]
TERMINAL: np.dtype[np.void]
PARTICIPANT: np.dtype[np.void]
CLAIM: np.dtype[np.void]
WINDOW: np.dtype[np.void]
POLICY_ROW: np.dtype[np.void]
CARD_PAST: np.dtype[np.void]
TERMINAL_PAST: np.dtype[np.void]
ACTOR: np.dtype[np.void]
SCENE: np.dtype[np.void]
CALENDAR_DAY: np.dtype[np.void]
OPEN_HOLD: np.dtype[np.void]
PURSE: np.dtype[np.void]
LOT: np.dtype[np.void]
TRAVEL: np.dtype[np.void]
JOURNEY: np.dtype[np.void]
TOTALS: np.dtype[np.void]
PAGE_BYTES: int
MAGIC: int
VERSION: int
SHA256: int

def fields_of(struct: str, room: object) -> np.dtype[np.void]: ...
def derived(struct: str, room: object) -> np.dtype[np.void]: ...
def check(struct: str, fields: np.dtype[np.void], dtype: np.dtype[np.void]) -> None: ...
