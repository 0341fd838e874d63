"""Units of measurement as texts write them, in English and Chinese, and their dimensions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from pytest_medbench.answers.clauses import prepared_term

# Dimension, then `names = factor` to the dimension's own unit. "" counts: times, beats, points.
_TABLE = """
mass | g gram grams gm 克 = 1 | kg kgs kilogram kilograms 公斤 千克 = 1e3
mass | mg milligram milligrams 毫克 = 1e-3 | μg ug mcg microgram micrograms 微克 = 1e-6
mass | ng nanogram nanograms 纳克 = 1e-9 | pg 皮克 = 1e-12
volume | l liter liters litre litres 升 = 1 | dl 分升 = 0.1
volume | ml mls milliliter milliliters millilitre millilitres 毫升 cc = 1e-3 | μl ul 微升 = 1e-6
volume | fl = 1e-15
amount | mol moles 摩尔 = 1 | mmol millimole millimoles 毫摩尔 = 1e-3 | μmol umol 微摩尔 = 1e-6
amount | nmol 纳摩尔 = 1e-9 | pmol 皮摩尔 = 1e-12
equivalent | meq meqs = 1e-3 | eq = 1
osmole | mosm 毫渗 = 1e-3
activity | iu u unit units 单位 国际单位 个单位 = 1 | miu mu = 1e-3
activity | 万单位 万u 万iu = 1e4
pressure | mmhg 毫米汞柱 = 1 | kpa 千帕 = 7.50062 | cmh2o 厘米水柱 = 0.735559
time | s sec secs second seconds 秒 秒钟 = 1 | min mins minute minutes 分钟 = 60
time | h hr hrs hour hours 小时 个小时 = 3600 | d day days 天 日 = 86400
time | wk wks week weeks 周 星期 个星期 = 604800 | fortnight fortnights = 1209600
months | month months mo mos 个月 月 月龄 = 1 | year years yr yrs y 年 岁 周岁 = 12
length | m meter meters metre metres 米 = 1
length | cm centimeter centimeters centimetre centimetres 厘米 = 1e-2
length | mm millimeter millimeters millimetre millimetres 毫米 = 1e-3 | μm um 微米 = 1e-6
temperature | °c c 摄氏度 度 celsius centigrade = 1
fahrenheit | °f f 华氏度 fahrenheit = 1
percent | % percent percentage = 1
energy | j joule joules 焦耳 焦 = 1 | kj 千焦 = 1e3 | kcal 千卡 大卡 = 4184
radiation | gy 戈瑞 = 1 | cgy = 1e-2
voltage | mv 毫伏 = 1e-3
area | m2 m^2 ㎡ 平方米 = 1 | cm2 cm^2 平方厘米 = 1e-4
tablet | tablet tablets tab tabs 片 粒 capsule capsules 支 袋 瓶 = 1
money | 元 块 yuan rmb cny 人民币 = 1 | 万元 = 1e4
 | times time beats beat breaths breath compressions compression 次 下 回 = 1
 | points point dose doses = 1
 | bpm = 0.0166666666666666667
 | 分 个 项 种 名 例 人 级 cells cell = 1
"""
_DENOMINATORS_ONLY = {"分": ("time", 60.0), "minute": ("time", 60.0)}
_SCALE = re.compile(r"^[x×*]?\s?10\^?(\d{1,2})\s?/")
_FAHRENHEIT = 5 / 9
_SURFACE = "1.73m²"


class Unit(NamedTuple):
    """A unit with its denominators.

    Parameters
    ----------
    over : str
        The dimension of the numerator; "" for what is only counted.
    under : tuple of str
        Those of the denominators, sorted.
    factor : float
        Into the dimensions' own units.
    """

    over: str
    under: tuple[str, ...]
    factor: float

    def value(self, number: float) -> float:
        """Give a number of this unit in its dimensions' own units."""
        if self.over == "fahrenheit":
            return (number - 32) * _FAHRENHEIT
        return number * self.factor

    @property
    def dimensions(self) -> tuple[str, tuple[str, ...]]:
        """What two units have to share to be compared."""
        return ("temperature" if self.over == "fahrenheit" else self.over), self.under


BARE = Unit("", (), 1.0)


@cache
def known_units() -> Mapping[str, tuple[str, float]]:
    """Give the dimension and the factor of every name, in lower case."""
    found: dict[str, tuple[str, float]] = {}
    for line in _TABLE.strip("\n").split("\n"):
        dimension, *entries = (part.strip() for part in line.split("|"))
        for entry in entries:
            names, _, factor = entry.rpartition("=")
            found.update((name, (dimension, float(factor))) for name in names.split())
    return found


def single(name: str, *, under: bool = False) -> tuple[str, float]:
    """Give a single unit's dimension and factor; KeyError for one that is not known."""
    if under and name in _DENOMINATORS_ONLY:
        return _DENOMINATORS_ONLY[name]
    return known_units()[name]


def compound(over: str, under: list[str]) -> Unit:
    """Make a unit of the names of its numerator and denominators."""
    dimension, factor = single(over) if over else ("", 1.0)
    dimensions = []
    for name in under:
        below, size = single(name, under=True)
        dimensions.append(below)
        factor /= size
    if over == "bpm":
        dimensions.append("time")
    return Unit(dimension, tuple(sorted(dimensions)), factor)


def parse_unit(text: str) -> Unit:
    """Read a unit such as `mg/kg/d`, `次/分`, `×10^9/L`, `µg`; "" is a bare number.

    Raises
    ------
    ValueError
        If a part of it is not known.
    """
    plain = prepared_term(text).replace(" ", "")
    scale = _SCALE.match(plain)
    if scale:
        plain = plain[scale.end() - 1 :]
    over, *under = plain.replace("per", "/").replace("1.73m2", _SURFACE).split("/")
    try:
        unit = compound(over, [name for name in under if name != _SURFACE])
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    return unit._replace(factor=unit.factor * 10 ** int(scale[1])) if scale else unit
