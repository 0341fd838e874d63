"""Inputs made to be read badly: text, TOML, JSON and lines, short and long."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

LONG = 100_000
TOKENS = [
    "A", "b", "Ｃ", "Ⅲ", "A.", "A、", "(A)", "（B）", "[C]", "【D】", "A:", "A. A. ", "选项A",
    "Answer: ", "answer is ", "the correct answer is ", "final answer", "答案是", "选",
    "正确答案：", "A项", "not ", "n't ", "except ", "不是", "排除", "because", "因为", "or ",
    "and ", "或", "和", "、", "yes", "no", "maybe", "是", "否", "不确定", "I cannot", "抱歉，",
    "作为AI", "As an AI", "0", "1", "12", "999", "1,000", "1 000", "1.5", ".", ",", "-", "−", "+",
    "±", "e9", "E-", "×10^", "10⁹", "½", "１２", "三", "十", "百", "万", "亿", "零", "两", "%",
    "％", "/", "∕", "mg", "毫克", "weeks", "days", "周", "天", "w", "d", "+", "(5, 3)",
    "38 weeks 6 days", "孕38周+6天", "2024", "2024-02-30", "03/05/2026", "年", "月", "日",
    "March ", "Mar. 5, ", "5th of ", "<", ">", "<think>", "</think>",
    "<|channel|>final<|message|>", "◁think▷", "</s>", "<|", "{", "}", "[", "]", '"', '"a":',
    '{"a":1}', "{,", ",}", "```", "```json\n", "\\boxed{", "$", "**", "__", "*", "_", "`", "#",
    "### ", "> ", "- ", "| ", "\\", "\\n", "~", "'", "“", "”", "：", " ", "  ", "\t", "\n",
    "\r\n", "\r", "\u3000", "\u00a0", "\u2028", "\u0085", "\x0b", "\x00", "\u200b", "\u202e",
    "\u2066", "\ufeff", "\U000e0041", "\ufe0f", "\u0301", "a\u0315\u0300", "ﷺ", "ﬁ", "é",
    "e\u0301", "한", "ᄒ", "İ", "ß", "ǅ", "\x1b[31m", "\x1b]8;;x\x07", "\x9b", "😀", "5 mg",
    "50 mg", "metformin", "都不是", "Answer Choices: ", "(A) x (B) ", "['a', ", "../", "A．",
    "option A is wrong, option B ", "The answer is A or B. ", "choose ", "it's (a). ",
    "Both A and ",
]  # fmt: skip
KEYS = [
    "id", "input", "options", "target", "specialty", "safety", "harm", "group", "must_pass",
    "meta", "choices", "message", "content", "text", "finish_reason", "logprobs", "token",
    "top_logprobs", "logprob", "usage", "prompt_tokens", "tool_calls", "model", "error", "code",
    "data", "created", "role", "value", "lower", "upper", "suite", "status", "score", "answer",
    "reason", "parts", "tries", "asked_at", "served_by", "question", "other", "source", "label",
    "letter", "images", "QUESTION", "CONTEXTS", "final_decision", "settings", "shard", "gates",
    "suites", "verdict", "exit_status", "planned", "name", "doubts", "stopped", "innererror",
    "population", "variant",
]  # fmt: skip
VALUES = [
    *("null", "true", "0", "-1", "1e999", "-1e999", "NaN", "Infinity", "1e-400", "0.1", '"B"'),
    *('""', '"\\ud800"', '"\\u0000"', '"\\u202e\\u009b"', '"q"', '"correct"', '"yes"'),
    *('"2026-03-05"', "[]", "{}", "[38,6]", '["a","b"]', '{"value":1e308,"lower":-1e308}',),
    *('"internal_medicine"', "1" + "0" * 400, "9" * 5000, "[" * 150 + "]" * 150, "[" * 5000),
    '{"a":' * 150 + "1" + "}" * 150, "[" * 600 + "]" * 600,
]  # fmt: skip
TOML = [
    "[suite]\n", 'name = "s"\n', 'items = "items.jsonl"\n', "[score]\n", 'scorer = "choice"\n',
    'scorer = "number"\n', "[prompt]\n", 'text = "{input}"\n', "[gates]\n", "overall = 0.5\n",
    '"safety.*" = { min = 0.9 }\n', "[tool.medbench]\n", "[tool.medbench.models.a]\n", "[[a]]\n",
    "[specialties]\n", 'x = { zh = "一", en = "one" }\n', "[safety]\n", "min = inf\n",
    "a = nan\n", "concurrency = 64\n", "timeout = 1e400\n", "seed = 9" + "9" * 40 + "\n",
    "model = 'a'\n", 'items = "../../etc/passwd"\n', 'items = "/dev/zero"\n',
    'items = "a\\u0000b"\n', "shots = 3\n", 'title = """', "'''", '"', "a.b.c.d = 1\n", "a = [",
    "a = {", "]", "}", "= 1\n", "# \x1b[0m\n", "d = 1979-05-27T07:32:00Z\n", "t = 25:61:61\n",
    "d = 0000-00-00\n", "x = 0x" + "f" * 30 + "\n", '"\\u001b]0;x\\u0007" = 1\n', "\ufeff", "\r",
    "rel_tolerance = 2\n", "correct_at = -1\n", "gates.overall = []\n", "max_wrong = -1\n",
    'rule = "x"\n', "taxonomy = [1]\n", "shard = '1/0'\n", 'deadline = "9h"\n',
    "strategy = 'few-shot'\n", 'require = ["a"]\n', 'labels = ["", ""]\n',
]  # fmt: skip
Random = random.Random


def text(rng: Random) -> str:
    """Make a short text of tokens."""
    return "".join(rng.choices(TOKENS, k=rng.randint(0, 40)))


def long_text(rng: Random, size: int = LONG, tokens: Sequence[str] = TOKENS) -> str:
    """Make a long text: one or two short units over and over, with something else at an end."""
    made = rng.choice(tokens[:1]) if rng.random() < 0.1 else ""
    for _ in range(rng.randint(1, 2)):
        unit = "".join(rng.choices(tokens, k=rng.randint(1, 4)))
        made += unit * (size // len(unit) // 2 + 1)
    return (made + rng.choice(tokens))[:size]


def json_text(rng: Random, depth: int = 0) -> str:
    """Make JSON, or nearly, of keys and values that readers know."""
    kind = rng.random()
    if depth > 4 or kind < 0.3:
        return rng.choice(VALUES) if rng.random() < 0.8 else json.dumps(text(rng))
    if kind < 0.45:
        return "[" + ",".join(json_text(rng, depth + 1) for _ in range(rng.randint(0, 3))) + "]"
    keys = rng.choices(KEYS, k=rng.randint(0, 6))
    return "{" + ",".join(f'"{key}":{json_text(rng, depth + 1)}' for key in keys) + "}"


def toml_text(rng: Random) -> str:
    """Make TOML, or nearly."""
    return "".join(rng.choices(TOML, k=rng.randint(1, 12)))


def lines_text(rng: Random) -> str:
    """Make lines of JSON."""
    return "".join(json_text(rng) + rng.choice("\n\n\r ") for _ in range(rng.randint(1, 4)))


MAKERS: dict[str, Callable[[Random], str]] = {
    "text": text,
    "toml": toml_text,
    "json": json_text,
    "lines": lines_text,
}
PARTS: dict[str, Sequence[str]] = {
    "text": TOKENS,
    "toml": [*TOML, "a.", "[", "{", "a", "=", " ", "\n", '"', "\\", "'", "1", "\r\n", "[[a]]\n"],
    "json": [*VALUES[:-6], *KEYS, "[", "{", '"', '{"a":', ",", ":", " ", "\\", "1", "\n"],
}


def made(kind: str, rng: Random) -> bytes:
    """Make an input of a kind: mostly short, sometimes 100 kB."""
    if rng.random() < 0.05:
        parts = PARTS["json" if kind == "lines" else kind]
        return long_text(rng, LONG, parts).encode("utf-8", "surrogatepass")
    return MAKERS[kind](rng).encode("utf-8", "surrogatepass")


def respelt(data: bytes, rng: Random) -> bytes:
    """Put other values in the place of some of an input's: of JSON, or after an `=`."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        lines = data.split(b"\n")
        for at in rng.sample(range(len(lines)), min(2, len(lines))):
            key, equals, _ = lines[at].partition(b"=")
            if equals:
                lines[at] = key + b"= " + rng.choice(VALUES).encode()
        return b"\n".join(lines)
    holes: list[str] = []
    try:
        text = json.dumps(_holed(value, holes, rng), ensure_ascii=False)
    except RecursionError:
        return data
    for hole in holes:
        text = text.replace(f'"{hole}"', rng.choice(VALUES), 1)
    return text.encode("utf-8", "surrogatepass")


def _holed(value: Any, holes: list[str], rng: Random) -> Any:
    if rng.random() < 0.08:
        holes.append(f"hole-{len(holes)}")
        return holes[-1]
    if isinstance(value, dict):
        return {key: _holed(each, holes, rng) for key, each in value.items()}
    if isinstance(value, list):
        return [_holed(each, holes, rng) for each in value]
    return value


def mutated(data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """Change an input in a few places; now and then join it with another."""
    if rng.random() < 0.4:
        return respelt(data, rng)
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(changed))
        what = rng.randint(0, 5)
        if what == 0:
            changed[at : at + rng.choice((1, 1, 2, 8, 64))] = b""
        elif what == 1:
            changed[at:at] = rng.choice(TOKENS).encode()
        elif what == 2:
            changed[at:at] = rng.choice(VALUES).encode()
        elif what == 3 and at < len(changed):
            changed[at] = rng.randrange(256)
        elif what == 4:
            piece = changed[at : at + rng.randint(1, 50)]
            changed[at:at] = piece * rng.choice((1, 2, 50))
        elif others:
            other = rng.choice(others)
            changed[at:] = other[rng.randint(0, len(other)) :]
    return bytes(changed[: 2 * LONG])


def seeds() -> dict[str, list[Any]]:
    """Give inputs that readers accept, to begin with."""
    item = {"id": "q", "input": "Which?", "options": ["5 mg", "5 g"], "target": "B"}
    further = {
        **item,
        "specialty": "internal_medicine/cardiology",
        "safety": ["medication"],
        "harm": "death",
        "must_pass": True,
        "meta": {"a": [1]},
    }
    completion = {
        "choices": [{
            "message": {"content": "B", "tool_calls": [{"function": {"name": "f"}}]},
            "finish_reason": "stop",
            "logprobs": {"content": [{"top_logprobs": [{"token": "B", "logprob": -0.1}]}]},
        }],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
        "model": "m",
        "system_fingerprint": "fp",
    }  # fmt: skip
    v4 = {
        "question": "问题\nA. 甲\nB. 乙",
        "answer": "A",
        "other": {"id": 1, "source": "x"},
        "img_path": "['a.png']",
    }
    qa = {
        "id": "1",
        "question": "Which?\nAnswer Choices: (A) a (B) b",
        "label": "A",
        "options": [{"letter": "A", "content": "a"}, {"letter": "B", "content": "b"}],
        "images": [{"image_path": "a.png"}],
    }
    pubmed = {"1": {"QUESTION": "q?", "CONTEXTS": ["c"], "final_decision": "yes", "YEAR": "1"}}
    listing = {"data": [{"id": "m", "created": 1, "permission": []}]}
    error = {"error": {"message": "no", "code": "content_filter", "innererror": {"code": "x"}}}
    objects = [item, further, completion, v4, qa, pubmed, listing, error]
    dumped = [json.dumps(each, ensure_ascii=False).encode() for each in objects]
    toml = "".join(TOML[:5]) + '[prompt]\ntext = "{input}"\n[gates]\noverall = 0.5\n'
    table = "[tool.medbench]\nmodel = 'a'\n[tool.medbench.models.a]\nbase_url = 'x'\n"
    labels = (
        '[specialties]\nx = { zh = "一", en = "one" }\n'
        '[safety]\ny = { zh = "二", en = "two", family = "own" }\n'
    )
    return {
        "text": [b"The answer is B.", "答案：B".encode(), b"38 weeks 6 days", b'{"dose": 5}'],
        "toml": [toml.encode(), table.encode(), labels.encode()],
        "json": dumped,
        "lines": [each + b"\n" for each in dumped],
    }
