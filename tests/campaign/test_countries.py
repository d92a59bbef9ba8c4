"""Where phones are from; the oracle is the library phonenumbers."""

import subprocess
import sys

import phonenumbers
import pytest

from smsbat_async.campaign.countries import REGIONS, SHARED, country

NO_REGION = "001"


def test_every_calling_code_has_the_region_that_the_library_names_first() -> None:
    known = {
        str(code): regions[0]
        for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
        if regions[0] != NO_REGION
    }
    assert known == REGIONS


def test_the_shared_calling_codes_are_those_of_several_regions() -> None:
    shared = {
        str(code) for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items() if len(regions) > 1
    }
    assert shared == SHARED


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_a_number_of_each_region_is_told_as_the_library_tells_it(region: str) -> None:
    mobile = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    number = mobile or phonenumbers.example_number(region)
    assert number is not None
    phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert country(phone) == phonenumbers.region_code_for_number(number)


@pytest.mark.parametrize(
    ("phone", "region"),
    [
        ("+380501234567", "UA"),
        ("+84912345678", "VN"),
        ("+12025550123", "US"),
        ("+14165550123", "CA"),
        ("+18765550123", "JM"),
        ("+77011234567", "KZ"),
        ("+79161234567", "RU"),
        ("+447781123456", "GG"),
        ("+447700900123", "GB"),
        ("+881612345678", None),
        ("+9991234567", None),
    ],
)
def test_known_numbers(phone: str, region: str | None) -> None:
    assert country(phone) == region


def test_a_number_that_cannot_exist_belongs_to_the_largest_region_of_its_calling_code() -> None:
    assert country("+10000000000") == "US"


def test_without_the_library_shared_calling_codes_belong_to_the_largest_region() -> None:
    program = (
        "import sys; sys.modules['phonenumbers'] = None\n"
        "from smsbat_async.campaign.countries import country\n"
        "from smsbat_async.campaign.phones import PhoneReader\n"
        "print(country('+77011234567'), country('+380501234567'), PhoneReader().read('+380501234567'))\n"
        "print(PhoneReader().read('+38 050 123 45 67').reason)\n"
        "try: PhoneReader('UA')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True, timeout=30
    )
    assert done.stdout.splitlines() == [
        "RU UA +380501234567",
        "must be in E.164 form: +380501234567 (or pip install 'smsbat-async[campaign]' for others)",
        "ConfigurationError default_region needs the library phonenumbers: "
        "pip install 'smsbat-async[campaign]'",
    ]
