"""Item to chat messages: templates, few-shot examples, strategies."""

from __future__ import annotations

import functools
import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import ValidationError

from pytest_medbench.errors import SuiteError, nearest
from pytest_medbench.exchange import Message, Request
from pytest_medbench.suites import Item, PromptTable, Suite, explain

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
        self._sources = _sources(suite, self._table)
        self._compiled: dict[str, Template] = {}
        self._examples = _examples(suite, self._table)
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
            messages.append({"role": "assistant", "content": str(example.target)})
        if isinstance(item.input, str):
            messages.append({"role": "user", "content": self._render(item)})
        else:
            messages.extend(item.input)
        return messages

    def digest(self) -> str:
        """Give a hash of all that shapes the messages, apart from the items."""
        state = hashlib.sha256(self._table.model_dump_json().encode())
        for language in sorted(self._sources):
            state.update(self._sources[language].encode())
        for example in self._examples:
            state.update(example.model_dump_json().encode())
        return state.hexdigest()

    def _render(self, item: Item) -> str:
        language = item.language or self._suite.spec.suite.language
        key = language if language in self._sources else "en"
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
            language=language,
            fields=_field_names(item.target),
        )


def _field_names(target: Any) -> str:
    return ", ".join(map(str, target)) if isinstance(target, dict) else ""


def _sources(suite: Suite, table: PromptTable) -> dict[str, str]:
    """Give the jinja2 source for each language; `text` holds for all."""
    if table.text is not None:
        if table.template is not None:
            raise SuiteError(suite.path, None, "[prompt] has both template and text; keep one")
        return {"en": _literal_except_placeholders(suite.path, table.text)}
    name = table.template or suite.scorer.template
    known = _templates()
    if name not in known:
        hint = nearest(name, known)
        raise SuiteError(
            suite.path,
            None,
            f"prompt.template = {name!r} is not known{hint or '; known are ' + ', '.join(known)}",
        )
    instruction = "cot" if table.strategy == "cot" else "direct"
    return {language: parts["body"] + parts[instruction] for language, parts in known[name].items()}


def _literal_except_placeholders(path: Path, text: str) -> str:
    """Turn `{input}` into jinja2 and keep every other brace, so that JSON in a prompt stays."""
    pieces = _PLACEHOLDER.split(text)
    for name in pieces[1::2]:
        if name not in _NAMES and nearest(name, _NAMES):
            raise SuiteError(path, None, f"prompt.text has {{{name}}}{nearest(name, _NAMES)}")
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


def _examples(suite: Suite, table: PromptTable) -> Sequence[Item]:
    if table.strategy == "few-shot" and not (table.examples and table.shots):
        raise SuiteError(
            suite.path,
            None,
            'strategy = "few-shot" needs examples = "FILE" and shots = N in [prompt]',
        )
    if not table.examples or not table.shots:
        return ()
    path = suite.path.parent / table.examples
    if not path.resolve().is_relative_to(suite.path.parent.resolve()):
        raise SuiteError(suite.path, None, f"examples = {table.examples!r} lies outside the folder")
    examples = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise SuiteError(path, None, f"cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            examples.append(Item.model_validate_json(line))
        except ValidationError as error:
            raise SuiteError(path, number, explain(error, Item)) from error
    if len(examples) < table.shots:
        raise SuiteError(
            path, None, f"holds {len(examples)} examples; [prompt] shots = {table.shots}"
        )
    return examples[: table.shots]


def _settings(table: PromptTable) -> dict[str, Any]:
    if table.strategy == "logprob":
        return {"max_tokens": 1, "logprobs": True, "top_logprobs": 20}
    return {} if table.max_tokens is None else {"max_tokens": table.max_tokens}
