"""One person's name in many spellings is one person, and two persons stay two."""

import pytest

from smearwatch.daemon.record.persons import is_same_person, person_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A. Reader", "a.reader "),
        ("A. Reader", "A Reader"),
        ("O'Brien", "O\u2019Brien"),
        ("Anna-Lena", "Anna\u2011Lena"),
        ("Anna", "Anna\ufe0f"),
        ("Anna", "An\u034fna"),
        ("Anna", "Anna\u3164"),
        ("Zoë", "Zoe\u0308"),
    ],
)
def test_spellings_of_one_person(one, other):
    assert is_same_person(one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("A. Reader", "B. Reader"), ("कमल", "कमला"), ("...", "!!!"), ("Ann", "Anna")]
)
def test_two_persons(one, other):
    assert not is_same_person(one, other)


def test_a_name_of_signs_alone_is_itself():
    assert person_key("...") == "..."
