"""Into how many SMS parts a text is cut; the oracle is a library that cuts it."""

import pytest
import smsutil
from hypothesis import example, given
from hypothesis import strategies as st

from smsbat_async.segments import ALPHABET, EXTENSION, Segments, segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", Segments("GSM-7", 0, 1, 160), id="nothing"),
        pytest.param("a" * 160, Segments("GSM-7", 160, 1, 160), id="160 letters"),
        pytest.param("a" * 161, Segments("GSM-7", 161, 2, 153), id="161 letters"),
        pytest.param("a" * 306, Segments("GSM-7", 306, 2, 153), id="two full parts"),
        pytest.param("a" * 307, Segments("GSM-7", 307, 3, 153), id="one letter more"),
        pytest.param("€" * 80, Segments("GSM-7", 160, 1, 160), id="80 euro signs"),
        pytest.param("€" * 81, Segments("GSM-7", 162, 2, 153), id="81 euro signs"),
        pytest.param(
            "a" * 152 + "€" + "a" * 152, Segments("GSM-7", 306, 3, 153), id="an escape is not cut in two"
        ),
        pytest.param("^{}\\[~]|\f", Segments("GSM-7", 18, 1, 160), id="the extension table"),
        pytest.param("ї" * 70, Segments("UCS-2", 70, 1, 70), id="70 Cyrillic letters"),
        pytest.param("ї" * 71, Segments("UCS-2", 71, 2, 67), id="71 Cyrillic letters"),
        pytest.param("ї" * 134, Segments("UCS-2", 134, 2, 67), id="two full parts of UCS-2"),
        pytest.param("a" * 69 + "ї", Segments("UCS-2", 70, 1, 70), id="one foreign letter changes all"),
        pytest.param("😀" * 35, Segments("UCS-2", 70, 1, 70), id="35 emoji"),
        pytest.param("😀" * 36, Segments("UCS-2", 72, 2, 67), id="36 emoji"),
        pytest.param("ї" * 66 + "😀" * 3, Segments("UCS-2", 72, 2, 67), id="an emoji is not cut in two"),
        pytest.param("😀" * 67, Segments("UCS-2", 134, 3, 67), id="33 emoji to a part"),
        pytest.param("`", Segments("UCS-2", 1, 1, 70), id="a grave accent is not in the alphabet"),
        pytest.param("ç", Segments("UCS-2", 1, 1, 70), id="only the capital C with cedilla is"),
    ],
)
def test_known_texts(text: str, expected: Segments) -> None:
    assert segments(text) == expected


def test_the_alphabet_has_127_characters_and_the_extension_ten() -> None:
    assert (len(ALPHABET), len(EXTENSION)) == (127, 10)  # the 128th is the escape


LETTERS = st.sampled_from(sorted(ALPHABET))
GSM = st.one_of(LETTERS, st.sampled_from(sorted(EXTENSION)))
ANY = st.one_of(GSM, st.sampled_from("їґЄßвьộ😀🇺🇦"), st.characters(codec="utf-16", exclude_characters="\x1b"))


@given(st.one_of(st.text(LETTERS, max_size=700), st.text(GSM, max_size=700), st.text(ANY, max_size=300)))
@example("a" * 152 + "€" + "b" * 153)
@example("ї" * 66 + "😀" + "ї" * 67)
def test_the_parts_are_those_that_a_library_cuts(text: str) -> None:
    split = smsutil.split(text)
    ours = segments(text)
    assert ours.parts == max(1, len(split.parts))
    if text:
        assert ours.encoding == ("GSM-7" if split.encoding == "gsm0338" else "UCS-2")
