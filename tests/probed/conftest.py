"""A micro world with a skill that was taught to say how sure it is; it knows nothing, so only what is counted is checked."""

import pytest

from tests.chain import Folder


@pytest.fixture(scope="package")
def micro(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("probed"))
    folder.must("world", "--size", "micro", "--seed", "1")
    folder.must("synth", "bio", "--set", "familiarity.shares=[0.4,0.3,0.3]")
    folder.must("prereq")
    folder.must("sft")
    return folder
