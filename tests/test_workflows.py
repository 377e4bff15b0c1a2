"""The workflows of .github: linted, without a way for a pull request's code to secrets, and with chores that exist."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from unhype.review.comment import MARK

ROOT = Path(__file__).resolve().parent.parent
GITHUB = ROOT / ".github"
FILES = sorted((GITHUB / "workflows").glob("*.yml"))
TOOLS = {"actionlint": [], "zizmor": ["--offline", "--no-progress", "--quiet", str(GITHUB)]}


def read(name: str) -> dict[str, Any]:
    # `on` is a word for true in the YAML of 2005.
    text = (GITHUB / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    workflow: dict[str, Any] = yaml.load(text, yaml.BaseLoader)
    return workflow


@pytest.mark.parametrize("tool", TOOLS)
def test_linters_have_nothing_to_say(tool: str) -> None:
    place = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    found = shutil.which(tool, path=place)
    if found is None:
        pytest.skip(f"{tool} is not installed")
    done = subprocess.run([found, *TOOLS[tool]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_least_rights_time_limits_and_actions_of_github_alone(path: Path) -> None:
    workflow = read(path.stem)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    assert "pull_request_target" not in workflow["on"]
    for job in workflow["jobs"].values():
        assert "timeout-minutes" in job
        for step in job["steps"]:
            uses = step.get("uses", "./")
            assert uses.startswith("./") or re.fullmatch(r"actions/[\w/-]+@(v\d+|[0-9a-f]{40})", uses)
            if uses.startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] == "false"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_chores_and_scripts_that_are_run_exist(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = [step["run"] for job in read(path.stem)["jobs"].values() for step in job["steps"] if "run" in step]
    for command in commands:
        for chore in re.findall(r"make ([\w-]+)", command):
            assert re.search(rf"^{chore}:", makefile, re.MULTILINE), chore
        for script in re.findall(r"^(\.(?:github|ci)/\S+)", command):
            assert os.access(ROOT / script, os.X_OK), script


def test_the_code_of_a_pull_request_meets_no_secret() -> None:
    jobs = read("concept-lists")["jobs"]
    review = json.dumps(jobs["review"])
    assert "secrets." not in review
    assert "environment" not in jobs["review"]
    assert "permissions" not in jobs["review"]
    assert "cache/save" not in review
    assert "head.repo.full_name == github.repository" in jobs["review"]["runs-on"], "no fork on a machine of ours"
    assert jobs["register"]["if"] == "github.event_name != 'pull_request'"
    assert jobs["register"]["environment"] == "registry"
    told = json.dumps(read("concept-lists-comment"))
    assert "ref" not in [
        key for step in read("concept-lists-comment")["jobs"]["comment"]["steps"] for key in step.get("with", {})
    ]
    assert "make" not in told


def test_what_is_kept_is_restored() -> None:
    paths = {
        (step["uses"].partition("@")[0], step["with"]["path"])
        for job in read("concept-lists")["jobs"].values()
        for step in job["steps"]
        if "actions/cache/" in step.get("uses", "")
    }
    assert {name for name, _ in paths} == {"actions/cache/restore", "actions/cache/save"}
    assert len({path for _, path in paths}) == 1, "GitHub finds a cache again by its paths, too"


GH = """#!{python}
import json, os, sys
words = sys.argv[1:]
text = sys.stdin.read() if "--input" in words else ""
with open(os.environ["LOG"], "a") as log:
    log.write(json.dumps([words, text]) + "\\n")
place = next(word for word in words[1:] if word.startswith("repos/"))
if place.endswith("/pulls"):
    print(os.environ["NUMBER"])
elif place.endswith("/comments") and "--jq" in words:
    print(os.environ["BEFORE"])
elif "/git/refs/" in place:
    sys.exit(1)
elif "/git/" in place and "--jq" in words:
    print(place.rpartition("/")[2] + "-sha")
"""


class Hub:
    """GitHub, as far as the script asks it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        (folder / "bin").mkdir()
        (folder / "bin" / "gh").write_text(GH.format(python=sys.executable))
        (folder / "bin" / "gh").chmod(0o755)
        self.found = folder / "found"
        self.found.mkdir()
        (self.found / "comment.md").write_text(f"{MARK}\n\n![seen](unhype-pop.png) [report](unhype-pop-4.html)\n")
        (self.found / "unhype-pop.png").write_bytes(b"\x89PNG\r\n\x1a\n and more")
        (self.found / "no-picture.png").write_bytes(b"#!/bin/sh")

    def tell(self, number: str = "12", before: str = "") -> tuple[int, list[tuple[list[str], str]]]:
        self.log.write_text("")
        environment = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "LOG": str(self.log),
            "NUMBER": number,
            "BEFORE": before,
            "GITHUB_REPOSITORY": "team/unhype",
            "HEAD": "somebody:a-branch",
            "HEAD_SHA": "f" * 40,
        }
        command = [str(GITHUB / "comment.sh"), str(self.found)]
        code = subprocess.run(command, env=environment, check=False).returncode
        return code, [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    if not shutil.which("jq"):
        pytest.skip("jq is not installed; GitHub's runners have it")
    return Hub(tmp_path)


def test_a_comment_is_written_below_the_pull_request_with_its_pictures(hub: Hub, tmp_path: Path) -> None:
    code, calls = hub.tell()
    assert code == 0
    asked, *_ = calls[0]
    assert "head=somebody:a-branch" in asked
    (tree,) = (json.loads(text) for words, text in calls if "repos/team/unhype/git/trees" in words)
    assert [entry["path"] for entry in tree["tree"]] == ["unhype-pop.png"], "what is no picture stays"
    assert any("ref=refs/ci-pictures/12" in words for words, _ in calls)
    last, _ = calls[-1]
    assert "repos/team/unhype/issues/12/comments" in last
    posted = Path(next(word for word in last if word.startswith("body=@")).removeprefix("body=@"))
    text = posted.read_text(encoding="utf-8")
    assert "![seen](https://github.com/team/unhype/blob/commits-sha/unhype-pop.png?raw=true)" in text
    assert "[report](unhype-pop-4.html)" in text
    posted.unlink()


def test_a_comment_is_edited_rather_than_said_twice(hub: Hub) -> None:
    code, calls = hub.tell(before="345")
    assert code == 0
    assert calls[-1][0][:4] == ["api", "--method", "PATCH", "repos/team/unhype/issues/comments/345"]


def test_nothing_is_told_to_a_pull_request_that_went_on_nor_a_text_that_is_no_comment(hub: Hub) -> None:
    code, calls = hub.tell(number="")
    assert (code, len(calls)) == (0, 1)
    (hub.found / "comment.md").write_text("something else")
    code, calls = hub.tell()
    assert (code, len(calls)) == (1, 1)
