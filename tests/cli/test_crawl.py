"""``maskdet crawl``: what it prints, and how it ends."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import ENOUGH_S, Spawn, wait_until
from hostile import CAPTCHA, HostileBing, cut_off, picture
from local_bing import PAGE
from local_bing import Result as Found

from maskdet.catalog import Catalog
from maskdet.classes import CLASSES
from maskdet.cli import main
from maskdet.crawl import queries

Call = Callable[..., Result]


@pytest.fixture
def call(runner: CliRunner, tmp_path: Path, bing: HostileBing) -> Call:
    """Call ``maskdet crawl`` without politeness, saving to ``tmp_path / "data"``."""

    def called(*arguments: str, private: bool = True) -> Result:
        command = ["crawl", *arguments, "--endpoint", bing.endpoint, "--min-side", "100"]
        command += ["--delay", "0", "--per-host", "8", "--data", str(tmp_path / "data")]
        return runner.invoke(main, command + ["--allow-private"] * private)

    return called


def add(bing: HostileBing, phrase: str, number: int) -> None:
    bing.add(phrase, [picture(700 + place) for place in range(number)])


def test_a_table_says_what_came_of_it(call: Call, bing: HostileBing, tmp_path: Path) -> None:
    add(bing, "masks", 5)
    bing.add("masks", [Found(bing.addresses["missing"]), Found(bing.addresses["gif"])])
    result = call("masks", "--class", "with-mask", "--max-num", "9")
    assert result.stdout.splitlines() == [
        "saved             5  saved",
        "not_found         1  the host answers that it is not there, or not for us",
        "not_image         1  neither JPEG, PNG nor WebP",
        "5 of 9 pictures are there, 5 of them new",
    ]
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(list((tmp_path / "data/raw/with_mask").iterdir())) == 5


def test_the_second_run_says_that_nothing_was_left_to_do(call: Call, bing: HostileBing) -> None:
    add(bing, "masks", 5)
    call("masks", "--max-num", "5")
    result = call("masks", "--max-num", "5")
    assert result.stdout == "5 of 5 pictures are there, 0 of them new\n"
    assert result.exit_code == 0


def test_all_of_it_as_json(call: Call, bing: HostileBing) -> None:
    add(bing, "masks", 3)
    result = call("masks", "blocked", "--class", "mask", "--max-num", "2", "--json")
    done = json.loads(result.stdout)
    assert done["outcomes"] == {"saved": 2}
    first, second = done["searches"]
    assert (first["phrase"], first["class"], first["wanted"]) == ("masks", "with_mask", 2)
    assert "empty page" in second["error"]


@pytest.mark.parametrize(
    ("phrases", "code", "stdout", "stderr"),
    [
        (["blocked"], 6, "0 of 100 pictures", "blocked: Bing answered with an empty page"),
        (["captcha"], 6, "0 of 100 pictures", "Bing answered nothing usable: see"),
        (["blocked", "captcha"], 6, "0 of 200 pictures", "captcha: Bing asks for a proof"),
        (["blocked", "odd"], 3, "12 of 200 pictures", "blocked: Bing answered with"),
        (["gone"], 3, "0 of 100 pictures", "gone: none of 2 addresses gave a picture"),
        (["odd"], 0, "12 of 100 pictures", ""),
    ],
)
def test_how_it_ends(
    call: Call, bing: HostileBing, phrases: list[str], code: int, stdout: str, stderr: str
) -> None:
    bing.add("gone", [Found(bing.addresses["missing"]), Found(bing.addresses["gif"])])
    result = call(*phrases)
    assert result.exit_code == code
    assert stdout in result.stdout
    assert stderr in result.stderr
    assert bool(stderr) == bool(result.stderr)


def test_an_empty_page_after_results_is_a_warning(call: Call, bing: HostileBing) -> None:
    add(bing, "masks", 40)
    bing.serve(PAGE, cut_off(b"", times=3))
    result = call("masks")
    assert result.exit_code == 0
    assert result.stdout.endswith("35 of 100 pictures are there, 35 of them new\n")
    assert "warning: masks: after 35 results, Bing answered with an empty page" in result.stderr
    assert call("masks").stdout.endswith("40 of 100 pictures are there, 5 of them new\n")


def test_results_that_are_all_known_are_usable(call: Call, bing: HostileBing) -> None:
    add(bing, "masks", 35)
    call("masks", "--max-num", "35")
    bing.serve(PAGE, cut_off(CAPTCHA))
    result = call("masks")
    assert result.exit_code == 3
    assert "error: masks: Bing asks for a proof" in result.stderr


def test_finding_nothing_but_what_is_there_is_no_error(call: Call, bing: HostileBing) -> None:
    add(bing, "masks", 2)
    call("masks")
    for number in range(2):
        copy = bing.serve(f"/again/{number}", lambda asked: asked.send(picture(700), "image/jpeg"))
        bing.add("copies", [Found(copy)])
    result = call("copies")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "same              2" in result.stdout


def test_more_is_said_of_what_gave_no_picture(call: Call, bing: HostileBing) -> None:
    for name in ("one", "other"):
        bing.add(name, [Found(f"{bing.url}/{name}.jpg")])
    said = f"{bing.url}/%s.jpg: not_found: HTTP 404"
    assert said % "one" in call("one", "-v").stderr
    assert said % "other" not in call("other").stderr


def test_no_results_are_told_but_no_error(call: Call, bing: HostileBing) -> None:
    result = call("nobody knows this")
    assert result.exit_code == 0
    assert result.stderr == "maskdet: nobody knows this: Bing has no results\n"


def test_private_addresses_are_left_alone_by_default(call: Call, bing: HostileBing) -> None:
    add(bing, "masks", 2)
    result = call("masks", private=False)
    assert result.exit_code == 3
    assert "refused           2  an address that must not be asked" in result.stdout


def test_a_service_that_cannot_be_reached(runner: CliRunner, tmp_path: Path) -> None:
    asked = ["crawl", "x", "--data", str(tmp_path), "--endpoint", "http://127.0.0.1:1"]
    result = runner.invoke(main, asked)
    assert result.exit_code == 6
    assert "x: 127.0.0.1: Connection refused" in result.stderr


def test_the_preset_is_searched_for(call: Call, bing: HostileBing, tmp_path: Path) -> None:
    bing.add("", [picture(1)])
    result = call("--preset", "--max-num", "1", "--json")
    asked = [(item["class"], item["phrase"]) for item in json.loads(result.stdout)["searches"]]
    assert asked == [(item.label, item.phrase) for item in queries.preset()]
    assert {label for label, _ in asked} == set(CLASSES)


def test_phrases_come_from_a_file_too(call: Call, bing: HostileBing, tmp_path: Path) -> None:
    add(bing, "from a file", 1)
    file = tmp_path / "phrases.txt"
    file.write_text("[with_mask]\nfrom a file\n[without_mask]\nnot this\n", encoding="utf-8")
    result = call("--queries", str(file), "--class", "mask", "--json")
    (search,) = json.loads(result.stdout)["searches"]
    assert (search["phrase"], search["outcomes"]) == ("from a file", {"saved": 1})


def test_filters_reach_bing_and_the_ledger(call: Call, bing: HostileBing, tmp_path: Path) -> None:
    add(bing, "masks", 1)
    options = ["--license", "public-domain", "--size", "large", "--type", "photo"]
    call("masks", *options, "--people", "portrait", "--date", "year", "--color", "monochrome")
    assert bing.requests[0].query["qft"] == (
        "+filterui:license-L1+filterui:imagesize-large+filterui:photo-photo"
        "+filterui:face-portrait+filterui:age-lt525600+filterui:color2-bw"
    )
    with Catalog(tmp_path / "data") as catalog:
        (row,) = catalog.read("SELECT licence, filters FROM sources")
    assert row["licence"] == "public-domain"
    assert json.loads(row["filters"])["date"] == "year"


def test_the_environment_names_the_endpoint(
    runner: CliRunner, tmp_path: Path, bing: HostileBing
) -> None:
    add(bing, "masks", 1)
    environment = {"MASKDET_BING_URL": bing.url, "MASKDET_DATA": str(tmp_path)}
    result = runner.invoke(main, ["crawl", "masks"], env=environment)
    assert bing.hits["/images/async"] >= 1
    assert "refused           1" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say what to search for"),
        ([" "], "say what to search for"),
        (["x", "--class", "hat"], "'hat' is none of with_mask, without_mask"),
        (["x", "--license", "mine"], "'mine' is not one of 'any'"),
        (["x", "--endpoint", "ftp://x"], "cannot be asked: not http or https: ftp"),
        (["x", "--endpoint", "http://[::1"], "cannot be asked: no valid address"),
        (["--preset", "--class", "background"], "no phrase for background in the preset"),
        (["x", "--max-num", "0"], "0 is not in the range"),
    ],
)
def test_wrong_usage(runner: CliRunner, arguments: list[str], message: str) -> None:
    with runner.isolated_filesystem():
        result = runner.invoke(main, ["crawl", *arguments])
        assert not Path("data").exists()
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_file_of_phrases_that_is_not_there(runner: CliRunner, tmp_path: Path) -> None:
    result = runner.invoke(main, ["crawl", "--queries", str(tmp_path / "none.txt")])
    assert result.exit_code == 3
    assert "cannot read" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_ctrl_c_ends_soon_with_a_table_and_the_same_command_goes_on(
    tmp_path: Path, bing: HostileBing, spawn: Spawn
) -> None:
    add(bing, "masks", 30)
    silent = [bing.serve(f"/silent/{n}.jpg", lambda r: r.bing.stopping.wait(60)) for n in range(8)]
    bing.add("masks", [Found(url) for url in silent])
    process = spawn(
        *("crawl", "masks", "--data", str(tmp_path), "--endpoint", bing.endpoint),
        *("--allow-private", "--min-side", "100", "--delay", "0", "--per-host", "8"),
        *("--timeout", "100"),
    )
    wait_until(lambda: sum(path.startswith("/silent/") for path in list(bing.hits)) == 8)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 130
    assert stdout.splitlines()[-1] == "30 of 100 pictures are there, 30 of them new"
    assert stderr == "maskdet: interrupted: the same command goes on\n"
    with Catalog(tmp_path) as catalog:
        ((left,),) = catalog.read("SELECT count(*) FROM sources WHERE outcome = 'fetching'")
    assert left == 8
