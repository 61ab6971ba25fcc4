import os
import tempfile
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture
def unprivileged():
    """A new folder of a user whom permissions bind: root is bound by none."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = os.geteuid() == 0
        if root:
            os.chown(folder, NOBODY, -1)
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            folder.chmod(0o700)
            if root:
                os.seteuid(0)
