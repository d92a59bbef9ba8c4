"""In which time zones a phone number may be."""

import phonenumbers
import pytest
from phonenumbers.timezone import time_zones_for_geographical_number, time_zones_for_number

from smsbat_async import ConfigurationError
from smsbat_async.campaign.zones import zone, zones_of

CALLING_CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
NO_COUNTRY = {800, 808, 870, 878, 881, 882, 883, 888, 979}


class TestZonesOf:
    @pytest.mark.parametrize(
        ("phone", "zones"),
        [
            ("+380501234567", ("Europe/Kyiv",)),
            ("+84901234567", ("Asia/Ho_Chi_Minh",)),
            ("+12125550123", ("America/New_York",)),
            ("+13105550123", ("America/Los_Angeles",)),
            ("+12423591234", ("America/Nassau",)),
            ("+5511987654321", ("America/Sao_Paulo",)),
            ("+390612345678", ("Europe/Rome",)),
            ("+870773111632", ()),
        ],
    )
    def test_tells_where_a_number_is(self, phone: str, zones: tuple[str, ...]) -> None:
        assert zones_of(phone) == zones

    @pytest.mark.parametrize(
        ("phone", "among"),
        [
            ("+79123456789", {"Europe/Moscow", "Asia/Kamchatka"}),
            ("+61412345678", {"Australia/Sydney", "Australia/Perth"}),
            ("+18005550123", {"America/New_York", "Pacific/Honolulu"}),
        ],
    )
    def test_a_number_without_an_area_may_be_anywhere_in_its_country(
        self, phone: str, among: set[str]
    ) -> None:
        assert among < set(zones_of(phone))

    def test_a_landline_is_where_its_area_is(self) -> None:
        assert zones_of("+74951234567") == ("Europe/Moscow",)
        assert "Australia/Sydney" not in zones_of("+61892345678")

    def test_a_mobile_of_kazakhstan_is_not_in_russia(self) -> None:
        assert set(zones_of("+77012345678")) == {"Asia/Almaty", "Asia/Aqtobe"}

    @pytest.mark.parametrize("code", CALLING_CODES)
    def test_every_calling_code_of_a_country_has_zones_that_are_known(self, code: int) -> None:
        zones = zones_of(f"+{code}5")
        assert bool(zones) is (code not in NO_COUNTRY)
        for name in zones:
            assert zone(name).key == name

    @pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
    def test_a_number_of_any_region_is_where_the_library_says_or_in_fewer_places(self, region: str) -> None:
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is None:
                continue
            phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            said = set(time_zones_for_number(number))
            narrow = set(time_zones_for_geographical_number(number))
            assert set(zones_of(phone)) in (said, narrow), phone


class TestZone:
    def test_that_is_not_known_is_told_with_the_way_out(self) -> None:
        with pytest.raises(ConfigurationError, match="pip install --upgrade tzdata"):
            zone("Europe/Atlantis")
