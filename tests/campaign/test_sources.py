"""Files of recipients: what is a row, what is a bad row, and what is refused as a whole."""

import codecs
import csv
import hashlib
import io
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smsbat_async.campaign.rows import BadRow, Fingerprint, Row, Source
from smsbat_async.campaign.sources import CsvSource, JsonLinesSource
from smsbat_async.errors import SourceError

KIB = 1024


def read_csv(data: bytes, encoding: str = "utf-8", delimiter: str | None = None) -> list[Row | BadRow]:
    return list(CsvSource(io.BytesIO(data), encoding=encoding, delimiter=delimiter).rows())


def read_json(data: bytes) -> list[Row | BadRow]:
    return list(JsonLinesSource(io.BytesIO(data)).rows())


def told(found: list[Row | BadRow]) -> list[tuple[int, object]]:
    """Give the line and the values of a row, or the line and the code of a bad one."""
    return [(row.line, row.code if isinstance(row, BadRow) else tuple(row.fields.values())) for row in found]


class Stream(io.RawIOBase):
    """A stream that gives a block of bytes many times, and holds none of them."""

    def __init__(self, head: bytes, block: bytes, times: int) -> None:
        self._pieces = iter([head, *[block] * times])
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._left:
            self._left = next(self._pieces, b"")
        data, self._left = self._left[:size], self._left[size:]
        return data


class TestCsvRows:
    def test_are_named_by_the_header(self) -> None:
        assert read_csv(b"phone,name\n+380501234567,Ann\n") == [
            Row(2, {"phone": "+380501234567", "name": "Ann"})
        ]

    def test_may_lack_the_last_line_end(self) -> None:
        assert told(read_csv(b"a,b\n1,2")) == [(2, ("1", "2"))]

    def test_may_end_lines_as_windows_does(self) -> None:
        assert told(read_csv(b"a,b\r\n1,2\r\n3,4\r\n")) == [(2, ("1", "2")), (3, ("3", "4"))]

    def test_have_the_line_numbers_of_an_editor(self) -> None:
        data = b'a,b\n1,"two\nlines"\n\n2,"three\n\nlines"\n3,x\n'
        assert told(read_csv(data)) == [
            (2, ("1", "two\nlines")),
            (5, ("2", "three\n\nlines")),
            (8, ("3", "x")),
        ]

    def test_keep_delimiters_and_doubled_quotes_in_quotes(self) -> None:
        assert told(read_csv(b'a,b\n"1,5","say ""hi"""\n')) == [(2, ("1,5", 'say "hi"'))]

    def test_keep_characters_that_only_look_like_line_ends(self) -> None:
        text = "a,b\n1,x\u2028y\x0bz\x0c\x85\n2,v\n"
        assert told(read_csv(text.encode())) == [(2, ("1", "x\u2028y\x0bz\x0c\x85")), (3, ("2", "v"))]

    def test_are_none_in_a_file_with_a_header_alone(self) -> None:
        assert read_csv(b"phone,name\n") == []

    def test_come_in_small_blocks_as_well_as_in_large_ones(self) -> None:
        text = "телефон;імя\n" + '+1;"Ї\n😀"\n' * 300
        data = text.encode("utf-8-sig")

        class ByteByByte(io.BytesIO):
            def read1(self, size: int | None = -1, /) -> bytes:
                return super().read(1)

        slow = CsvSource(ByteByByte(data))
        assert list(slow.rows()) == read_csv(data)
        assert slow.columns == ("телефон", "імя")

    def test_are_the_same_across_the_borders_of_blocks(self) -> None:
        rows = [[str(number), "ї" * (number % 90) + '"\n' * (number % 3)] for number in range(12_000)]
        text = io.StringIO()
        csv.writer(text).writerows([["a", "b"], *rows])
        data = text.getvalue().encode()
        assert len(data) > 600 * KIB
        found = read_csv(data)
        assert [list(row.fields.values()) for row in found if isinstance(row, Row)] == rows


class TestBadCsvRows:
    @pytest.mark.parametrize(
        ("row", "code"),
        [
            pytest.param(b"1", "ragged", id="too few values"),
            pytest.param(b"1,2,3", "ragged", id="too many values"),
            pytest.param(b'"1"x,2', "stray_quote", id="text after a closing quote"),
            pytest.param(b'1,"2', "unclosed_quote", id="a quote that is not closed"),
            pytest.param(b"1,\x002", "nul", id="a NUL"),
            pytest.param(b"1\r2,3", "lone_cr", id="a carriage return within a value"),
            pytest.param(b"1,\xff", "undecodable", id="a byte that is no UTF-8"),
            pytest.param(b"1,\xed\xb2\x80", "undecodable", id="half a surrogate pair in bytes"),
            pytest.param(b"1," + b"x" * (129 * KIB), "field_too_long", id="a long value"),
            pytest.param(b'1,"' + b"x" * (129 * KIB) + b'"', "field_too_long", id="a long value in quotes"),
            pytest.param(b"1," + b"x" * (5_000 * KIB), "row_too_long", id="an endless line"),
            pytest.param(b"1," + "ї".encode() * (2_000 * KIB), "row_too_long", id="an endless text"),
        ],
    )
    def test_row_73_a_bad_row_is_told_with_its_line_and_stops_nothing(self, row: bytes, code: str) -> None:
        found = told(read_csv(b"a,b\n0,first\n" + row + b"\n4,next\n"))
        assert found == [(2, ("0", "first")), (3, code), (4, ("4", "next"))]

    def test_row_73_an_unclosed_quote_costs_its_own_line_alone(self) -> None:
        data = b'a,b\n1,"never closed\n2,good\n3,"quoted"\n4,"again\n5,good\n'
        assert told(read_csv(data)) == [
            (2, "unclosed_quote"),
            (3, ("2", "good")),
            (4, ("3", "quoted")),
            (5, "unclosed_quote"),
            (6, ("5", "good")),
        ]

    def test_row_73_an_unclosed_quote_does_not_take_a_file_without_quotes(self) -> None:
        rows = [f"{number},x" for number in range(1_000)]
        found = told(read_csv("\n".join(["a,b", '0,"open', *rows]).encode()))
        assert found[0] == (2, "unclosed_quote")
        assert [line for line, _ in found[1:]] == list(range(3, 1_003))
        assert "unclosed_quote" not in [value for _, value in found[1:]]

    def test_row_73_lines_that_all_keep_a_quote_open_come_to_an_end(self) -> None:
        found = read_csv(b"a,b\n" + b'a","\n' * 5_000)
        assert {row.code for row in found if isinstance(row, BadRow)} >= {"unclosed_quote"}
        assert found[-1].line <= 5_001

    def test_say_how_many_values_are_right(self) -> None:
        (bad,) = read_csv(b"a,b\n1\n")
        assert isinstance(bad, BadRow)
        assert bad.reason == "must have as many values as the header: 2"

    def test_never_show_what_they_hold(self) -> None:
        rows = [b'"+380501234567"secret,1', b"+380501234567,\xffsecret", b"+380501234567,secret,3"]
        for bad in read_csv(b"a,b\n" + b"\n".join(rows) + b"\n"):
            assert isinstance(bad, BadRow)
            assert "secret" not in repr(bad)
            assert "0501234567" not in repr(bad)

    def test_of_undecodable_bytes_name_an_encoding_to_try(self) -> None:
        (bad,) = read_csv("phone,name\n1,Їжак\n".encode("cp1251"))
        assert isinstance(bad, BadRow)
        assert "encoding=" in bad.reason
        assert "cp1251" in bad.reason

    def test_keep_the_lines_of_a_record_with_a_bad_byte_together(self) -> None:
        data = b'a,b\n1,"two\n\xff lines"\n2,x\n'
        assert told(read_csv(data)) == [(2, "undecodable"), (4, ("2", "x"))]


class TestEncodings:
    TEXT = "phone;ім'я\r\n+380501234567;Їжак\r\n+380671234567;Ґудзик\r\n"
    ROWS = ((2, ("+380501234567", "Їжак")), (3, ("+380671234567", "Ґудзик")))

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_row_73_utf_8_may_have_its_mark_or_not(self, encoding: str) -> None:
        source = CsvSource(io.BytesIO(self.TEXT.encode(encoding)))
        assert told(list(source.rows())) == list(self.ROWS)
        assert source.columns == ("phone", "ім'я")

    @pytest.mark.parametrize("encoding", ["cp1251", "koi8-u", "utf-16", "utf-16-le", "utf-32", "gb18030"])
    def test_row_73_others_are_read_when_they_are_named(self, encoding: str) -> None:
        text = self.TEXT.replace("Ї", "Я").replace("Ґ", "Г").replace("і", "и")
        rows = told(read_csv(text.encode(encoding), encoding=encoding))
        assert rows == [(2, ("+380501234567", "Яжак")), (3, ("+380671234567", "Гудзик"))]

    @pytest.mark.parametrize(
        ("mark", "encoding"),
        [(codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF32_LE, "utf-32")],
        ids=["utf-16-le", "utf-16-be", "utf-32-le"],
    )
    def test_a_mark_of_another_is_told(self, mark: bytes, encoding: str) -> None:
        with pytest.raises(SourceError, match=f"encoding='{encoding}'"):
            read_csv(mark + b"a\0\0\0")

    def test_a_mark_of_utf_8_that_contradicts_is_told(self) -> None:
        with pytest.raises(SourceError, match="leave encoding out"):
            read_csv(codecs.BOM_UTF8 + b"a\n1\n", encoding="cp1251")

    def test_row_73_a_header_that_cannot_be_decoded_refuses_the_file(self) -> None:
        with pytest.raises(SourceError, match=r"line 1.*encoding=.*cp1251"):
            read_csv(self.TEXT.encode("cp1251"))

    def test_a_wide_one_that_breaks_refuses_the_file(self) -> None:
        with pytest.raises(SourceError, match="utf-16"):
            read_csv("a,b\n1,2\n".encode("utf-16") + b"\0", encoding="utf-16")

    @pytest.mark.parametrize("encoding", ["klingon", "hex", "rot13", "", "utf-8\0"])
    def test_an_unknown_one_is_refused_at_once(self, encoding: str) -> None:
        with pytest.raises(SourceError, match="encoding must be"):
            CsvSource("file.csv", encoding=encoding)


class TestHeaders:
    @pytest.mark.parametrize(
        ("data", "said"),
        [
            pytest.param(b"", "is empty", id="an empty file"),
            pytest.param(codecs.BOM_UTF8, "is empty", id="a mark alone"),
            pytest.param(b"\n1,2\n", "line 1 is empty", id="a blank first line"),
            pytest.param(b"phone,name,phone\n", "'phone' 2 times", id="a name twice"),
            pytest.param(b"phone,phone \n", "'phone' 2 times", id="a name twice but for a space"),
            pytest.param(b"phone,,name\n", "column 2 has no name", id="no name"),
            pytest.param(b"phone, \n", "column 2 has no name", id="a blank name"),
            pytest.param(b'"phone"x,name\n', "closing quote", id="a stray quote"),
            pytest.param(b'"phone,name\n1,2\n', "not closed", id="an open quote"),
            pytest.param(b"phone\rname\r1\r2\r", "carriage return", id="lines of an old Mac"),
            pytest.param(b"p\0h\0", "NUL", id="UTF-16 without its mark"),
            pytest.param(b"a;b,c\n", "pass delimiter=", id="two delimiters alike"),
        ],
    )
    def test_that_are_of_no_use_refuse_the_file(self, data: bytes, said: str) -> None:
        with pytest.raises(SourceError, match=said):
            read_csv(data)

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
    def test_tell_the_delimiter(self, delimiter: str) -> None:
        data = delimiter.join(["phone", "first name", "city"]) + "\n" + delimiter.join(["1", "2", "3"])
        assert told(read_csv(data.encode())) == [(2, ("1", "2", "3"))]

    def test_tell_it_in_spite_of_others_in_quotes(self) -> None:
        assert told(read_csv(b'"a,b,c,d";e;f\n1;2;3\n')) == [(2, ("1", "2", "3"))]

    def test_of_one_name_need_none(self) -> None:
        assert told(read_csv(b"phone\n+1\n\n+2\n")) == [(2, ("+1",)), (4, ("+2",))]

    def test_take_one_that_is_given(self) -> None:
        assert told(read_csv(b"a:b,c\n1:2,3\n", delimiter=":")) == [(2, ("1", "2,3"))]

    @pytest.mark.parametrize(
        "delimiter", ["", ",,", '"', "\n", "\0"], ids=["none", "two", "quote", "line", "nul"]
    )
    def test_take_none_that_cannot_be(self, delimiter: str) -> None:
        with pytest.raises(SourceError, match="delimiter must be"):
            CsvSource("file.csv", delimiter=delimiter)


class TestJsonLines:
    def test_are_rows(self) -> None:
        data = '{"phone": "+1", "name": "Їжак"}\n\n  \n{"phone": "+2"}'.encode()
        assert read_json(data) == [Row(1, {"phone": "+1", "name": "Їжак"}), Row(4, {"phone": "+2"})]

    def test_keep_numbers_as_they_are_written(self) -> None:
        data = (
            b'{"a": 380501234567, "b": 0.10, "c": 3.80501E+11, "d": true, "e": null, "f": '
            + b"9" * 9_999
            + b"}"
        )
        (row,) = read_json(data)
        assert isinstance(row, Row)
        assert row.fields.pop("f") == "9" * 9_999
        assert row.fields == {"a": "380501234567", "b": "0.10", "c": "3.80501E+11", "d": "true"}

    @pytest.mark.parametrize(
        ("line", "code", "field"),
        [
            pytest.param(b'{"a": ', "not_json", None, id="half an object"),
            pytest.param(b'{"a": 1} {"a": 2}', "not_json", None, id="two objects"),
            pytest.param(b'{"a": NaN}', "not_json", None, id="no number"),
            pytest.param(b'["a"]', "not_object", None, id="a list"),
            pytest.param(b'"a"', "not_object", None, id="a text"),
            pytest.param(b"null", "not_object", None, id="nothing"),
            pytest.param(b"[" * 100_000, "not_object", None, id="endless brackets"),
            pytest.param(b'{"a":' * 40_000, "not_object", None, id="endless objects"),
            pytest.param(b'{"a": {"b": 1}}', "nested_value", "a", id="an object within"),
            pytest.param(b'{"a": ["b"]}', "nested_value", "a", id="a list within"),
            pytest.param(b'{"a": 1, "a": 2}', "duplicate_key", None, id="a key twice"),
            pytest.param(b'{"a": "\\u0000"}', "nul", "a", id="a NUL that is escaped"),
            pytest.param(b'{"a": "\0"}', "nul", None, id="a NUL"),
            pytest.param(b'{"a": "\xff"}', "undecodable", None, id="a byte that is no UTF-8"),
            pytest.param(b'{"a": "' + b"x" * (129 * KIB) + b'"}', "field_too_long", "a", id="a long value"),
            pytest.param(
                b'{"a": "' + b"x" * (3_000 * KIB) + b'"}', "row_too_long", None, id="an endless line"
            ),
        ],
    )
    def test_row_73_a_bad_line_is_told_and_stops_nothing(
        self, line: bytes, code: str, field: str | None
    ) -> None:
        first, bad, last = read_json(b'{"a": "first"}\n' + line + b'\n{"a": "last"}\n')
        assert (first, last) == (Row(1, {"a": "first"}), Row(3, {"a": "last"}))
        assert isinstance(bad, BadRow)
        assert (bad.line, bad.code, bad.field) == (2, code, field)

    def test_know_no_columns(self) -> None:
        source = JsonLinesSource(io.BytesIO(b'{"a": 1}'))
        assert (source.columns, len(list(source.rows())), source.columns) == (None, 1, None)


class TestFiles:
    def test_can_be_read_again_and_are_known_by_their_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "people.csv"
        path.write_bytes(b"phone\n+1\n")
        source = CsvSource(path)
        before = source.fingerprint()
        assert before == Fingerprint(9, hashlib.sha256(b"phone\n+1\n").hexdigest())
        assert list(source.rows()) == list(source.rows())
        assert source.fingerprint() == before
        path.write_bytes(b"phone\n+2\n")
        list(source.rows())
        assert source.fingerprint() != before
        assert source.rereadable

    def test_that_are_not_there_are_told(self, tmp_path: Path) -> None:
        source: Source = CsvSource(tmp_path / "none.csv")
        with pytest.raises(SourceError, match=r"none\.csv cannot be opened: No such file") as caught:
            list(source.rows())
        assert caught.value.__context__ is None
        with pytest.raises(SourceError, match="No such file"):
            source.fingerprint()

    def test_that_are_folders_are_told(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="Is a directory"):
            list(JsonLinesSource(tmp_path).rows())

    @pytest.mark.parametrize(
        "file",
        [None, 7, "", "-", b"people.csv", io.TextIOWrapper(io.BytesIO())],
        ids=["none", "a number", "an empty path", "a dash", "bytes", "a text stream"],
    )
    def test_must_be_paths_or_binary_streams(self, file: object) -> None:
        with pytest.raises(SourceError, match="file must be"):
            CsvSource(cast("str", file))

    def test_are_closed_when_reading_stops_early(self, tmp_path: Path) -> None:
        path = tmp_path / "people.csv"
        path.write_bytes(b"phone\n" + b"+1\n" * 200_000)
        rows = cast("Iterator[Row]", CsvSource(path).rows())
        assert next(rows) == Row(2, {"phone": "+1"})
        rows.close()  # type: ignore[attr-defined]  # an open file would be a ResourceWarning


class TestStreams:
    def test_are_read_once_and_not_closed(self) -> None:
        stream = io.BytesIO(b"phone\n+1\n")
        source = CsvSource(stream)
        assert not source.rereadable
        with pytest.raises(SourceError, match="save it to a file first"):
            source.fingerprint()
        assert len(list(source.rows())) == 1
        assert source.fingerprint().size == 9
        with pytest.raises(SourceError, match="can be read only once: save it to a file first"):
            list(source.rows())
        assert not stream.closed

    def test_that_are_closed_are_told(self) -> None:
        stream = io.BytesIO(b"phone\n")
        stream.close()
        with pytest.raises(SourceError, match="closed file"):
            list(CsvSource(stream).rows())

    def test_that_do_not_block_or_give_text_are_told(self) -> None:
        class Odd:
            def __init__(self, answer: object) -> None:
                self.answer = answer

            def read(self, size: int) -> object:
                return self.answer

        for answer, said in ((None, "not blocking"), ("phone\n", "gives text")):
            with pytest.raises(SourceError, match=said):
                list(CsvSource(cast("BinaryIO", Odd(answer))).rows())

    def test_standard_input_is_one(self) -> None:
        program = (
            "import sys; from smsbat_async.campaign.sources import CsvSource; "
            "source = CsvSource(sys.stdin.buffer); "
            "print(source.name, [(row.line, row.fields) for row in source.rows()], source.fingerprint().size)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], input=b"phone\n+1\n", capture_output=True, check=True, timeout=30
        )
        assert done.stdout.decode().strip() == "standard input [(2, {'phone': '+1'})] 9"


class TestMemory:
    def peak(self, source: Source) -> int:
        """Give the most that was held while all rows went by, in bytes."""
        tracemalloc.start()
        try:
            for _ in source.rows():
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def test_row_73_is_the_same_for_a_long_file_as_for_a_short_one(self) -> None:
        block = b'+380501234567,"Anna, or\nBob",some text that is sent\n' * 1_000

        def of(times: int) -> int:
            return self.peak(CsvSource(cast("BinaryIO", Stream(b"phone,name,text\n", block, times))))

        of(1)
        assert of(40) < of(8) + 64 * KIB

    def test_row_73_is_the_same_for_a_long_file_of_json(self) -> None:
        block = b'{"phone": "+380501234567", "text": "some text"}\n' * 1_000

        def of(times: int) -> int:
            return self.peak(JsonLinesSource(cast("BinaryIO", Stream(b"", block, times))))

        of(1)
        assert of(40) < of(8) + 64 * KIB

    @pytest.mark.parametrize(
        ("head", "block", "times"),
        [
            pytest.param(b"a,b\n", b"x" * 100_000, 400, id="one line"),
            pytest.param(b'a,b\n1,"', b"x" * 999 + b"\n", 30_000, id="one record"),
        ],
    )
    def test_row_73_is_bounded_for_a_line_or_a_record_without_end(
        self, head: bytes, block: bytes, times: int
    ) -> None:
        source = CsvSource(cast("BinaryIO", Stream(head, block, times)))
        assert self.peak(source) < 12 * KIB * KIB < len(block) * times


PIECES = st.sampled_from(
    [
        b'"',
        b",",
        b";",
        b"\n",
        b"\r\n",
        b"\r",
        b"\0",
        b"\xff",
        b"\xd0",
        b"a",
        b"1",
        '"ї"'.encode(),
        b'""',
        b"\t",
    ]
)
DATA = st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=200).map(b"".join))
JSON_PIECES = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"a"',
        b":",
        b",",
        b"1",
        b"null",
        b"\n",
        b"\\",
        b'"',
        b"\xff",
        b"\0",
        b'{"a":"b"}',
    ]
)


class TestAnyBytes:
    @given(DATA)
    @example(b'"')
    @example(b"a\n\r")
    @example(b'a,b\n"\n"x\n')
    def test_row_73_are_rows_or_bad_rows_or_a_refusal(self, data: bytes) -> None:
        try:
            found = read_csv(data)
        except SourceError:
            return
        lines = [row.line for row in found]
        assert lines == sorted(set(lines))
        assert not lines or (lines[0] > 1 and lines[-1] <= data.count(b"\n") + 1)

    @given(
        DATA, st.sampled_from(["cp1251", "utf-16", "utf-32", "iso2022_jp", "gb18030", "ascii", "utf-7", "hz"])
    )
    def test_row_73_are_so_in_any_encoding(self, data: bytes, encoding: str) -> None:
        try:
            found = read_csv(data, encoding=encoding)
        except SourceError:
            return
        assert all(isinstance(row, Row | BadRow) for row in found)

    @given(DATA.map(lambda data: data.replace(b'"', b"").replace(b"\r", b"")))
    def test_row_73_without_quotes_are_one_row_to_a_line(self, data: bytes) -> None:
        found = read_csv(b"a,b\n" + data)
        lines = [number for number, line in enumerate(data.split(b"\n"), 2) if line]
        assert [row.line for row in found] == lines

    @given(
        st.lists(
            st.lists(
                st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
                min_size=3,
                max_size=3,
            )
        )
    )
    def test_row_73_that_are_well_formed_come_out_as_they_went_in(self, rows: list[list[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *rows])
        found = read_csv(text.getvalue().encode())
        assert [list(row.fields.values()) for row in found if isinstance(row, Row)] == rows

    @given(st.one_of(DATA, st.lists(JSON_PIECES, max_size=200).map(b"".join)))
    def test_row_73_of_json_are_one_row_or_bad_row_to_a_line(self, data: bytes) -> None:
        try:
            found = read_json(data)
        except SourceError:
            return
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
        lines = [number for number, line in enumerate(text.split("\n"), 1) if line and not line.isspace()]
        assert [row.line for row in found] == lines
