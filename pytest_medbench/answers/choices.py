"""Single and multiple choice: which option letters a response gives as its answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from string import ascii_uppercase

from pytest_medbench.answers.contents import Contents
from pytest_medbench.answers.cues import first_line, last_line, statements
from pytest_medbench.answers.letters import Group, group_at, is_denied
from pytest_medbench.answers.listings import (
    Label,
    inline_labels,
    line_labels,
    listed,
    opens_list,
)
from pytest_medbench.answers.reading import Reading, settle
from pytest_medbench.answers.text import visible, without_echo
from pytest_medbench.outcomes import Cause

_PLAIN = re.compile(
    r"\s{0,4}(?:(?:the |my )?(?:correct |best |final )?(?:answer|option|choice)(?: is)?:? ?)?"
    r"[*(<\[\"']{0,4}([A-Za-z])[*)>\]\"'.]{0,4}\s{0,4}",
    re.IGNORECASE,
)
_MARKUP = str.maketrans({"*": None, "`": None, "_": " ", "\u2581": " "})
_HASHES = re.compile(r"(^|\n) ?#{1,3} ?|(^|\n) ?#{5,6} ?")
_BLANK_LINES = re.compile(r"\n(?: ?\n)+")
_ONLY_LETTERS = re.compile(
    r"[\W_]{0,6}(?:(?:the |my )?(?:final |correct )?(?:answers?|options?|choices?|letters?)"
    r"|(?:正确)?答案|选项|选择|选|答)?"
    r"[\W_]{0,6}(?P<run>[A-Za-z]{1,26}"
    r"|[A-Za-z](?:[\s,，、/|;；&+和与.<>()\[\]]{1,4}(?:and )?[A-Za-z]){1,25})"
    r"[\W_]{0,6}(?:项|选项)?[\W_]{0,3}",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"(?:^|[\n.!?,;:。！？；，：]|\b(?:so|thus|therefore|hence|that|[Bb]oth)|选项|因此|所以)"
    r"\s?(?:options?\s|choices?\s|answers?\s|letter\s)?[(<\[\"']{0,3}"
    r"(?P<letter>[A-Z](?:(?:,\s|,?\sand\s|、|和)[(\[]?[A-Z]\)?){0,25})[)>\]\"'.]{0,3}"
    r"(?:\s?(?:is|are|would be|must be|should be|appears to be|seems to be)"
    r"\s(?:(?:clearly|therefore|thus|definitely|probably|likely|indeed|most likely)\s)?"
    r"(?:my\s|the\s|both\s)?(?:final\s|only\s|single\s)?"
    r"(?:(?:(?:most\s)?(?:correct|right|best|likely|appropriate|suitable|accurate))\s)?"
    r"(?:answers?|choices?|options?)\b"
    r"|\s?(?:项|选项)?(?:是|为)(?:最佳|正确的?|本题)?(?:答案|选项|选择))"
)
_NOUN = re.compile(r"answers?|choices?|options?|答案|选项|选择")
_MOST_NOUNS = 100
_LEADING = re.compile(
    r"[(<\[\"']?([A-HJ-Z])[)>\]\"']?(?:(?:\s?[,，—–-]\s?|\s)?(?:because|since|due|as\b|因为|由于|因)"
    r"|,\s(?:because|since|as)\b)"
    r"|([A-HJ-Z])\s?[—–]\s?\w"
)
_GUESS = re.compile(
    r"\b(?:it(?:['’]s|\sis|\smust\sbe|\sshould\sbe|\swould\sbe)|i(?:['’]d)?\s(?:would\s)?"
    r"(?:think|believe|say|guess)|probably|definitely|likely|therefore|thus|hence|so)"
    r"[,:]? (?:option\s|answer\s|choice\s)?"
    r"(?=[(<\[\"']{0,3}[A-Za-z][)>\]\"']{0,3}(?:\s?$|\s?[.,;\n!]))",
    re.IGNORECASE,
)
_MENTION = re.compile(
    r"[(<\[【「{](?P<bracketed>[A-Za-z])[)>\]】」}]"
    r"|\b(?:option|choice)\s(?P<named>[A-Z])(?![A-Za-z0-9-])"
    r"|选项\s?(?P<after>[A-Z])(?![A-Za-z0-9-])"
    r"|(?<![A-Za-z0-9-])(?P<before>[A-Z])\s?(?:选?项)"
)
_MOST_MENTIONS = 60
_OFFERED = re.compile(r"(?:\b(?:choices|options)|选项)\s?[:：]\s?$", re.IGNORECASE)
_DENIED_BEFORE = re.compile(
    r"(?:\bnot|\bnor|n['’]t|\bexcept|\bexclud\w{0,4}|\brul\w{1,4} out|\belimina\w{1,5}|\bagainst"
    r"|\bthan|\bconsider|\bregarding|\babout|\bexample|\be\.g\.|\bsuch as|\blike"
    r"|[不非排除]|例如|如)"
    r"[\s:：,]{0,2}(?:options?|choices?|选项)?\s?[(<\[]?$",
    re.IGNORECASE,
)


def read_choice(
    text: str, options: Sequence[str], *, prompt: str = "", partial: bool = False
) -> Reading[str]:
    """Read the one option letter a response gives.

    Parameters
    ----------
    text : str
        The response, as it came.
    options : sequence of str
        Two to 26, in the order shown; the first is A.
    prompt : str
        What was asked; a response that repeats it has not answered by that.
    partial : bool
        Whether the text was cut off: then only an announced answer counts.

    Returns
    -------
    Reading of str
        An upper-case letter. Contradictory where two different letters are given as the answer,
        unless exactly one of them is marked as final or corrected, or boxed.
    """
    allowed = ascii_uppercase[: len(options)]
    plain = _PLAIN.fullmatch(text) if len(text) < 60 else None
    if plain and plain[1].upper() in allowed:
        return Reading(plain[1].upper())
    found = _Text(text, options, allowed, prompt, partial, several=False).read()
    if found.answer is not None and len(found.answer) > 1:
        return Reading(None, Cause.CONTRADICTORY)
    return found


def read_choices(
    text: str, options: Sequence[str], *, prompt: str = "", partial: bool = False
) -> Reading[str]:
    """Read the set of option letters a response gives.

    Returns
    -------
    Reading of str
        Upper-case letters, sorted, each once: `ACD`. Parameters as for `read_choice`.
    """
    allowed = ascii_uppercase[: len(options)]
    return _Text(text, options, allowed, prompt, partial, several=True).read()


class _Text:
    """One response and what it may mean: the readings below are tried from sure to unsure."""

    def __init__(
        self,
        text: str,
        options: Sequence[str],
        allowed: str,
        prompt: str,
        partial: bool,
        *,
        several: bool,
    ) -> None:
        self._several = several
        self._contents = Contents(options)
        self._allowed = allowed
        self._partial = partial
        shown, self._echoed = (
            without_echo(visible(text), prompt) if prompt else (visible(text), False)
        )
        shown = shown.translate(_MARKUP)
        if "#" in shown:
            shown = _HASHES.sub(r"\1\2", shown)
        self._text = _BLANK_LINES.sub("\n\n", shown).strip()

    def read(self) -> Reading[str]:
        if not self._text:
            return Reading(None, Cause.NO_ANSWER)
        whole = None if self._echoed and self._partial else self._whole()
        if whole is not None:
            return Reading(whole)
        final, stated = self._stated()
        for found in (final, stated):
            settled = settle(found)
            if settled is not None:
                return _known(settled)
        if self._echoed:
            return Reading(None, Cause.NO_ANSWER)
        unsure: list[Callable[[], str | None]] = [self._guessed]
        if self._several:
            unsure.insert(0, self._labelled_lines)
        if not self._partial:
            unsure += [self._mentioned, self._named]
        for reading in unsure:
            letters = reading()
            if letters is not None:
                return Reading(letters)
        return Reading(None, Cause.NO_ANSWER)

    def _whole(self) -> str | None:
        """Read a response that is nothing but letters, or nothing but option texts."""
        letters = self._line(self._text)
        if letters is not None:
            return letters
        if len(self._text) > self._contents.room:
            return None
        if self._contents.look_like_labels and (found := self._contents.equal(self._text)):
            return found
        label = line_labels(self._text)
        if len(label) == 1 and label[0].start < 4 and "\n" not in self._text:
            return None
        if self._several:
            found = self._contents.all_of(self._text)
            return None if found == self._allowed and len(label) > 1 else found
        return self._contents.equal(self._text)

    def _line(self, line: str) -> str | None:
        """Read a line of letters alone; where one is asked, `A,C` may be an option's text."""
        letters = self._bare(line)
        if letters is not None and len(letters) > 1 and not self._several:
            return self._contents.equal(line) or letters
        return letters

    def _bare(self, line: str) -> str | None:
        """Read a line of letters alone: `B`, `(C)`, `A、C`, `ABC`."""
        found = _ONLY_LETTERS.fullmatch(line) if len(line) <= 160 else None
        if found is None:
            return None
        run = found["run"]
        letters = "".join(char for char in run if char.isascii() and char.isalpha()).upper()
        letters = letters.replace("AND", "") if " and " in run.lower() else letters
        if run.islower() and run.isalpha() and len(run) > 1:
            return None
        if len(set(letters)) < len(letters) or not set(letters) <= set(self._allowed):
            return None
        return "".join(sorted(letters))

    def _stated(self) -> tuple[list[str], list[str]]:
        """Collect the answers announced as final, and all others announced."""
        final: list[str] = []
        stated: list[str] = []
        places = statements(self._text)
        spans = listed(self._text, self._allowed, self._contents, [place.at for place in places])
        for statement in places:
            if self._echoed and not statement.linked:
                continue
            letters = self._answer_at(statement.at, spans)
            if letters is not None:
                (final if statement.final else stated).append(letters)
        stated.extend(self._named_before(spans))
        if not self._echoed:
            stated.extend(self._outstanding())
        return final, stated

    def _named_before(self, spans: list[tuple[int, int]]) -> Iterator[str]:
        """Read "B is the correct answer"."""
        for noun in islice(_NOUN.finditer(self._text), _MOST_NOUNS):
            window = max(0, noun.start() - 120)
            for found in _BEFORE.finditer(self._text, window, noun.end()):
                said = {char for char in found["letter"] if char.isupper()}
                if said <= set(self._allowed) and not _in_spans(found.start("letter"), spans):
                    yield "".join(sorted(said))

    def _answer_at(self, at: int, spans: list[tuple[int, int]]) -> str | None:
        if self._contents.look_like_labels and not self._several:
            letter = self._contents.equal(self._text[at : at + 2_000].partition("\n")[0])
            if letter is not None:
                return letter
        group = group_at(self._text, at, self._allowed, self._contents)
        if group is not None:
            if _in_spans(group.start, spans):
                return None
            if self._several or len(group.letters) == 1:
                return self._complete(group)
        begin = at
        while begin < len(self._text) and self._text[begin] in " (<[{\"'“‘「『【《:：\n":
            begin += 1
        letter = self._contents.leading(self._text[begin : begin + 2_000].partition("\n")[0])
        if letter is None:
            return group.letters if group is not None else None
        return None if is_denied(self._text, begin) else letter

    def _complete(self, group: Group) -> str:
        """Add the labelled options that go on with a group: `A. 5 mg, C. 500 mg`."""
        if not self._several or len(group.letters) != 1:
            return group.letters
        paragraph = self._text[group.start : group.start + 4_000].partition("\n\n")[0]
        chosen = {
            label.letter
            for label in inline_labels(paragraph)[: len(self._allowed)]
            if self._contents.alone(paragraph[label.end :]) == label.letter
        }
        return "".join(sorted(chosen | {group.letters}))

    def _outstanding(self) -> Iterator[str]:
        """Read the first and the last line where they are a letter, or begin with a label."""
        labels = line_labels(self._text)
        lists = opens_list(labels, self._text, self._contents)
        first, last = first_line(self._text), last_line(self._text)
        if not lists:
            letters = self._line(first)
            if letters is not None:
                yield letters
            elif labels and labels[0].start < 4 and first[:1] != "-":
                group = group_at(self._text, labels[0].start, self._allowed, self._contents)
                if group is not None and self._is_leading(group):
                    yield group.letters
            elif (content := self._contents.equal(first)) is not None:
                yield content
            elif leading := _LEADING.match(first):
                yield leading[1] or leading[2]
        if last != first:
            letters = self._line(last)
            if letters is None and not lists and len(labels) < 2:
                letters = self._contents.equal(last)
            if letters is not None and not (lists and _goes_on(labels)):
                yield letters

    def _is_leading(self, group: Group) -> bool:
        """Tell whether a label at the very beginning is the answer and not `A:` for "answer"."""
        after = self._text[group.end : group.end + 2]
        if group.letters != "A" or not after.startswith((":", "：")):
            return True
        rest = self._text[group.end + 1 : group.end + 2_000].lstrip()
        return self._contents.leading(rest) == "A"

    def _labelled_lines(self) -> str | None:
        """Read a response in which every line is one chosen option with its label."""
        lines = [line for line in self._text.split("\n") if line.strip()]
        labels = line_labels(self._text)
        letters = "".join(label.letter for label in labels)
        if not labels or len(labels) != len(lines) or letters == self._allowed:
            return None
        if len(set(letters)) < len(letters) or not set(letters) <= set(self._allowed):
            return None
        own = all(
            self._contents.leading(self._text[label.end : label.end + 2_000].lstrip())
            == label.letter
            for label in labels
        )
        return "".join(sorted(letters)) if own and not self._partial else None

    def _guessed(self) -> str | None:
        """Read "I think it's (b)."."""
        found = []
        for guess in _GUESS.finditer(self._text):
            group = group_at(self._text, guess.end(), self._allowed, self._contents)
            if group is not None and group.letters:
                found.append(group.letters)
        return found[0] if len(set(found)) == 1 else None

    def _mentioned(self) -> str | None:
        """Read the only letter that is set off as an option and not denied."""
        with_text = {
            label.letter
            for label in inline_labels(self._text)
            if self._contents.leading(self._text[label.end :][:2_000].lstrip()) == label.letter
        }
        if len(with_text) > 1:
            return None
        found = set()
        count = 0
        for mention in _MENTION.finditer(self._text):
            count += 1
            if count > _MOST_MENTIONS:
                return None
            letter = next(group for group in mention.groups() if group is not None).upper()
            before = self._text[max(0, mention.start() - 30) : mention.start()]
            if _OFFERED.search(before):
                return None
            denied = is_denied(self._text, mention.end()) or _DENIED_BEFORE.search(before)
            if letter not in self._allowed or denied:
                continue
            found.add(letter)
        return found.pop() if len(found) == 1 else None

    def _named(self) -> str | None:
        """Read a short response that names one option by its text."""
        if "?" in self._text or "？" in self._text or len(line_labels(self._text)) > 1:
            return None
        return self._contents.only(self._text)


def _known(settled: Reading[str]) -> Reading[str]:
    """Turn a group that was contradictory in itself into that cause."""
    return Reading(None, Cause.CONTRADICTORY) if settled.answer == "" else settled


def _in_spans(at: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= at <= end for start, end in spans)


def _goes_on(labels: Sequence[Label]) -> bool:
    """Tell whether the last label is the next one of a list, and no answer after it."""
    return len(labels) > 1 and ord(labels[-1].letter) == ord(labels[-2].letter) + 1
