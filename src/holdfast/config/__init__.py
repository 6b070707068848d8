"""What can be configured, and how logs are written."""

from holdfast.config.alerts import AlertSettings
from holdfast.config.controls import BreakerSettings, BudgetSettings, RateSettings
from holdfast.config.hooks import HookSettings
from holdfast.config.logs import configure_logging, quieted
from holdfast.config.postgres import PostgresSettings
from holdfast.config.sections import (
    EmailSettings,
    PersonSettings,
    PriceSettings,
    SlackSettings,
    TelegramSettings,
    WebhookSettings,
)
from holdfast.config.settings import FILE, PREFIX, Settings, configuration_file
from holdfast.config.telemetry import TelemetrySettings

__all__ = [
    "FILE",
    "PREFIX",
    "AlertSettings",
    "BreakerSettings",
    "BudgetSettings",
    "EmailSettings",
    "HookSettings",
    "PersonSettings",
    "PostgresSettings",
    "PriceSettings",
    "RateSettings",
    "Settings",
    "SlackSettings",
    "TelegramSettings",
    "TelemetrySettings",
    "WebhookSettings",
    "configuration_file",
    "configure_logging",
    "quieted",
]
