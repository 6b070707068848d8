"""Files and payloads are found by name among those there are: no path leads out."""

import pytest

from tests.doors.http.security.conftest import Site

OUT = [
    "../login.py",
    "..%2flogin.py",
    "..%252flogin.py",
    "%2e%2e/login.py",
    "....//login.py",
    "..\\login.py",
    "..%5clogin.py",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "fonts/../../shell.py",
    "console.css/../../shell.py",
    "console.css%00.js",
    "",
    ".",
    "fonts",
    "con",
    "console.css:stream",
]


@pytest.mark.parametrize("name", OUT)
def test_no_path_leads_out_of_the_static_files(site: Site, name: str) -> None:
    """Whatever a server or a proxy in front of it makes of dots and slashes."""
    came = site.raw_get(f"/static/{name}")
    assert came[0] in {404, 405, 307, 400}, came
    assert b"import" not in came[1]
    assert b"root:" not in came[1]


@pytest.mark.parametrize("digest", ["..", "../..", "%2e%2e%2f", "0" * 63, "G" * 64, "0" * 64, "0" * 64 + "%00"])
def test_a_payload_is_named_by_its_digest_alone(site: Site, digest: str) -> None:
    """Anything else is no name, and one that nobody has is not there."""
    execution = site.started("helper").id
    for door in ("/v1/executions", "/executions"):
        came = site.raw_get(f"{door}/{execution}/blobs/{digest}", key=site.keys["admin"])
        assert came[0] in {307, 404, 422}  # 307: the same without a slash at its end


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example/v1/executions/", "/v1/executions/", "/login//"])
def test_a_tidied_path_leads_nowhere_else(site: Site, path: str) -> None:
    """A slash too many is taken away here, not on a server of that name."""
    answer = site.request("GET", f"http://127.0.0.1{path}")
    assert answer.status_code in {307, 404}
    assert answer.headers.get("location", "http://127.0.0.1/").startswith("http://127.0.0.1/")


def test_a_static_file_is_what_it_says(site: Site) -> None:
    """And no browser takes it for something else."""
    answer = site.request("GET", "/static/console.css")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
