"""The stand-in for Bing that the tests of the crawler rely on, and its hostile sister."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import local_bing
import pytest
import requests
from conftest import ROOT
from hostile import HostileBing, bomb, picture
from local_bing import ANY, LocalBing, Result

from maskdet import images
from maskdet.errors import InputError


def links(page: bytes) -> list[dict[str, str]]:
    found = re.findall(r'<a class="iusc" m="(.*?)"', page.decode())
    return [json.loads(html.unescape(text)) for text in found]


def test_a_phrase_is_found_page_by_page() -> None:
    pictures = [picture(number) for number in range(40)]
    with LocalBing(
        {"with mask": pictures, ANY: [Result("http://x.invalid/a.jpg?a=1&b=2")]}
    ) as bing:
        session = requests.Session()
        found = []
        for first in (1, 36, 41):
            query = {"q": " With  MASK", "first": first, "count": 35}
            answer = session.get(bing.endpoint, params=query, headers={"X-Test": "ä".encode()})
            assert answer.status_code == 200
            assert answer.content
            found.append([item["murl"] for item in links(answer.content)])
        assert [len(page) for page in found] == [35, 5, 0]
        assert [session.get(url).content for page in found for url in page] == pictures
        other = links(session.get(bing.endpoint, params={"q": "x"}).content)
        assert [item["murl"] for item in other] == ["http://x.invalid/a.jpg?a=1&b=2"]

        assert bing.hits["/images/async"] == 4
        assert set(bing.hits.values()) == {4, 1}
        assert [int(item.query["first"]) for item in bing.requests[:3]] == [1, 36, 41]
        assert bing.requests[0].headers["x-test"]
        assert len({item.client for item in bing.requests}) == 1, "the connection is kept"
    with pytest.raises(requests.ConnectionError):
        session.get(bing.endpoint)


def test_a_folder_is_served_by_a_command(tmp_path: Path) -> None:
    for name in ("cats/a.jpg", "dogs/b.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(picture(len(name), format=name[-4:]))
    command = [sys.executable, str(ROOT / "scripts/local_bing.py"), str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("2 pictures")
        (endpoint,) = re.findall(r"--endpoint (\S+)", process.stdout.readline())
        for phrase, names in {"cats": ["a.jpg"], "anything": ["a.jpg", "b.png"]}.items():
            found = links(requests.get(f"{endpoint}?q={quote(phrase)}").content)
            assert [Path(item["murl"]).name for item in found] == names
            kept = requests.get(found[-1]["murl"])
            assert kept.content == next(tmp_path.rglob(names[-1])).read_bytes()
            assert kept.headers["Content-Type"] in ("image/jpeg", "image/png")
    finally:
        process.terminate()
        process.communicate()


def test_what_cannot_be_served_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jpg").write_bytes(picture(1))
    with LocalBing({}) as other:
        for arguments, message in (
            (["none"], "cannot read none"),
            ([str(tmp_path), "--port", str(other.port)], "Address already in use"),
        ):
            monkeypatch.setattr(sys, "argv", ["local_bing.py", *arguments])
            with pytest.raises(SystemExit, match="2"):
                local_bing.main()
            assert message in capsys.readouterr().err


def test_hostile_pictures_are_what_they_are_called() -> None:
    with pytest.raises(InputError, match="bomb"):
        images.read(bomb())
    with HostileBing() as bing:
        where = bing.addresses
        saved = [requests.get(address).content for address in bing.saveable]
        assert len(set(saved)) == len(saved) > 5
        assert all(images.read(data).shape == (120, 160, 3) for data in saved)
        assert [requests.get(where["busy"]).status_code for _ in range(2)] == [429, 200]
        with pytest.raises(requests.ConnectionError):
            requests.get(where["refused"])
        with pytest.raises(requests.TooManyRedirects):
            requests.get(where["redirect_loop"])
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            requests.get(where["truncated"])
        with requests.get(where["endless"], stream=True) as endless:
            assert len(endless.raw.read(10**6)) == 10**6
        assert requests.get(bing.endpoint, params={"q": "blocked"}).content == b""
