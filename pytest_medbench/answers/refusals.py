"""Texts that decline to answer."""

from __future__ import annotations

import re

from pytest_medbench.answers.text import visible

_LOOK_AT = 1500

_ENGLISH = r"""
\b(?:i|we)(?:\s?['’]?\s?m|\s(?:am|are))?\s(?:(?:really|very|so|truly)\s)?(?:sorry|unable\sto|not\s
  (?:able\sto|allowed\sto|permitted\sto|qualified\sto|a\s(?:doctor|physician|medical\sprofessional)))
|\b(?:i|we)\s(?:(?:simply|really|also|must|have\sto)\s)?
  (?:can\s?not|can['’]t|won['’]t|will\snot|do\snot|don['’]t|decline\sto|refuse\sto|must\sdecline)
  (?:\s(?:to|feel\scomfortable|ethically|safely))?\s?
  (?:(?:answer|provid|assist|help|giv|offer|recommend|diagnos|comply|fulfil|respond|advis|discuss|
  support|do\sthat|engage|participat|creat|writ|generat)|[.,;]|$)
|\bas\san\s(?:ai|artificial\sintelligence)\b
|\bcannot\sassist\swith\b
|\bagainst\smy\s(?:guidelines|policy|policies|programming)\b
"""

_CHINESE = r"""
作为(?:一个|一名|一款)?(?:ai|人工智能|语言模型|大模型|智能助手)
|(?:我|本人|很?抱歉[，,]?|对不起[，,]?)(?:是ai[，,]?)?\s?(?:暂时|目前|确实|实在)?
  (?:无法|不能|不可以|没有办法|没办法|不便|拒绝)
|无法(?:为您|为你|向您|向你)?(?:提供|回答|给出|作出|做出|协助)
|(?:很?抱歉|对不起)
"""

_REFUSAL = re.compile(f"{_ENGLISH}|{_CHINESE}", re.IGNORECASE | re.VERBOSE)


def is_refusal(text: str) -> bool:
    """Tell whether the opening of a text declines to answer, in English or Chinese.

    To be asked only where no answer was found: an answer after a disclaimer is an answer.
    """
    return _REFUSAL.search(" ".join(visible(text)[:_LOOK_AT].split())) is not None
