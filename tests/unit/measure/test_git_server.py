import os
import subprocess
import urllib.error
import urllib.request

import pytest

from fleetbench.errors import EnvironmentLacks, InputError
from fleetbench.measure.git_server import serve
from fleetbench.measure.served import bare_copy, clone_head, commit_all, uncommitted

GIT = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


def git(*arguments):
    return subprocess.run(["git", *map(str, arguments)], env=GIT, capture_output=True, text=True, check=False)


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repo"
    (folder / "apps").mkdir(parents=True)
    (folder / "apps" / "a.yaml").write_text("kind: ConfigMap\n")
    commit_all(folder, "First")
    return folder


@pytest.fixture
def url(repository, tmp_path):
    with serve(bare_copy(repository, tmp_path / "served.git"), "127.0.0.1") as url:
        yield url


def test_the_repository_can_be_cloned_over_http(url, tmp_path):
    done = git("clone", "--depth", "1", "--branch", "main", url, tmp_path / "clone")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "clone" / "apps" / "a.yaml").read_text() == "kind: ConfigMap\n"


def test_it_can_be_cloned_with_the_first_protocol_too(url, tmp_path):
    assert git("-c", "protocol.version=0", "clone", url, tmp_path / "clone").returncode == 0


def test_nothing_can_be_pushed_to_it(url, repository):
    done = git("-C", repository, "push", url, "HEAD:refs/heads/other")
    assert done.returncode != 0 and "403" not in done.stderr.lower() + "x" and "not found" in done.stderr


@pytest.mark.parametrize(
    "path",
    ["/", "/fleet.git/info/refs?service=git-upload-pack", "/{token}x/fleet.git/info/refs?service=git-upload-pack"],
)
def test_it_answers_nobody_who_does_not_know_the_path(url, path):
    base, token = url.rsplit("/", 3)[0] + "//" + url.split("/")[2], url.split("/")[3]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen("http://" + url.split("/")[2] + path.format(token=token), timeout=10)
    assert refused.value.code == 404 and token not in base


@pytest.mark.parametrize(
    "path", ["HEAD", "config", "objects/info/packs", "info/refs", "info/refs?service=git-receive-pack", "../config"]
)
def test_no_file_of_it_can_be_read_and_no_other_service_asked(url, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{url}/{path}", timeout=10)
    assert refused.value.code == 404


def test_the_path_cannot_be_guessed(repository, tmp_path):
    tokens = set()
    bare = bare_copy(repository, tmp_path / "served.git")
    for _ in range(3):
        with serve(bare, "127.0.0.1") as url:
            tokens.add(url.split("/")[3])
    assert len(tokens) == 3 and all(len(t) >= 32 for t in tokens)


def test_it_is_gone_with_the_run(repository, tmp_path):
    with serve(bare_copy(repository, tmp_path / "served.git"), "127.0.0.1") as url:
        pass
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{url}/info/refs?service=git-upload-pack", timeout=10)


def test_an_address_that_is_not_this_machines_is_refused(tmp_path):
    with pytest.raises(EnvironmentLacks, match=r"cannot listen on 192\.0\.2\.1"), serve(tmp_path, "192.0.2.1"):
        pass


def test_what_is_served_is_the_commit_and_not_the_working_tree(repository, tmp_path):
    (repository / "apps" / "a.yaml").write_text("changed")
    (repository / "new.yaml").write_text("new")
    commit = clone_head(repository, tmp_path / "checkout")
    assert len(commit) == 40 and uncommitted(repository)
    assert (tmp_path / "checkout" / "apps" / "a.yaml").read_text() == "kind: ConfigMap\n"
    assert not (tmp_path / "checkout" / "new.yaml").exists()


def test_a_folder_that_is_no_repository_is_refused_with_the_way_out(tmp_path):
    (tmp_path / "plain").mkdir()
    with pytest.raises(InputError, match="needs a git repository with a commit") as refused:
        clone_head(tmp_path / "plain", tmp_path / "checkout")
    assert "git commit" in refused.value.hint


def test_a_folder_inside_a_repository_is_refused_with_the_folder_to_name(repository, tmp_path):
    with pytest.raises(InputError, match="lies inside the git repository"):
        clone_head(repository / "apps", tmp_path / "checkout")
