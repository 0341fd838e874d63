"""The English phrases that open, end or take back a scope of negation."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_medbench.answers.negation_kinds import Kind

NOT_WORDS = frozenset({"not", "cannot", "never"})

_ADVERBS = (
    "usually|generally|routinely|normally|currently|yet|ever|to be|simply|just|also|therefore"
)
_PARTICIPLES = """
    given used recommended indicated present needed required necessary appropriate advised advisable
    safe seen found suitable allowed permitted taken done performed started offered induced
    administered prescribed attempted combined detected observed noted evident applied made
    justified warranted encouraged forced resumed restarted repeated added mixed coadministered
"""
# "Must not be delayed": what it is said of is to be done all the same.
_KEPT = (
    "delayed|postponed|deferred|put off|withheld|stopped|halted|suspended|paused|interrupted"
    "|discontinued|abandoned|omitted|missed|skipped|ignored|neglected|overlooked|forgotten|avoided"
    "|disregarded|dismissed|discounted|underestimated|trivialised|trivialized|denied"
    "|refused|restricted|limited|reduced|tapered|withdrawn|rushed|hurried|feared|discouraged"
)
# "Must not be sent home": said of a patient, whose findings hold.
_OF_PATIENTS = (
    "sent|discharged|left|moved|exposed|attributed|ascribed|confused|mistaken|assumed|expected|told"
    "|asked|blamed|treated|examined|transferred|reassured|scared|worried|alarmed"
)
_OBLIGED = "|".join(
    f"(?<={modal} )"
    for modal in (
        *("must not", "mustn't", "must never", "should not", "shouldn't", "should never"),
        *("ought not", "shall not", "is not", "are not"),
    )
)
_DONE = (
    r"(?:[a-z]{2,20}ed|taken|done|begun|put|fed|cut|worn|drunk|eaten|held|drawn|shaken|bought|sold"
    r"|kept|chosen|broken|run|set|shared)"
)
_TOLD = "".join(
    f"(?<!{said} )"
    for said in ("do not", "don't", "must not", "mustn't", "should not", "shouldn't", "never")
)

# What follows `not`, `never`, `cannot`, `don't` … and makes something else of them.
AFTER_NOT: Mapping[Kind, str] = {
    Kind.NEUTRAL: rf"""
        only|necessarily|to mention|until|mind
        (?:just|merely|simply|solely)(?=[^.;\n]{{0,80}}\bbut\b)
        {_TOLD}(?:just|merely|simply|solely)
        (?:forget|hesitat|delay|wait|ignor|neglect|overlook|miss|underestimat|fail|postpon)\w*
        worry|panic|defer|skip|omit|be afraid
        be (?:{_KEPT})
        (?:to )?exceed\w*|contraindicated|infrequent|uncommon|unusual
        (?:be )?(?:more|less|fewer|longer|later|greater|higher|lower|sooner|earlier) than
    """,
    Kind.STOP: r"""
        (?:be )?(?:fully |completely |entirely |yet |been )?(?:rule[ds]? out|ruling out|exclud\w*)
    """,
    Kind.BOTH: "|".join(
        rf"(?:to )?(?:be |been |being )?(?:{_ADVERBS} )?{word}" for word in _PARTICIPLES.split()
    )
    + r"|an? (?:good |safe |suitable |sensible |reasonable |valid )?(?:option|choice|idea)",
}
# Tried after all others: "must not be smeared on", "is not to be bought".
AFTER_NOT_AT_LAST: Mapping[Kind, str] = {
    Kind.BOTH: rf"(?:(?:{_OBLIGED})be|to be) (?:{_ADVERBS} )?(?!(?:{_OF_PATIENTS})\b){_DONE}"
}

_TESTS = (
    r"(?:[a-z0-9]{1,15} ){0,2}(?:tests?|results?|cultures?|swabs?|smears?|serology|troponins?"
    r"|dimers?|antigens?|antibod(?:y|ies)|pcr|urinalysis|nitrites?|screens?|screening|ct|mri"
    r"|scans?|ultrasound|ecg|angiogram|biops(?:y|ies)|hcg|dipstick|films?)"
)
_BEARERS = (
    "patients?|mothers?|wom[ae]n|m[ae]n|persons?|people|donors?|recipients?|partners?|bab(?:y|ies)"
    "|infants?|child(?:ren)?"
)
_AFTER_RESULT = (
    "for|on|in|at|and|or|but|with|so|by|after|as|when|while|because|since|if|to|from|twice|again"
    "|then|therefore|throughout|now|today|here|too"
)
_DRUGS = (
    r"(?:ace )?inhibitors?|drugs?|medicines?|medications?|doses?|nsaids?|diuretics?|antibiotics?"
    r"|anticoagulants?|anticoagulation|insulin|aspirin|clopidogrel|methotrexate|lithium|digoxin"
    r"|statins?|nitrates?|beta ?blockers?|potassium|opioids?|feeds?|feeding|chemotherapy"
    r"|[a-z]{2,16}(?:formin|pril|sartan|statin|olol|gliflozin|parin|xaban|gatran|farin|thiazide"
    r"|semide|lactone|profen|dipine|mycin)"
)

ENGLISH: Mapping[Kind, str] = {
    Kind.NEUTRAL: rf"""
        no (?:doubt|wonder|matter|change|problem|sooner|hesitation|delay)
        no (?:later|less|more|fewer|greater|longer|higher|lower) than
        without (?:any )?(?:further )?(?:delay|hesitation|fail|doubt|exception|question|waiting)
        (?<![a-z0-9,:;] )without(?= (?:[\w']{{1,20}},? ){{1,6}}(?:may|might|will|would|could|can)\b)
        whether or not|if not|why not|rule out|stop (?:the )?(?:bleeding|seizure)
        gram negatives?|false negatives?
        negative(?! (?:{_AFTER_RESULT}|{_BEARERS}|{_TESTS})\b)(?= [a-z])
    """,
    Kind.NOT: r"""
        no|neither|nor|none|nothing|nobody|no one|no longer|not|never|cannot
        unlikely (?:to|that)
    """,
    Kind.SHORT: rf"non|negative(?= {_TESTS}\b)",
    Kind.REVERSE: rf"""
        without|avoid|avoids|avoiding|avoidance of|stop|stops|stopping|discontinue|discontinues
        discontinuing|discontinuation of|withhold|withholds|withholding|omit|omits|omitting
        refrain|refrains|refraining|cease|skip|skipping|prohibit|prohibits|forbid|forbids
        rules out|ruling out|rather than|instead of|free of|free from|lack of|lacks|lacking
        absence of|negative for|denies|denied|deny|denying|fail to|failed to|fails to
        contraindications?|advise against|advises against|advised against|recommend against
        recommends against|recommended against|warn against|caution against|decide against
        argues? against|speaks? against|counts? against|evidence against|abstain|abstains|abstaining
        stay away from|stays away from|staying away from|keep away from|steer clear of
        hold (?:off |(?:the |her |his |your |any |all |further ){{0,2}}(?=(?:{_DRUGS})\b))
    """,
    Kind.PASSIVE: r"""
        avoided|stopped|discontinued|withheld|omitted|excluded|ruled out|prohibited|forbidden
        skipped|kept away from|discouraged
    """,
    Kind.BOTH: r"""
        has no (?:\w{1,12} )?(?:role|place|benefit|value|effect)
        have no (?:\w{1,12} )?(?:role|place|benefit|value|effect)
    """,
    Kind.BACK: r"""
        contraindicated|absent|unlikely|negative|unsafe|inappropriate|unnecessary
        out of the question|of no (?:\w{1,12} )?(?:benefit|use|value|help|avail)
    """,
    Kind.LIMIT: r"""
        more than|less than|fewer than|longer than|higher than|greater than|lower than|exceed
        exceeds|exceeding
    """,
    Kind.STOP: r"""
        but|however|although|though|yet|except|apart from|other than|besides|instead|nevertheless
        nonetheless|whereas|while|because|since|due to|owing to|so
        as (?:he|she|it|they|you|we|i|there|this|these|his|her|their|its)
        therefore|thus|hence|then|which|who|until|before|after|unless|if|when|once
        to (?:prevent|protect|reduce|ensure|maintain|preserve|lower|keep|allow|help|relieve|avoid)
    """,
    Kind.SOFT: "positive (?:for|on)|by",
}
