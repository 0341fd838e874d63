"""Item to chat messages: templates and strategies."""

from __future__ import annotations

import functools
import hashlib
import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pytest_medbench.errors import SuiteError, nearest
from pytest_medbench.exchange import Message, Request
from pytest_medbench.few_shot import answer_to, read_examples
from pytest_medbench.suites import Item, PromptTable, Suite
from pytest_medbench.suites.explaining import shortened
from pytest_medbench.suites.places import line_in

_NAMES = ("input", "options", "letters", "language", "fields")
_PLACEHOLDER = re.compile(r"\{([a-z_]{1,40})\}")

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@functools.cache
def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False
    )


@functools.cache
def _templates() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    text = files("pytest_medbench").joinpath("templates.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def template_names() -> list[str]:
    """Names that `prompt.template` may have."""
    return list(_templates())


class Prompter:
    """Makes the requests of one suite.

    Parameters
    ----------
    suite : Suite

    Raises
    ------
    SuiteError
        If the template, a placeholder or the few-shot examples cannot be used.
    """

    def __init__(self, suite: Suite) -> None:
        self._table = suite.spec.prompt
        self._suite = suite
        self._template = self._table.template or suite.scorer.template
        self._sources = _sources(suite, self._table)
        self._compiled: dict[str, Template] = {}
        self._examples = read_examples(suite)
        self._settings = _settings(self._table)

    def request(self, item: Item, sample: int = 0) -> Request:
        """Make the request of one item.

        Parameters
        ----------
        item : Item
        sample : int
            0 ... K-1, the number of the repeat.
        """
        return Request(
            suite=self._suite.name,
            item=item.id,
            messages=self.messages(item),
            settings=self._settings,
            options=item.options or (),
            sample=sample,
        )

    def messages(self, item: Item) -> list[Message]:
        """Give the chat messages of one item."""
        messages: list[Message] = []
        if self._table.system is not None:
            messages.append({"role": "system", "content": self._table.system})
        for example in self._examples:
            messages.append({"role": "user", "content": self._render(example)})
            messages.append({"role": "assistant", "content": self._answer(example)})
        if isinstance(item.input, str):
            messages.append({"role": "user", "content": self._render(item)})
        else:
            messages.extend(item.input)
        return messages

    def _answer(self, example: Item) -> str:
        # A text of the suite's own says how the answer is to be written; nothing here knows it.
        template = None if self._table.text is not None else self._template
        return answer_to(example, template, self._language(example), self._table.strategy)

    def digest(self) -> str:
        """Give a hash of all that shapes the messages, apart from the items."""
        state = hashlib.sha256(self._table.model_dump_json().encode())
        for language in sorted(self._sources):
            state.update(self._sources[language].encode())
        for example in self._examples:
            state.update(example.model_dump_json().encode())
        return state.hexdigest()

    def _language(self, item: Item) -> str:
        """Give the language whose prompt is used: `zh` for `zh-CN`, `en` for those without one."""
        language = item.language or self._suite.spec.suite.language
        for tag in (language, language.partition("-")[0].lower()):
            if tag in self._sources:
                return tag
        return "en"

    def _render(self, item: Item) -> str:
        key = self._language(item)
        template = self._compiled.get(key)
        if template is None:
            template = self._compiled[key] = _environment().from_string(self._sources[key])
        options = item.options or []
        return template.render(
            input=item.input,
            options="\n".join(
                f"{letter}. {text}" for letter, text in zip(LETTERS, options, strict=False)
            ),
            letters=", ".join(LETTERS[: len(options)]),
            language=item.language or self._suite.spec.suite.language,
            fields=_field_names(item.target),
        )


def _field_names(target: Any) -> str:
    return ", ".join(map(str, target)) if isinstance(target, dict) else ""


def _sources(suite: Suite, table: PromptTable) -> dict[str, str]:
    """Give the jinja2 source for each language; `text` holds for all."""
    if table.text is not None:
        if table.template is not None:
            raise _wrong(suite, "text", "[prompt] has both template and text; keep one")
        return {"en": _literal_except_placeholders(suite, table.text)}
    name = table.template or suite.scorer.template
    known = _templates()
    if name not in known:
        hint = nearest(name, known) or "; known are " + ", ".join(known)
        raise _wrong(suite, "template", f"prompt.template = {name!r} is not known{hint}")
    instruction = "cot" if table.strategy == "cot" else "direct"
    return {language: parts["body"] + parts[instruction] for language, parts in known[name].items()}


def _wrong(suite: Suite, key: str, message: str) -> SuiteError:
    return SuiteError(suite.path, line_in(suite.path, "prompt", key), shortened(message))


def _literal_except_placeholders(suite: Suite, text: str) -> str:
    """Turn `{input}` into jinja2 and keep every other brace, so that JSON in a prompt stays."""
    pieces = _PLACEHOLDER.split(text)
    names = pieces[1::2]
    for name in names:
        hint = nearest(name, _NAMES, cutoff=0.8)
        if name not in _NAMES and hint:
            raise _wrong(suite, "text", f"prompt.text has {{{name}}}{hint}")
    if "input" not in names:
        raise _wrong(suite, "text", "prompt.text has no {input}: the model would see no question")
    source = []
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            source.append(_raw(piece))
        elif piece in _NAMES:
            source.append("{{ " + piece + " }}")
        else:
            source.append(_raw("{" + piece + "}"))
    return "".join(source)


def _raw(text: str) -> str:
    # A string literal holds any text, `{% endraw %}` included.
    return "{{ " + repr(text) + " }}" if text else ""


def _settings(table: PromptTable) -> dict[str, Any]:
    if table.strategy == "logprob":
        return {"max_tokens": 1, "logprobs": True, "top_logprobs": 20}
    return {} if table.max_tokens is None else {"max_tokens": table.max_tokens}
