"""Teammates get the data: what one registers and pushes, another pulls to the byte, or is told why not in a line."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dvc.repo import Repo

from tests.registry.conftest import _alone, guard, made, record, root, store, tags  # noqa: F401
from unhype.cli.main import main
from unhype.errors import UnhypeError
from unhype.pipeline.sharing import pull_data, push_data
from unhype.registry.models import Version, register
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store
from unhype.storage.addresses import keep

PROMPTS, PICTURES = Path("prompts/toy"), Path("images/mini-sd/toy")


def checkout(folder: Path, config: str) -> Path:
    """A repository with a remote called team; returns its folder of data."""
    folder.mkdir()
    Repo.init(str(folder), no_scm=True).close()
    (folder / ".dvc" / "config").write_text(
        f"[core]\n    no_scm = true\n    remote = team\n['remote \"team\"']\n{config}"
    )
    return folder / "data"


def filled(data: Path) -> Version:
    """What a flow leaves, and the version that it registers."""
    for path, text in {
        PROMPTS / "train.csv": "prompt\na photo of Cher\n",
        PROMPTS / "written.json": "{}",
        PICTURES / "none-0123" / "a.png": "a",
        PICTURES / "none-0123" / "manifest.csv": "file\na.png\n",
        PICTURES / "unhype-4567" / "a.png": "a",
    }.items():
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        (data / path).write_text(text)
    told = {"prompts_data": keep(data / PROMPTS), "pictures_data": keep(data / PICTURES)}
    return Version("unhype-toy", 3, "run", (), {"concept_set": "toy", "base": "mini-sd", **told})


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return checkout(tmp_path / "mine", f"    url = {tmp_path / 'team'}\n")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return checkout(tmp_path / "theirs", f"    url = {tmp_path / 'team'}\n")


def refused(version: Version, data: Path, **how: object) -> str:
    """Why a pull was refused; it left everything as it was."""
    before = bytes_in(data) if data.exists() else {}
    with pytest.raises(UnhypeError) as caught:
        list(pull_data(version, data, **how))  # type: ignore[arg-type]
    assert (bytes_in(data) if data.exists() else {}) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_version_travels_to_the_byte_whatever_came_after(mine: Path, theirs: Path) -> None:
    version = filled(mine)
    before = bytes_in(mine)
    (mine / PROMPTS / "train.csv").write_text("prompt\nedited\n")
    (mine / PICTURES / "none-0123" / "b.png").write_text("of another guard")
    assert [line.rpartition(": ")[2].split()[0] for line in push_data(version, mine)] == ["2", "2"], "a.png is one file"
    assert [line.rpartition(": ")[2].split()[0] for line in push_data(version, mine)] == ["0", "0"]
    assert len(list(pull_data(version, theirs))) == 2
    assert bytes_in(theirs) == before
    (theirs / PROMPTS / "train.csv").write_text("theirs to edit")
    assert not [path for path in theirs.rglob(".*")], "nothing half-written stays"


def test_what_is_there_is_not_lost(mine: Path, theirs: Path, tmp_path: Path) -> None:
    version = filled(mine)
    list(push_data(version, mine))
    list(pull_data(version, theirs))
    assert all("there already" in line for line in pull_data(version, theirs))
    (theirs / PROMPTS / "train.csv").write_text("edited")
    assert "train.csv is edited" in refused(version, theirs)
    shutil.rmtree(theirs / PROMPTS)
    (theirs / PICTURES / "none-0123" / "b.png").write_text("of another guard")
    assert "none-0123/b.png is new" in refused(version, theirs)
    list(pull_data(version, theirs, out=tmp_path / "out"))
    assert bytes_in(tmp_path / "out") == bytes_in(mine)
    list(pull_data(version, theirs, force=True))
    assert bytes_in(theirs) == bytes_in(mine)


def test_what_is_missing_in_the_remote(mine: Path, theirs: Path, tmp_path: Path) -> None:
    version = filled(mine)
    assert f"without {version.tags['prompts_data']}" in refused(version, theirs), "nobody pushed it"
    list(push_data(version, mine))
    picture = next(path for path in (tmp_path / "team").rglob("*") if path.is_file() and path.read_text() == "a")
    picture.chmod(0o644)
    picture.write_text("damaged")
    assert "with 1 files missing or damaged" in refused(version, theirs)
    picture.unlink()
    assert "unhype data push" in refused(version, theirs)
    assert any(": 1 files sent" in line for line in push_data(version, mine)), "a push puts it back"
    assert len(list(pull_data(version, theirs))) == 2


def test_a_cache_that_somebody_wrote_into(mine: Path, theirs: Path) -> None:
    version = filled(mine)
    list(push_data(version, mine))
    list(pull_data(version, theirs))
    shutil.rmtree(theirs)
    cache = theirs.parent / ".dvc" / "cache"
    picture = next(path for path in cache.rglob("*") if path.is_file() and path.read_text() == "a")
    picture.chmod(0o644)
    picture.write_text("damaged")
    list(pull_data(version, theirs))
    assert bytes_in(theirs) == bytes_in(mine)


def test_what_cannot_be_sent(mine: Path, theirs: Path, tmp_path: Path) -> None:
    version = filled(mine)
    with pytest.raises(UnhypeError, match="push it on the machine that registered it"):
        list(push_data(version, theirs))
    shutil.rmtree(mine.parent / ".dvc" / "cache")
    assert len(list(push_data(version, mine))) == 2, "the folders are still as they were"
    old = Version("unhype-toy", 1, "run", (), {"concept_set": "toy", "base": "mini-sd", "data_revision": "d" * 64})
    assert "run the flow on its list again" in refused(old, mine)
    assert "remote doesn't exist" in refused(version, theirs, remote="nobody").replace("'nobody' ", "")
    (theirs.parent / ".dvc" / "config").write_text("[core]\n    no_scm = true\n")
    assert "dvc remote add --default" in refused(version, theirs)
    with pytest.raises(UnhypeError, match="lies in no DVC repository"):
        list(push_data(version, tmp_path / "elsewhere" / "data"))


def test_the_commands(
    mine: Path,
    theirs: Path,
    store: Store,  # noqa: F811
    guard: Path,  # noqa: F811
    tags: dict[str, str],  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    version = filled(mine)
    run_id = log_run(store, RunRecord("toy", "TrainFlow/17"))
    register(store, guard, "unhype-toy", {**tags, **version.tags}, "", run_id)
    where = ["--model", "models:/unhype-toy/1", "--root", str(store.root), "--data"]
    assert main(["data", "push", *where, str(mine)]) == 0
    assert "2 files sent to the remote team" in capsys.readouterr().out
    assert main(["data", "pull", *where, str(theirs)]) == 0
    assert bytes_in(theirs) == bytes_in(mine)
    (theirs / PROMPTS / "train.csv").write_text("edited")
    assert main(["data", "pull", *where, str(theirs)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("unhype: got ")
    assert told.count("\n") == 1


def test_a_clone_has_a_remote_that_git_ignores(data: Path) -> None:
    with Repo(str(data.parent)) as repo:
        remote = Path(repo.cloud.get_remote().path)
    command = ["git", "-C", str(data.parent), "check-ignore", "--quiet", str(remote / "files")]
    assert subprocess.run(command, check=False).returncode == 0


# ---------------------------------------------------------------- S3


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A small S3 server on this machine with a bucket ``team``; its address."""
    pytest.importorskip("dvc_s3", reason="dvc-s3 is not installed: pip install 'unhype[s3]'")
    server = pytest.importorskip("moto.server", reason="moto is not installed: pip install 'unhype[dev]'")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    running = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    try:
        url = "http://{}:{}".format(*running.get_host_and_port())
        import boto3

        known = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=url, **known).create_bucket(Bucket="team")
        yield url
    finally:
        running.stop()


def on_s3(url: str, bucket: str = "team", keys: bool = True) -> str:
    known = "    access_key_id = a\n    secret_access_key = b\n" if keys else ""
    return f"    url = s3://{bucket}/data\n    endpointurl = {url}\n    region = us-east-1\n{known}"


@pytest.mark.slow
def test_over_s3(s3: str, tmp_path: Path) -> None:
    mine, theirs = (checkout(tmp_path / name, on_s3(s3)) for name in ("mine", "theirs"))
    version = filled(mine)
    assert "unhype data push" in refused(version, theirs)
    assert all("2 files sent to the remote team (s3://team/data)" in line for line in push_data(version, mine))
    list(pull_data(version, theirs))
    assert bytes_in(theirs) == bytes_in(mine)


@pytest.mark.slow
def test_s3_that_refuses(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = filled(checkout(tmp_path / "mine", on_s3(s3)))

    def told(name: str, config: str) -> str:
        return refused(version, checkout(tmp_path / name, config))

    assert "got no credentials" in told("nobody", on_s3(s3, keys=False))
    assert "bucket does not exist" in told("nowhere", on_s3(s3, "nowhere"))
    monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0)  # from now on it asks who is there
    assert "perhaps expired" in told("stranger", on_s3(s3))


@pytest.mark.slow
def test_s3_that_does_not_answer(tmp_path: Path) -> None:
    pytest.importorskip("dvc_s3", reason="dvc-s3 is not installed: pip install 'unhype[s3]'")
    version = filled(checkout(tmp_path / "mine", on_s3("http://127.0.0.1:9")))
    assert "got no answer" in refused(version, checkout(tmp_path / "theirs", on_s3("http://127.0.0.1:9")))


def test_s3_without_what_speaks_it(tmp_path: Path) -> None:
    try:
        import dvc_s3  # noqa: F401
    except ImportError:
        version = filled(checkout(tmp_path / "mine", on_s3("http://127.0.0.1:9")))
        with pytest.raises(UnhypeError, match=r"pip install 'unhype\[s3\]'"):
            list(push_data(version, tmp_path / "mine" / "data"))
    else:
        pytest.skip("dvc-s3 is installed: nothing to be told")
