"""The application and its visitors, as the tests of the pages know them."""

from tests.doors.conftest import address, app, settings, small_world, today, visit
from tests.web.conftest import signed_in, visitor

__all__ = ["address", "app", "settings", "signed_in", "small_world", "today", "visit", "visitor"]
