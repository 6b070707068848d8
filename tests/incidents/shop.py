"""What worker processes of the incident tests run: `holdfast worker tests/incidents/shop.py`."""

import os
from pathlib import Path

from holdfast import App
from holdfast.testing import CrashingJournal
from tests.incidents.desk import clerk

FOLDER = Path(os.environ["INCIDENT_FOLDER"])

app = App([clerk(FOLDER)], wrap_journal=CrashingJournal)
