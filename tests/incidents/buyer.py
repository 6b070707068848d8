"""The clerk with a model that costs money: `holdfast worker tests/incidents/buyer.py`."""

import os
from pathlib import Path

from holdfast import App
from holdfast.testing import CrashingJournal
from tests.incidents.desk import clerk

FOLDER = Path(os.environ["INCIDENT_FOLDER"])

app = App([clerk(FOLDER, models=["openai-chat:gpt-5.2"])], wrap_journal=CrashingJournal)
