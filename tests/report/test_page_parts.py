"""Parts shared by the pages."""

from __future__ import annotations

import re

from emoedge.report.page_parts import script_of


def test_the_page_carries_the_shared_script():
    script = script_of("report.js")
    assert "function clockLabel" in script
    assert "import " not in script
    assert not re.search(r"^export ", script, re.MULTILINE)
