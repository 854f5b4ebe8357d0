"""What a test needs to look at the viewer as a person does: the browser, the picture, the panel."""

from tests.e2e.viewer_probe.browser import browser_window
from tests.e2e.viewer_probe.panel import PanelProbe
from tests.e2e.viewer_probe.picture import Picture, wait_for_picture

__all__ = ["PanelProbe", "Picture", "browser_window", "wait_for_picture"]
