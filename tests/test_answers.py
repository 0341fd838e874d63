"""Choice letters: what models write, and what looks like an answer and is none."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_medbench.answers import normalise, read_choice, read_choices, visible
from pytest_medbench.outcomes import Cause

OPTIONS = ["5 mg", "50 mg", "500 mg", "5 g"]
NO, CLASH = Cause.NO_ANSWER, Cause.CONTRADICTORY

SINGLE = [
    ("A", "A"),
    ("b", "B"),
    ("b)", "B"),
    ("<D>", "D"),
    ("答：<D>", "D"),
    ("**B**", "B"),
    ("(C)", "C"),
    ("Ｂ", "B"),
    ("（Ｃ）", "C"),
    ("```\nB\n```", "B"),
    ('{"answer": "B"}', "B"),
    ("<answer>B</answer>", "B"),
    ("\\boxed{C}", "C"),
    ("$\\boxed{\\text{C}}$", "C"),
    ("#### B", "B"),
    ("The answer is A.", "A"),
    ("The answer is B because A is wrong", "B"),
    ("The answer is therefore clearly (B).", "B"),
    ("The correct answer is option B.", "B"),
    ("My answer: `D`", "D"),
    ("Answer - B", "B"),
    ("Answer:\n\n(B) 50 mg", "B"),
    ("### Answer\n\nB", "B"),
    ("**Answer: C** ✅", "C"),
    ("B. 50 mg", "B"),
    ("B – 50 mg", "B"),
    ("A because B is wrong", "A"),
    ("I think it's (b)", "B"),
    ("I choose D", "D"),
    ("B is the correct answer.", "B"),
    ("Answer: B\n\nExplanation: A is incorrect because it is too low.", "B"),
    ("A) 5 mg\n\nExplanation: B) 50 mg is too high", "A"),
    ("The correct option is **C) 500 mg**.\n\n* **A)** too low\n* **B)** no\n* **D)** high", "C"),
    ("500 mg", "C"),
    ("The answer is 500 mg.", "C"),
    ("It is 500 mg daily.", "C"),
    ("答案：B", "B"),
    ("答案是B。", "B"),
    ("正确答案为【C】", "C"),
    ("故选D", "D"),
    ("选择B选项", "B"),
    ("从A到D，我们应该选择B", "B"),
    ("B项正确，其余错误", "B"),
    ("思考过程：选项A错误，选项C也错误。\n因此答案：B", "B"),
    ("Not A. The answer is B", "B"),
    ("The answer is not A but C.", "C"),
    ("答案不是A，而是C", "C"),
    ("Let's think. A is wrong. So the correct answer is (D).", "D"),
    ("<think>The answer is A. No.</think>\n\nB", "B"),
    ("The answer is A.</think>B", "B"),
    ("<|channel|>analysis<|message|>A?<|end|><|channel|>final<|message|>B", "B"),
    ("Answer: A ... wait, final answer: C", "C"),
    ("更正：答案为C。此前答案：A", "C"),
    ("As an AI I cannot give medical advice. The answer is B.", "B"),
    ("Options: A. 5 mg B. 50 mg C. 500 mg D. 5 g\nAnswer: C", "C"),
]

NONE = [
    ("", NO),
    ("   \n", NO),
    ("E", NO),
    ("The answer is E", NO),
    ("CT", NO),
    ("B超", NO),
    ("维生素D", NO),
    ("答案为B超检查", NO),
    ("Vitamin D", NO),
    ("Vitamin D is the correct answer.", NO),
    ("hepatitis B", NO),
    ("I think it is hepatitis B.", NO),
    ("The answer is a beta blocker", NO),
    ("The correct answer is C difficile", NO),
    ("The answer is B-cell lymphoma", NO),
    ("D. melanogaster is a fly", NO),
    ("A patient came in", NO),
    ("I would not know", NO),
    ("Dr. A said so", NO),
    ("不选B", NO),
    ("not 500 mg", NO),
    ("Choose from A to D", NO),
    ("Answer A is wrong.", NO),
    ("答案A有误", NO),
    ("Which is the best choice: A. 5 mg B. 50 mg C. 500 mg D. 5 g", NO),
    ("请选择：A. 5 mg\nB. 50 mg\nC. 500 mg\nD. 5 g", NO),
    ("<think>The answer is A", NO),
    ("A. 5 mg\nB. 50 mg\nC. 500 mg\nD. 5 g", NO),
    ("A. 5 mg\nB. ", NO),
    ("A\nB\nC\nD", CLASH),
    ("Options: A. 5 mg B. 50 mg C. 500 mg D. 5 g\nAnswer:", NO),
    ("Options: A, B, C, D. Reply with one letter, for example (B).", NO),
    ("Final answer: A\nFinal answer: C", CLASH),
    ("Answer: A. No, answer: C", CLASH),
    ("The best choice is A or B.", CLASH),
    ("答案：A、C", CLASH),
    ("ABC", CLASH),
    ("B. 500 mg", CLASH),
    ("Both A and B are correct answers", CLASH),
]

SEVERAL = [
    ("ABC", "ABC"),
    ("CA", "AC"),
    ("ＡＢＣ", "ABC"),
    ("A,C", "AC"),
    ("A、C", "AC"),
    ("A|C", "AC"),
    ("A C D", "ACD"),
    ("A and C", "AC"),
    ("(A)(C)", "AC"),
    ("<A, C, D>", "ACD"),
    ("\\boxed{A, C}", "AC"),
    ("答案：A、C", "AC"),
    ("答案：A、B、D。C错误", "ABD"),
    ("正确答案是ACD", "ACD"),
    ("The answers are A and C.", "AC"),
    ("A, B and D are the correct answers", "ABD"),
    ("A. 5 mg\nC. 500 mg", "AC"),
    ("Answer:\nA. 5 mg\nC. 500 mg", "AC"),
    ("Answer: A. 5 mg, C. 500 mg", "AC"),
    ("5 mg, 500 mg", "AC"),
    ("5 mg|500 mg", "AC"),
    ("B", "B"),
]


@pytest.mark.parametrize(("text", "letter"), SINGLE)
def test_a_letter_is_read_however_it_is_written(text: str, letter: str) -> None:
    assert read_choice(text, OPTIONS).answer == letter


@pytest.mark.parametrize(("text", "cause"), NONE)
def test_what_is_no_single_answer_is_unparsable(text: str, cause: Cause) -> None:
    found = read_choice(text, OPTIONS)
    assert (found.answer, found.cause) == (None, cause)


@pytest.mark.parametrize(("text", "letters"), SEVERAL)
def test_a_set_of_letters_is_read_however_it_is_written(text: str, letters: str) -> None:
    assert read_choices(text, OPTIONS).answer == letters


@pytest.mark.parametrize(
    "text",
    ["A. 5 mg\nB. 50 mg\nC. 500 mg\nD. 5 g", "bad", "ACE inhibitors", "A or B", "AAB", "A到D", ""],
)
def test_what_is_no_set_of_letters_is_unparsable(text: str) -> None:
    assert read_choices(text, OPTIONS).answer is None


def test_content_beats_a_letter_inside_a_name() -> None:
    options = ["Rabies virus", "E. coli", "C. difficile", "B cells", "D, antagonist", "B>A>C"]
    for letter, option in zip("ABCDEF", options, strict=True):
        assert read_choice(f"The answer is {option}.", options).answer == letter
        assert read_choice(option, options).answer == letter


def test_the_longest_of_nested_options_is_meant() -> None:
    options = ["Aspirin", "Aspirin and clopidogrel", "Clopidogrel"]
    assert read_choice("Aspirin and clopidogrel", options).answer == "B"
    assert read_choice("B. Aspirin and clopidogrel", options).answer == "B"
    assert read_choice("The answer is aspirin and clopidogrel.", options).answer == "B"


def test_signs_that_carry_meaning_are_not_folded_away() -> None:
    options = ["-5", "5", "0.5", "5%", "> 5"]
    for letter, option in zip("ABCDE", options, strict=True):
        assert read_choice(option, options).answer == letter
    assert normalise("10⁹/L") != normalise("109/L")
    assert normalise("Ｂeta-Blocker。") == normalise("beta blocker")


STEM = (
    "A 58-year-old man takes 5 mg daily and asks which dose he should take from now on. "
    "示例输出：A。答：<B>。 Answer: C is an example."
)
LISTED = "\n".join(f"{letter}. {text}" for letter, text in zip("ABCD", OPTIONS, strict=True))


@pytest.mark.parametrize(
    "echo",
    [
        STEM,
        f"{STEM}\n\n{LISTED}",
        f"{STEM}\n{LISTED}\nReply with the letter of the one best option and nothing else.",
        f"You are a pharmacist.\n{STEM}\n{LISTED}\nAnswer:",
        f"{STEM}\n{LISTED}\n{STEM}\n{LISTED}",
    ],
)
def test_the_repeated_prompt_is_no_answer(echo: str) -> None:
    assert read_choice(echo, OPTIONS, prompt=STEM).answer is None
    assert read_choices(echo, OPTIONS, prompt=STEM).answer is None


@given(st.integers(60, 400))
def test_a_prompt_repeated_up_to_where_it_broke_off_is_no_answer(length: int) -> None:
    echo = f"{STEM}\n\n{LISTED}\n\nReply with the letter."[:length]
    assert read_choice(echo, OPTIONS, prompt=STEM, partial=True).answer is None


def test_an_answer_after_the_repeated_prompt_is_read() -> None:
    assert read_choice(f"{STEM}\n{LISTED}\nAnswer: D", OPTIONS, prompt=STEM).answer == "D"
    assert read_choice(f"{STEM}\n\nB", OPTIONS, prompt=STEM).answer == "B"


def test_a_cut_off_text_counts_only_what_it_announced() -> None:
    assert read_choice("The answer is B. That is", OPTIONS, partial=True).answer == "B"
    assert read_choice("Let us look at option C first, as", OPTIONS, partial=True).answer is None
    assert read_choice("One could give 500 mg, which", OPTIONS, partial=True).answer is None


def test_a_ramble_that_names_every_option_is_unparsable() -> None:
    ramble = "One may think of (A), of (B), of (C) and of (D), or of 5 mg and 50 mg. " * 1500
    assert len(ramble) > 100_000
    assert read_choice(ramble, OPTIONS).answer is None
    assert read_choices(ramble, OPTIONS).answer is None


DECORATIONS = [
    "{}", " {} ", "({})", "<{}>", "[{}]", "**{}**", "{}.", "{})", '"{}"', "`{}`", "\\boxed{{{}}}",
    "Answer: {}", "answer: {}.", "The answer is {}.", "The correct answer is ({}).", "答案：{}",
    "答案是{}。", "正确答案为{}", "选{}", "故选{}。", "Final answer: **{}**", "最终答案：{}",
    "<think>maybe A, maybe B</think>{}", "Well.\n\n{}", "{}\n\nThe others do not fit.",
    "The answer is {} because the others do not fit.", "Option {}", "选项{}",
]  # fmt: skip


@given(st.sampled_from(DECORATIONS), st.integers(2, 26), st.data())
def test_any_letter_in_any_known_decoration_is_read(
    decoration: str, count: int, data: st.DataObject
) -> None:
    options = [f"plan number {index}" for index in range(count)]
    letter = chr(65 + data.draw(st.integers(0, count - 1)))
    text = decoration.format(letter)
    assert read_choice(text, options).answer == letter
    assert read_choices(text, options).answer == letter


WORDS = st.sampled_from(
    [
        *("CT", "MRI", "ECG", "B超", "维生素D", "乙肝", "C反应蛋白", "DNA", "HbA1c", "IL-6", "B12"),
        *("B-cell", "ABG", "CBC", "DVT", "T4", "A1c", "patient", "shows", "fever", "and", "no"),
        *("Vitamin", "D-dimer", "患者", "检查", "CD4", "VitB", "DIC", "AB型", "C-section"),
    ]
)


@given(st.lists(WORDS, min_size=1, max_size=30), st.sampled_from([" ", "，", "\n", ". "]))
@example(["AB型", "DIC"], "\n")
def test_no_letter_is_found_among_acronyms_and_words(words: list[str], joint: str) -> None:
    options = ["give oxygen", "give fluids", "call surgery", "wait and see", "discharge"]
    assert read_choice(joint.join(words), options).answer is None


@given(st.permutations(["heparin", "warfarin", "aspirin", "no treatment", "50% glucose"]))
def test_an_option_is_found_wherever_it_stands(options: list[str]) -> None:
    letter = chr(65 + options.index("warfarin"))
    for text in ("warfarin", "The answer is warfarin.", f"{letter}. Warfarin", f"答案：{letter}"):
        assert read_choice(text, options).answer == letter


NASTY = st.sampled_from(
    [
        *("A", "B", "C", "D", "(", ")", ".", ",", ":", ";", "<", ">", "{", "}", "[", "]", "|"),
        *('"', "'", "*", "#", "-", "–", "/", "\\", " ", "\n", "\t", "答案", "选", "Answer: "),
        *("is ", "not ", "<think>", "</think>", "\\boxed{", "option ", "final ", "or ", "5 mg"),
        *("\u0301", "Ｂ", "\ud800", "\x00"),
    ]
)


@given(st.one_of(st.text(), st.lists(NASTY, max_size=60).map("".join)), st.booleans())
def test_reading_never_raises_and_gives_a_letter_of_the_item(text: str, partial: bool) -> None:
    one = read_choice(text, OPTIONS, prompt=STEM, partial=partial)
    assert one.answer is None or (len(one.answer) == 1 and one.answer in "ABCD")
    assert (one.answer is None) == (one.cause is not None)
    many = read_choices(text, OPTIONS, prompt=STEM, partial=partial)
    assert many.answer is None or (many.answer and set(many.answer) <= set("ABCD"))
    assert (many.answer is None) == (many.cause is not None)


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_what_stands_inside_a_reasoning_block_does_not_count(thought: str) -> None:
    text = f"<think>{thought.replace('<', '').replace('◁', '')}</think>\nThe answer is C."
    assert read_choice(text, OPTIONS).answer == "C"


def test_long_texts_are_read_at_both_ends() -> None:
    filler = "The kidneys were examined again. " * 4000
    assert read_choice(f"The answer is B.\n{filler}", OPTIONS).answer == "B"
    assert read_choice(f"{filler}\nThe answer is B.", OPTIONS).answer == "B"
    assert len(visible(filler)) < 13_000
