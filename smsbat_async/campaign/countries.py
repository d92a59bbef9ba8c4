"""Country: where a phone number is from."""

import functools
import importlib
from typing import Any, Final

CODES: Final[str] = (
    "1US 7RU 20EG 27ZA 30GR 31NL 32BE 33FR 34ES 36HU 39IT 40RO 41CH 43AT 44GB 45DK 46SE 47NO 48PL 49DE "
    "51PE 52MX 53CU 54AR 55BR 56CL 57CO 58VE 60MY 61AU 62ID 63PH 64NZ 65SG 66TH 81JP 82KR 84VN 86CN 90TR "
    "91IN 92PK 93AF 94LK 95MM 98IR 211SS 212MA 213DZ 216TN 218LY 220GM 221SN 222MR 223ML 224GN 225CI "
    "226BF 227NE 228TG 229BJ 230MU 231LR 232SL 233GH 234NG 235TD 236CF 237CM 238CV 239ST 240GQ 241GA "
    "242CG 243CD 244AO 245GW 246IO 247AC 248SC 249SD 250RW 251ET 252SO 253DJ 254KE 255TZ 256UG 257BI "
    "258MZ 260ZM 261MG 262RE 263ZW 264NA 265MW 266LS 267BW 268SZ 269KM 290SH 291ER 297AW 298FO 299GL "
    "350GI 351PT 352LU 353IE 354IS 355AL 356MT 357CY 358FI 359BG 370LT 371LV 372EE 373MD 374AM 375BY "
    "376AD 377MC 378SM 380UA 381RS 382ME 383XK 385HR 386SI 387BA 389MK 420CZ 421SK 423LI 500FK 501BZ "
    "502GT 503SV 504HN 505NI 506CR 507PA 508PM 509HT 590GP 591BO 592GY 593EC 594GF 595PY 596MQ 597SR "
    "598UY 599CW 670TL 672NF 673BN 674NR 675PG 676TO 677SB 678VU 679FJ 680PW 681WF 682CK 683NU 685WS "
    "686KI 687NC 688TV 689PF 690TK 691FM 692MH 850KP 852HK 853MO 855KH 856LA 880BD 886TW 960MV 961LB "
    "962JO 963SY 964IQ 965KW 966SA 967YE 968OM 970PS 971AE 972IL 973BH 974QA 975BT 976MN 977NP 992TJ "
    "993TM 994AZ 995GE 996KG 998UZ"
)
"""The calling codes of ITU-T E.164 and the region of each; of one that is shared, the largest."""

REGIONS: Final[dict[str, str]] = {entry[:-2]: entry[-2:] for entry in CODES.split()}

SHARED: Final = {"1", "7", "39", "44", "47", "61", "212", "262", "290", "358", "590", "599"}
"""The calling codes of several regions, which the digits after them tell apart."""

TELLING: Final = 5
"""How many digits after a shared calling code tell the region."""

AREA_CODE: Final = 3
"""How many do in North America."""

REMEMBERED: Final = 20_000
"""How many beginnings of numbers with a shared calling code are remembered; to find one out is slow."""


def country(phone: str) -> str | None:
    """Return the ISO 3166 code of the region that a phone number belongs to.

    Where regions share a calling code, `phonenumbers` tells them apart if it is installed; the largest is
    taken for all of them otherwise.

    Args:
        phone: The number in E.164 form with its plus.

    Returns:
        Two letters; None for a calling code of no region, as those of satellites.
    """
    for length in (3, 2, 1):
        region = REGIONS.get(phone[1 : 1 + length])
        if region is not None:
            code = phone[1 : 1 + length]
            if code not in SHARED:
                return region
            telling = AREA_CODE if code == "1" else TELLING
            return _of_shared(phone[: 1 + length + telling], len(phone), region)
    return None


@functools.lru_cache(maxsize=REMEMBERED)
def _of_shared(beginning: str, length: int, largest: str) -> str:
    """Return the region of numbers that begin so and have this length, sign included."""
    library = phone_library()
    if library is None:
        return largest
    # Zeros and ones are not always numbers that exist; digits in the middle of the range mostly are.
    for filler in "234567":
        number = library.parse(beginning.ljust(length, filler))
        region = library.region_code_for_number(number)
        if region is not None:
            return str(region)
    return largest


@functools.cache
def phone_library() -> Any:
    """Return the module `phonenumbers`; None if it is not installed."""
    try:
        return importlib.import_module("phonenumbers")
    except ImportError:
        return None
