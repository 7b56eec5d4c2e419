"""The session of a broker that was killed is over when the controller's log says so, not when the controller does."""

import os
import sys
from pathlib import Path

import pytest

from streams.local import kafka_session

CONTROLLER = """
import sys, time
from pathlib import Path

print("Performing controller activation", flush=True)
print(sys.argv[1], flush=True)
for n in range(int(sys.argv[2])):
    time.sleep(0.3)
    with Path("log/__cluster_metadata-0/0.log").open("ab") as log:
        log.write(b"x")

time.sleep(float(sys.argv[3]))
"""


def ended(folder: Path, says: str, writes: int, lives_s: float = 60.0) -> bool:
    (folder / "log" / "__cluster_metadata-0").mkdir(parents=True)
    return kafka_session.end_old_session([sys.executable, "-S", "-c", CONTROLLER, says, str(writes), str(lives_s)], os.environ, folder)


def test_session_is_over_when_the_controller_has_written_twice_since_it_said_so(tmp_path: Path) -> None:
    assert ended(tmp_path, "Fencing broker 1", 2)
    assert (tmp_path / "log" / "__cluster_metadata-0" / "0.log").stat().st_size == 2


@pytest.mark.parametrize(
    ("says", "writes", "lives_s"), [("Fencing broker 1", 1, 60.0), ("nothing of it", 2, 60.0), ("Fencing broker 1", 0, 0.0)]
)
def test_session_is_not_known_to_be_over_when_the_controller_is_silent_or_gone(
    says: str, writes: int, lives_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_session, "_WRITTEN_S", 0.8)
    monkeypatch.setattr(kafka_session, "_NONE_S", 0.8)
    assert not ended(tmp_path, says, writes, lives_s)
