"""The words that negate, the phrases in which they do not, and what ends their scope.

The method is that of NegEx and ConText: cues before and behind what they negate, words that end
a scope, and phrases that look like cues and are none. The Chinese table and all wordings are
this project's own.

In the tables a line is a phrase or several between bars, a line that begins with a bar goes on
with the one before; a phrase is a pattern whose first word, or first Chinese character, is plain.

References
----------
Chapman et al., J Biomed Inform 2001;34:301-310. Harkema et al., J Biomed Inform 2009;42:839-851.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import Enum, auto
from functools import cache


class Kind(Enum):
    """What a phrase does to a scope."""

    NOT = auto()
    """Opens one."""
    BOTH = auto()
    """Opens one, and negates what stands before it in its clause: "must not be given"."""
    REVERSE = auto()
    """Opens one, or ends the one it stands in: "do not stop", "not without"."""
    SHORT = auto()
    """Opens one of a few characters: `non`, a bare 不."""
    PASSIVE = auto()
    """Negates what stands before it if it follows a form of "be", else opens one."""
    BACK = auto()
    """Negates what stands before it in its clause, if anything does, else opens one."""
    LIMIT = auto()
    """Takes an open one back: "not … more than"."""
    STOP = auto()
    """Ends one, and begins a clause."""
    SOFT = auto()
    """Ends one unless it follows its cue at once: 立即, but not in 不能立即."""
    OF = auto()
    """Ends one that 未 opened: 未控制的."""
    PAUSE = auto()
    """A comma in a list: the scope goes on."""
    LIST = auto()
    """A Chinese comma before a short segment: only the scope of 否认 goes on."""
    COLON = auto()
    """Ends one, unless a heading goes before it: "Avoid: …"."""
    NEUTRAL = auto()
    """Leaves all as it is, and hides the cues in it."""


NOT_WORDS = frozenset({"not", "cannot", "never"})

_ADVERBS = "usually|generally|routinely|normally|currently|yet|ever|to be"
_PARTICIPLES = """
    given used recommended indicated present needed required necessary appropriate advised advisable
    safe seen found suitable allowed permitted taken done performed started offered induced
    administered prescribed attempted combined detected observed noted evident applied made
    justified warranted encouraged forced resumed restarted repeated
"""

# What follows `not`, `never`, `cannot`, `don't` … and makes something else of them.
_AFTER_NOT: Mapping[Kind, str] = {
    Kind.NEUTRAL: r"""
        only|just|merely|simply|solely|necessarily|to mention|until|mind
        (?:be )?(?:fully |completely |entirely |yet |been )?(?:rule[ds]? out|ruling out|exclud\w*)
        (?:forget|hesitat|delay|wait|ignor|neglect|overlook|miss|underestimat|fail|postpon)\w*
        worry|panic|defer|skip|omit|be afraid
        be (?:delayed|postponed|withheld|stopped|omitted|missed|ignored|skipped|forgotten|avoided
        |discontinued|interrupted|overlooked|deferred|neglected|underestimated|excluded)
        (?:to )?exceed\w*|contraindicated|infrequent|uncommon|unusual
        (?:be )?(?:more|less|fewer|longer|later|greater|higher|lower|sooner|earlier) than
    """,
    Kind.BOTH: "|".join(
        rf"(?:to )?(?:be |been |being )?(?:{_ADVERBS} )?{word}" for word in _PARTICIPLES.split()
    ),
}

_ENGLISH: Mapping[Kind, str] = {
    Kind.NEUTRAL: r"""
        no (?:doubt|wonder|matter|change|problem|sooner|hesitation|delay)
        no (?:later|less|more|fewer|greater|longer|higher|lower) than
        without (?:any )?(?:further )?(?:delay|hesitation|fail|doubt|exception|question|waiting)
        whether or not|if not|why not|rule out|negative pressure
        stop (?:the )?(?:bleeding|seizure)
    """,
    Kind.NOT: "no|neither|nor|none|nothing|no longer|not|never|cannot",
    Kind.SHORT: "non",
    Kind.REVERSE: r"""
        without|avoid|avoids|avoiding|avoidance of|stop|stops|stopping|discontinue|discontinues
        discontinuing|discontinuation of|withhold|withholds|withholding|omit|omits|omitting
        refrain|refrains|refraining|cease|skip|skipping|prohibit|prohibits|forbid|forbids
        rules out|ruling out|rather than|instead of|free of|free from|lack of|lacks|lacking
        absence of|negative for|denies|denied|deny|denying|fail to|failed to|fails to
        contraindications?|advise against|advises against|advised against|recommend against
        recommends against|recommended against|warn against|caution against|decide against
    """,
    Kind.PASSIVE: r"""
        avoided|stopped|discontinued|withheld|omitted|excluded|ruled out|prohibited|forbidden
        skipped
    """,
    Kind.BACK: "contraindicated|absent|unlikely|negative|unsafe|inappropriate|unnecessary",
    Kind.LIMIT: r"""
        more than|less than|fewer than|longer than|higher than|greater than|lower than|exceed
        exceeds|exceeding
    """,
    Kind.STOP: r"""
        but|however|although|though|yet|except|apart from|other than|besides|instead|nevertheless
        nonetheless|whereas|while|because|since|as it|as they|as this|due to|owing to|so
        therefore|thus|hence|then|which|who|until|before|after|unless|if|when|once|by
        to (?:prevent|protect|reduce|ensure|maintain|preserve|lower|keep|allow|help|relieve|avoid)
    """,
}

_CHINESE: Mapping[Kind, str] = {
    Kind.NEUTRAL: r"""
        不仅|不但|不只|不单|不光|不论|不管|不妨|不断|不得不|不能不|不可不|不可避免|不可或缺|不可缺少
        不(?:能|可|应)?(?:完全)?(?:排除|除外)|无法(?:完全)?排除|未(?:能)?(?:完全)?排除|尚?难以排除
        不(?:可|能|要|容|应|得)?(?:忽视|忽略|忘记|犹豫|拖延|延误|延迟|等待|错过|轻视|耽误|低估|遗漏)
        切?勿(?:忽视|忽略|忘记|犹豫|拖延|延误|延迟|等待|错过|轻视|耽误|低估|遗漏)
        不(?:得|应|能|要|宜|可|应该|建议|会)?(?:超过|多于|少于|低于|大于|小于|高于|短于|早于|晚于|长于|超)
        切?勿(?:超过|多于|少于|低于|高于)|无法忽视
        不良|不适|不足|不全|不稳|不明|不清|不规则|不规律|不整|不齐|不等|不同|不久|不时|不育|不孕|不宁|不少
        不畅|不振|不安|不佳|不调|不当|不耐|不典型|不对称|不匹配|不完全|不一|不透|不止|不利|不均|不愈|不愿
        不可逆|不自主|不随意|不完整|不洁|不慎|不寐|不遂|不通|不和|不固|不摄|不化|不升|不降|不退|不禁|不自禁
        无论|无疑|无菌|无创|无力|无尿|无效|无脉|无痛|无害|无关|无色|无味|无机|无线|无水|无精|无影|无偿
        无意识|无反应|无呼吸|无名|无故|无限|无氧|无瓣|无髓|无条件|毫无疑问|毫不犹豫|必不可少
        未来|未婚|未成年|未知|未明|未定|未必|未分化|未足月|未孕|未破裂|没收|没药|有没有|有无|是否|能否
        需(?:要)?(?:进一步)?排除|应(?:先|首先)?排除|须排除|要排除|以排除|为排除|待排除?|注意排除|首先排除
        必须排除|进一步排除|帮助排除|排除标准|排除法|禁食|禁水|禁饮|忌口|避免(?:延误|漏诊|误诊|耽误)
        以避免|从而避免|以免|除.{1,12}?(?:以外|之外|外)(?![伤科用])
    """,
    Kind.NOT: r"""
        (?<!有)无|没有|(?<![淹出埋沉湮])没|未|未见|未闻|未及|未触及|未发现|未出现|否认|并非|绝非|决非|而非
        而不是|而不应|无需|无须|毋|毋需|切勿|勿|请勿|慎勿|勿要|切忌|切不可|严禁|(?<![妒顾猜讳])忌
        不要|不能|不可|不可以|不得|不宜|不应|不应该|不该|不必|不用|不需要?|不须|不会|不建议|不推荐|不予|不给
        不伴|不支持|不符合|不考虑|不是|不存在|不含|不具|不允许|不主张|不提倡|不适合|不适宜|不使用|不再|不许
        不准|不做|不服用?|不吃|不喝|不行|不作|不加|不应当|不必要|不联用|不合用|不进行
    """,
    Kind.SHORT: "不",
    Kind.REVERSE: r"""
        避免|禁止|禁用|禁服|禁忌|(?<!失)禁|停用|停止(?=使用|服用|应用|用药|给药|输|摄入|口服|继续)|停服|忌用
        (?<![骤暂])停(?![经搏跳止留车滞顿药诊电产息])|排除|排除了|已排除|可排除|代替|替代
    """,
    Kind.BACK: "阴性|除外",
    Kind.LIMIT: "超过|多于|少于|大于|小于|高于|低于|以外|之外",
    Kind.STOP: r"""
        但|然而|不过|可是|而是|却|因此|所以|因为|由于|若|如果|如有|以便|以防|后再|之后|改用|改为|换用|换为|除非
        (?<![小同及暂长临有平当随按定即短不实历])时(?![间期刻常有候长])|(?<![患或记医老学作])者
    """,
    Kind.SOFT: r"""
        (?<![规原否准法])则|(?<![反适响效对供])应(?![激用答急])|须|必须|需|立即|立刻|尽快|尽早|马上|同时
        可以|可予|可给|可考虑|可用|可继续|可先|建议|予以|给予|而|仅|只|及时|直接|继续
    """,
    Kind.OF: "的",
}


def _phrases(table: str) -> Iterator[str]:
    """Give the phrases of a table."""
    joined = re.sub(r"\n\s+\|", "|", table.strip())
    for line in joined.split("\n"):
        depth = start = 0
        stripped = line.strip()
        for at, char in enumerate(stripped):
            depth += (char == "(") - (char == ")")
            if char == "|" and depth == 0:
                yield stripped[start:at]
                start = at + 1
        yield stripped[start:]


_LOOKS = re.compile(r"\(\?<?[!=][^)]*\)")
_FIRST = re.compile(r"(?:\(\?<!\[?[^)]*\))?(\w[a-z]*)")


class Phrases:
    """The phrases that begin with one word, the longest first."""

    def __init__(self, phrases: list[tuple[str, Kind]]) -> None:
        ordered = sorted(phrases, key=lambda pair: -len(_LOOKS.sub("", pair[0])))
        self._kinds = [kind for _, kind in ordered]
        self._pattern = re.compile(
            "|".join(f"({phrase}{_closing(phrase)})" for phrase, _ in ordered)
        )

    def at(self, text: str, place: int) -> tuple[int, Kind] | None:
        """Give the end and the kind of the phrase at a place."""
        found = self._pattern.match(text, place)
        if found is None or found.lastindex is None:
            return None
        return found.end(), self._kinds[found.lastindex - 1]


def _closing(phrase: str) -> str:
    return r"\b" if phrase.isascii() else ""


@cache
def openings() -> Mapping[str, Phrases]:
    """Give the phrases by their first word or Chinese character; `not` has what follows it."""
    found: defaultdict[str, list[tuple[str, Kind]]] = defaultdict(list)
    for table in (_ENGLISH, _CHINESE):
        for kind, said in table.items():
            for phrase in _phrases(said):
                first = _FIRST.match(phrase)
                if first is None:
                    raise ValueError(f"phrase {phrase!r} has no plain first word")
                word = first[1] if first[1].isascii() else first[1][0]
                found[word].append((phrase, kind))
    after = [(f" {phrase}", kind) for kind, said in _AFTER_NOT.items() for phrase in _phrases(said)]
    return {word: Phrases(phrases) for word, phrases in found.items()} | {"": Phrases(after)}


@cache
def candidates() -> re.Pattern[str]:
    """Give a pattern for the places where a phrase may begin, commas and brackets."""
    first = "".join(sorted(word for word in openings() if word and not word.isascii()))
    return re.compile(rf"[a-z]+(?:'t\b)?|[{first}]|[,:()]")
