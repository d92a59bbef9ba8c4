"""How many SMS a text takes."""

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENDED = frozenset("\f^{}\\[~]|€")
_GSM7_ALL = _GSM7 | _GSM7_EXTENDED


def sms_parts(text: str) -> int:
    """Count the parts of an SMS.

    GSM-7 holds 160 characters in one part and 153 in each of several, UCS-2 holds 70 and 67
    (SMSBAT, SMS, Encoding).

    Args:
        text: The text of the message.

    Returns:
        The number of parts, at least 1.
    """
    if _GSM7_ALL.issuperset(text):
        length = len(text) + sum(character in _GSM7_EXTENDED for character in text)
        alone, chained = 160, 153
    else:
        length = len(text) + sum(character > "\uffff" for character in text)
        alone, chained = 70, 67
    return 1 if length <= alone else -(-length // chained)
