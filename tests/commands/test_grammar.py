"""The grammar: words, K=V pairs, raw text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.commands import group
from nbtrack.commands.grammar import Verb, read_pairs, split_line
from nbtrack.errors import UnknownVariable, UsageError


def verb(name: str) -> Verb:
    found = group.commands[name]
    assert isinstance(found, Verb)
    return found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  a   b ", ["a", "b"]),
        ("a \"two words\" 'three more words'", ["a", "two words", "three more words"]),
        ('layers=[64, 32] d={"a b": [1, 2]}', ["layers=[64, 32]", 'd={"a b": [1, 2]}']),
        ("name=\"two words\" k='x y'", ['name="two words"', "k='x y'"]),
        ("it's not a quote", ["it's", "not", "a", "quote"]),
        ('"open', ['"open']),
        ("a=[1, 2", ["a=[1,", "2"]),
        ("--name=\"a b\" --tag 'k=v w'", ["--name=a b", "--tag", "k=v w"]),
        ("{name} K={name}", ["{name}", "K={name}"]),
        ('k="with \\" inside"', ['k="with \\" inside"']),
    ],
)
def test_a_line_is_split_where_people_mean_it(line: str, words: list[str]) -> None:
    assert split_line(line) == words


def test_a_backslash_escapes_a_blank_but_never_on_windows() -> None:
    assert split_line(r"my\ file.png", escapes=True) == ["my file.png"]
    assert split_line(r"C:\data\new.png", escapes=True) == [r"C:\data\new.png"]
    assert split_line(r"C:\my\ dir\x.png", escapes=False) == ["C:\\my\\", "dir\\x.png"]
    assert split_line(r'"C:\my dir\x.png"', escapes=False) == [r"C:\my dir\x.png"]


@given(st.text())
def test_no_line_breaks_the_splitter_and_no_word_is_lost(line: str) -> None:
    assert "".join("".join(split_line(line, escapes=False)).split()).replace('"', "").replace("'", "") == "".join(line.split()).replace(
        '"', ""
    ).replace("'", "")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('it\'s "raw"  with   blanks --and dashes K=V {x}', 'it\'s "raw"  with   blanks --and dashes K=V {x}'),
        (r"C:\temp\new \n stays", r"C:\temp\new \n stays"),
        ('"quoted as a whole"', "quoted as a whole"),
        ("-1 is better than 1", "-1 is better than 1"),
    ],
)
def test_free_text_is_the_rest_of_the_line_as_it_stands(line: str, text: str) -> None:
    assert split_line(line, verb("note")) == ["--", text]
    assert split_line(f"--run #38 {line}", verb("note")) == ["--run", "#38", "--", text]
    assert split_line(f"--run=38 {line}", verb("note")) == ["--run=38", "--", text]


def test_text_that_begins_with_dashes_stands_behind_two_dashes() -> None:
    assert split_line("-- --run is an option", verb("note")) == ["--", "--run is an option"]


def test_a_note_option_takes_the_rest_of_the_line() -> None:
    assert split_line("base --tag a=b --note it's --tag no=tag", verb("start")) == ["base", "--tag", "a=b", "--note=it's --tag no=tag"]
    assert split_line("base --note='whole text'", verb("start")) == ["base", "--note=whole text"]
    assert split_line("base --note", verb("start")) == ["base", "--note"]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("k=0.1", 0.1),
        ("k=3", 3),
        ("k=true", True),
        ("k=null", None),
        ("k=[1, 2]", [1, 2]),
        ('k="3"', "3"),
        ("k='x y'", "x y"),
        ("k=adam", "adam"),
        ("k=True", "True"),
        ("k=", ""),
        ("k=a=b", "a=b"),
        ("k={lr}", 0.5),
        ("k={ lr }", 0.5),
        ('k={"lr": 1}', {"lr": 1}),
        ("k={lr.x}", "{lr.x}"),
        ("k=" + "[" * 5000, "[" * 5000),
        ("k=" + "9" * 5000, "9" * 5000),
    ],
)
def test_a_value_is_json_else_text_and_braces_take_a_variable(word: str, value: Any) -> None:
    assert read_pairs([word], {"lr": 0.5}) == {"k": value}


def test_tags_keep_numbers_as_they_were_written() -> None:
    assert read_pairs(["a=1.0", "b=1e3", 'c="x"', "d=null", "e={n}"], {"n": 3}, as_text=True) == {
        "a": "1.0",
        "b": "1e3",
        "c": "x",
        "d": None,
        "e": 3,
    }


@pytest.mark.parametrize("word", ["lr", "=3", "", "lr:3"])
def test_a_word_that_is_no_pair_is_named(word: str) -> None:
    with pytest.raises(UsageError, match="is no K=V"):
        read_pairs([word], None)


def test_an_unknown_variable_names_near_ones() -> None:
    with pytest.raises(UnknownVariable, match="learning_rate"):
        read_pairs(["k={learning_rat}"], {"learning_rate": 1, "_hidden": 2})


def test_the_shell_has_no_variables() -> None:
    with pytest.raises(UsageError, match="the shell has none"):
        read_pairs(["k={lr}"], None)
