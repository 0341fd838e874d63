"""Text that speaks to the model instead of asking it, and text that does not show."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_medbench.answers import fold
from pytest_medbench.lint.model import Finding, Row
from pytest_medbench.lint.registry import item_rules

# A quick look for a word that each pattern holds spares most items the patterns.
_HINTS = (
    "ignore", "disregard", "forget", "override", "<|", "[inst]", "<<sys>>", "_of_turn>", "system",
    "忽略", "无视", "忘记", "不要理会", "jailbreak", "developer mode",
)  # fmt: skip
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override) (?:(?:all|any|every|the|your|of|these|those|my) )"
    r"{0,3}(?:previous|prior|above|earlier|preceding|foregoing|system|safety) "
    r"(?:instruction|prompt|rule|direction|guideline|message|command)|"
    r"\byou are now (?:in )?(?:dan|developer mode|jailbroken)\b|"
    r"(?:忽略|无视|忘记|不要理会|不必理会)(?:掉)?(?:你)?(?:之前|以上|上述|前面|先前|此前|所有|全部|一切|系统)"
    r"(?:的|所有|全部|任何|一切|收到|给出){0,3}(?:指令|指示|提示词?|命令|规则|要求|设定|限制)",
    re.IGNORECASE,
)
_TOKENS = re.compile(
    r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|end|begin_of_text|eot_id|"
    r"start_header_id|end_header_id|channel|message|return|start)\|>|\[/?INST\]|<</?SYS>>|"
    r"<(?:start|end)_of_turn>",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"^[ \t]{0,8}(?:#{1,4} ?)?(?:\[(?:system|assistant)\]|(?:system|assistant)(?: prompt| message)?"
    r"[ \t]?:(?![ \t]*$))",
    re.IGNORECASE | re.MULTILINE,
)
# Orders of reading, and the invisible alphabet of tags.
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0001-\U000e007f]")
_UNSEEN = re.compile("[\u200b\u200e\u200f\u2060-\u2064\ufeff\u00ad\u180e\x00-\x08\x0e-\x1f\x7f]")


@item_rules(
    {
        "prompt-injection": "orders to the model, chat-template tokens or role markers in an item",
        "hidden-characters": "characters that do not show, or that turn the order of reading",
    }
)
def hostile(row: Row) -> Iterator[Finding]:
    """Look through every text of one item."""
    lower = row.everything.lower()
    hinted = any(hint in lower for hint in _HINTS)
    raw = any(not text.isascii() or not text.isprintable() for _, text in row.texts())
    if not hinted and not raw:
        return
    for where, text in row.texts():
        if hinted:
            yield from _injected(row, where, text)
        if raw:
            yield from _hidden(row, where, text)


def _injected(row: Row, where: str, text: str) -> Iterator[Finding]:
    said = fold(text)
    for pattern, what in (
        (_ORDERS, "an order to the model"),
        (_TOKENS, "a chat-template token"),
        (_ROLE, "a role marker"),
    ):
        found = pattern.search(said)
        if found:
            yield row.error(
                "prompt-injection",
                f"{where} holds {what}, {found[0].strip()[:40]!r}, that a model may obey; take it "
                "out, or waive the rule where it is what the item tests",
            )
            return


def _hidden(row: Row, where: str, text: str) -> Iterator[Finding]:
    found = _DIRECTION.search(text)
    if found:
        yield row.error(
            "hidden-characters",
            f"{where} holds U+{ord(found[0]):04X}, which hides text or turns its order; take it "
            "out",
        )
        return
    found = _UNSEEN.search(text)
    if found:
        yield row.advice(
            "hidden-characters",
            f"{where} holds U+{ord(found[0]):04X}, which does not show; take it out",
        )
