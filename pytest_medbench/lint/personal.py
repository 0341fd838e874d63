"""Personal data: what may identify someone, found by its shape and never repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_medbench.answers import fold
from pytest_medbench.lint.model import Finding, Row
from pytest_medbench.lint.registry import item_rules

_RESIDENT_ID = re.compile(
    r"(?<![0-9])[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    r"[0-9]{3}[0-9Xx](?![0-9])"
)
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"
_SSN = re.compile(r"(?<![0-9-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9-])")
_MOBILE = re.compile(r"(?<![0-9.])(?:\+?86[- ]?)?1[3-9][0-9](?:[- ]?[0-9]{4}){2}(?!\.?[0-9])")
_US_PHONE = re.compile(
    r"(?<![0-9.-])(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[2-9][0-9]{2}[-.][0-9]{4}(?![0-9-])"
)
_E_MAIL = re.compile(r"[\w.%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}")
_EXAMPLE = re.compile(r"@(?:\w{1,30}\.)?example(?:\.(?:com|org|net))?$|\.(?:example|invalid|test)$")
_NAME_ZH = re.compile(
    r"姓\s?名\s?[:：]\s?(?![^\s]{0,3}[某×*_＊X]|张三|李四|王五|患者|病人|不详|未知|保密|匿名|略|无|同上)"
    r"[\u4e00-\u9fff]{2,4}(?![\u4e00-\u9fff])"
)
_NAME = re.compile(
    r"(?:^|[\n;,.]\s{0,4}|[Pp]atient(?:'s)? |[Ff]ull )[Nn]ame\s?:\s?"
    r"(?!John Doe|Jane Doe|Not |Unknown|Redacted)"
    r"[A-Z][a-z]{1,20}(?: [A-Z][a-z]{0,20}\.?){1,2}(?![\w])"
)
_RECORD = re.compile(
    r"(?:\bMRN|[Mm]edical record (?:number|no\.?)|病历号|住院号|门诊号|病案号)\s?(?:is |为)?"
    r"[:#]?\s?[A-Za-z]{0,3}-?[0-9]{5,18}"
)
_BIRTH = re.compile(
    r"(?:[Dd]ate of birth|\bDOB|\b[Bb]orn on|出生日期|出生年月日?|生于)\s?(?:is |为)?:?\s?"
    r"(?:[0-9]{4} ?[-/.年] ?[0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}|"
    r"[A-Z][a-z]{2,8}\.? [0-9]{1,2},? [0-9]{4}|[0-9]{1,2} [A-Z][a-z]{2,8}\.? [0-9]{4})"
)
_HINTS = re.compile(r"[0-9]{4}|@|姓\s?名|[Nn]ame\s?:|[Bb]orn on")


def is_resident_id(text: str) -> bool:
    """Tell whether 18 characters are a Chinese resident identity number, by GB 11643's check."""
    total = sum(int(digit) * weight for digit, weight in zip(text[:17], _ID_WEIGHTS, strict=True))
    return _ID_CHECKS[total % 11] == text[17].upper()


@item_rules({"personal-data": "identity, phone and record numbers, e-mails, names, dates of birth"})
def personal(row: Row) -> Iterator[Finding]:
    """Look through every text of one item."""
    if not _HINTS.search(row.everything):
        return
    for where, text in row.texts():
        for what in kinds_in(fold(text)) if _HINTS.search(text) else ():
            yield row.error(
                "personal-data",
                f"{where} holds what looks like {what}; take it out, or put in its place what "
                "cannot be anybody's",
            )


def kinds_in(text: str) -> Iterator[str]:
    """Give each kind of personal data in a text, with its article."""
    if any(is_resident_id(found[0]) for found in _RESIDENT_ID.finditer(text)):
        yield "a resident identity number"
    if _SSN.search(text):
        yield "a social security number"
    if _MOBILE.search(text) or _US_PHONE.search(text):
        yield "a phone number"
    if "@" in text and any(not _EXAMPLE.search(mail[0]) for mail in _E_MAIL.finditer(text)):
        yield "an e-mail address"
    if _NAME_ZH.search(text) or _NAME.search(text):
        yield "a person's name"
    if _RECORD.search(text):
        yield "a medical record number"
    if _BIRTH.search(text):
        yield "a date of birth"
