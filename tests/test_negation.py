"""Which terms a sentence negates, rule by rule, in English and Chinese."""

from __future__ import annotations

import pytest
from negation_phrasings import (
    CHINESE,
    ENGLISH,
    LATER_CHINESE,
    LATER_ENGLISH,
    MISREAD,
    NEGATED,
    NEITHER,
    STATED,
)

from pytest_medbench.answers.points import Point, Statements


def taken(text: str, term: str) -> str:
    """Say how a text takes a term."""
    said = Statements(text)
    if not said.states(Point((term,), negated=None)):
        return NEITHER
    as_stated, as_negated = said.states(Point((term,))), said.states(Point((term,), negated=True))
    assert as_stated is not as_negated
    return STATED if as_stated else NEGATED


# A rule, then what it has to negate and what it has to leave alone: (text, term).
RULES: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {
    "a cue negates its scope, and neither what lies past it nor what only looks like one": (
        [
            ("There is no fever.", "fever"),
            ("He denies fever, cough, or rash.", "rash"),
            ("No fever and no cough were found", "cough"),
            ("without fever", "fever"),
            ("Fever is absent", "fever"),
            ("The troponin is negative.", "troponin"),
            ("Do not give nitrates", "nitrate*"),
            ("Nitrates must not be given.", "nitrate*"),
            ("nitrates should be avoided", "nitrate*"),
            ("Nitrates are contraindicated here", "nitrate*"),
            ("Never use nitrates", "nitrate*"),
            ("Don't use nitrates", "nitrate*"),
            ("Paracetamol instead of ibuprofen", "ibuprofen"),
            ("Pneumonia was ruled out", "pneumonia"),
            ("Avoid:\n- alcohol\n- nitrates", "nitrate*"),
            ("## What not to give\n\n1. nitrates\n2. morphine", "morphine"),
            ("Put nothing in her mouth", "mouth"),
            ("无发热、咳嗽", "咳嗽"),
            ("未见发热", "发热"),
            ("否认高血压，糖尿病史", "糖尿病"),
            ("没有发热", "发热"),
            ("不要催吐", "催吐"),
            ("禁止自行催吐", "催吐"),
            ("切勿催吐", "催吐"),
            ("避免使用硝酸酯类", "硝酸酯"),
            ("硝酸酯类禁用", "硝酸酯"),
            ("硝酸酯类药物应避免使用。", "硝酸酯"),
            ("已排除肺炎", "肺炎"),
            ("妊娠试验阴性", "妊娠试验"),
            ("禁忌：\n①硝酸酯\n②吗啡", "吗啡"),
        ],
        [
            ("No cough, but fever.", "fever"),
            ("No pneumonia; give nitrates", "nitrate*"),
            ("Without delay give nitrates", "nitrate*"),
            ("Without fever, nitrates as needed", "nitrate*"),
            ("Not only morphine, nitrates too", "nitrate*"),
            ("No doubt he has fever", "fever"),
            ("Pneumonia cannot be ruled out", "pneumonia"),
            ("Do not stop nitrates", "nitrate*"),
            ("Nitrates should not be delayed", "nitrate*"),
            ("Do not hesitate to give nitrates", "nitrate*"),
            ("Do not discharge him without an ECG", "ECG"),
            ("Do not exceed 3 doses of nitrates", "nitrate*"),
            ("No more than 3 doses of nitrates", "nitrate*"),
            ("If there is no pulse, start compressions", "compressions"),
            ("Do not give fluids and start dialysis", "dialysis"),
            ("If there is no pulse:\n- nitrates", "nitrate*"),
            ("Do not drive. Nitrates are given under the tongue.", "nitrate*"),
            ("He has no fever, the ECG shows ischaemia", "ischaemia"),
            ("Aspirin (not ibuprofen) and nitrates", "nitrate*"),
            ("Give nitrates unless contraindicated.", "nitrate*"),
            ("non-contrast CT of the head", "CT"),
            ("不能排除肺炎", "肺炎"),
            ("不仅发热", "发热"),
            ("无论有无胸痛都要做心电图", "心电图"),
            ("不要停用硝酸酯", "硝酸酯"),
            ("不要等待，立即给予硝酸酯", "硝酸酯"),
            ("无咳嗽，但有发热", "发热"),
            ("无发热，咳嗽3天", "咳嗽"),
            ("除发热外无其他不适", "发热"),
            ("心脏骤停应立即胸外按压", "胸外按压"),
            ("双下肢无力、麻木", "麻木"),
            ("小便失禁", "小便"),
            ("未控制的高血压", "高血压"),
            ("尿量不少于发热时的尿量", "发热"),
            ("非甾体抗炎药", "抗炎药"),
        ],
    ),
    "a passive after must, should or may not negates its subject": (
        [
            ("Clarithromycin must not be added to simvastatin.", "clarithromycin"),
            ("Sildenafil should not be combined with nitrates.", "sildenafil"),
            ("Sildenafil should not be combined with nitrates.", "nitrates"),
            ("Butter mustn't be smeared on the burn.", "butter"),
            ("Potassium chloride must never be injected undiluted.", "potassium chloride"),
            ("A tourniquet is not to be applied here.", "tourniquet"),
            ("Codeine shouldn't be bought for a toddler.", "codeine"),
            ("Ciprofloxacin may not be taken together with tizanidine.", "ciprofloxacin"),
        ],
        [
            ("Antibiotics must not be withheld.", "antibiotics"),
            ("Surgery should not be put off.", "surgery"),
            ("Steroids must not be tapered too fast.", "steroids"),
            ("Sepsis should not be dismissed.", "sepsis"),
            ("The anaemia cannot be explained by her diet.", "anaemia"),
            ("A man with chest pain should not be sent home.", "chest pain"),
            ("Fluids should not be restricted.", "fluids"),
            ("Pain relief should not be denied to him.", "pain relief"),
        ],
    ),
    "not simply, after do or should, negates what is done": (
        [
            ("You should not simply repeat the dose.", "repeat"),
            ("Do not just increase the opioid.", "increase"),
            ("One must not merely observe.", "observe"),
        ],
        [
            ("Do not just give paracetamol but also look for the source.", "paracetamol"),
            ("It is not simply a sprain but a fracture.", "fracture"),
            ("This is not merely reflux.", "reflux"),
            ("You should not only rest but also drink.", "rest"),
        ],
    ),
    "negative as an attribute says nothing of what follows": (
        [
            ("Her pregnancy test was negative.", "pregnancy test"),
            ("HBsAg negative, anti-HBs positive.", "HBsAg"),
            ("The throat swab is negative for streptococci.", "streptococci"),
            ("A negative D-dimer makes embolism unlikely.", "D-dimer"),
            ("She is Rh-negative.", "Rh"),
        ],
        [
            ("Negative reinforcement increases a behaviour.", "reinforcement"),
            ("Negative changes in mood are common.", "mood"),
            ("TSH falls through negative feedback.", "feedback"),
            ("TSH falls through negative feedback.", "TSH"),
            ("Gram-negative rods grew in the culture.", "rods"),
            ("Gram-negative rods grew in the culture.", "gram-negative"),
            ("Diltiazem is a negative inotrope.", "diltiazem"),
            ("A false-negative antigen test is possible.", "antigen test"),
        ],
    ),
    "a question that asks yes or no is no negation": (
        [
            ("他不是糖尿病患者。", "糖尿病"),
            ("不能自己买布洛芬吃。", "布洛芬"),
            ("目前不要手术。", "手术"),
            ("并不会传染给他人。", "传染"),
        ],
        [
            ("是不是有结束生命的想法", "结束生命"),
            ("你现在是不是想伤害自己？", "伤害自己"),
            ("能不能自己买布洛芬吃", "布洛芬"),
            ("请评估要不要手术。", "手术"),
            ("问他会不会头痛，有没有呕吐。", "呕吐"),
            ("可不可以喂母乳？", "母乳"),
            ("需不需要吸氧由血氧决定。", "吸氧"),
            ("可能不能排除肺炎", "肺炎"),
        ],
    ),
    "不适 is a finding, 不适用 a prohibition": (
        [
            ("该药不适用于重症。", "重症"),
            ("二甲双胍不适用于肾衰竭患者。", "二甲双胍"),
            ("布洛芬不适合您。", "布洛芬"),
            ("溶栓不适宜该患者。", "溶栓"),
        ],
        [("上腹不适伴恶心。", "恶心"), ("胸部不适，向左肩放射。", "放射")],
    ),
    "未 and a verb of inclusion at the end negate the subject": (
        [
            ("病情严重的孩子未入组。", "病情严重"),
            ("妊娠期妇女未纳入。", "妊娠期妇女"),
            ("未纳入病情严重的孩子。", "孩子"),
            ("肺炎链球菌未检出。", "肺炎链球菌"),
        ],
        [
            ("纳入病情严重的孩子。", "孩子"),
            ("未经治疗的高血压", "高血压"),
            ("未入组的孩子接受常规治疗。", "常规治疗"),
        ],
    ),
    "替代 negates only what is replaced": (
        [
            ("用对乙酰氨基酚替代布洛芬。", "布洛芬"),
            ("以肝素替代华法林。", "华法林"),
            ("可用甲基多巴替代依那普利。", "依那普利"),
        ],
        [
            ("需终身激素替代治疗。", "治疗"),
            ("终身激素替代，氢化可的松每日20 mg。", "氢化可的松"),
            ("替代：胰高糖素1 mg肌注", "胰高糖素"),
            ("替代药物：拉贝洛尔", "拉贝洛尔"),
            ("替代方案：胰高糖素", "胰高糖素"),
            ("用左甲状腺素替代治疗", "左甲状腺素"),
            ("用左甲状腺素替代。", "左甲状腺素"),
            ("以肝素替代华法林。", "肝素"),
            ("肾脏替代治疗适用于严重酸中毒。", "酸中毒"),
        ],
    ),
    "to avoid negates where it is what is advised": (
        [
            ("It is best to avoid ibuprofen while on warfarin.", "ibuprofen"),
            ("It would be better to avoid grapefruit.", "grapefruit"),
            ("You need to avoid alcohol.", "alcohol"),
            ("Advise the patient to avoid NSAIDs.", "NSAIDs"),
            ("Drugs to avoid: nitrates", "nitrates"),
            ("She was told to avoid live vaccines.", "live vaccines"),
            ("Try to avoid caffeine.", "caffeine"),
        ],
        [
            ("Cut the dose to avoid toxicity.", "toxicity"),
            ("No salt, to avoid oedema.", "oedema"),
            ("It is best not to avoid exercise.", "exercise"),
            ("Correct sodium slowly to avoid osmotic demyelination.", "osmotic demyelination"),
        ],
    ),
    "a dash, as she, and an answering No end a scope": (
        [
            ("No fever, as she took paracetamol.", "fever"),
            ("Avoid – nitrates", "nitrates"),
            ("Simvastatin – contraindicated", "simvastatin"),
            ("There is no. 5 missing and no rash.", "rash"),
        ],
        [
            ("No – she has to be admitted.", "admitted"),
            ("No — call an ambulance.", "ambulance"),
            ("不——她需要住院。", "住院"),
            ("The pain was never relieved, as she refused stenting.", "stenting"),
            ("He has no symptoms as he takes omeprazole.", "omeprazole"),
            ("No. She needs to stay.", "stay"),
            ("No. Observe her for a day.", "observe"),
            ("Give tablet no. 2 of the pack.", "pack"),
        ],
    ),
    "不能, 不可, 不宜 with a verb of use negate the drug before them": (
        [
            ("布洛芬不建议与华法林同服", "布洛芬"),
            ("布洛芬不建议与华法林同服", "华法林"),
            ("该药不可自行服用。", "该药"),
            ("ACEI类药物不能与ARB合用。", "ACEI"),
            ("ACEI类药物不能与ARB合用。", "ARB"),
            ("ACEI与ARB不宜联用。", "ARB"),
            ("ACEI与ARB不宜联用。", "ACEI"),
            ("硝酸甘油不得和西地那非一起用。", "硝酸甘油"),
            ("头孢不能吃。", "头孢"),
            ("氯化钾不可静脉推注。", "氯化钾"),
            ("红霉素不推荐与辛伐他汀联合使用", "红霉素"),
        ],
        [
            ("因骨折不能行走。", "骨折"),
            ("高血压患者不宜高盐饮食。", "高血压"),
            ("糖尿病患者不能与他人共用血糖仪。", "糖尿病"),
            ("氯化钾不可漏服。", "氯化钾"),
            ("胰岛素不能随意停用。", "胰岛素"),
            ("呼吸困难不能平卧。", "呼吸困难"),
        ],
    ),
}


def cases(negated: bool) -> list[tuple[str, str]]:
    return [case for rule in RULES.values() for case in rule[0 if negated else 1]]


@pytest.mark.parametrize(("text", "term"), cases(True))
def test_a_rule_negates(text: str, term: str) -> None:
    assert taken(text, term) == NEGATED


@pytest.mark.parametrize(("text", "term"), cases(False))
def test_a_rule_leaves_alone(text: str, term: str) -> None:
    assert taken(text, term) == STATED


@pytest.mark.parametrize(("text", "term", "how"), ENGLISH + CHINESE + LATER_ENGLISH + LATER_CHINESE)
def test_a_fresh_sentence_is_taken_as_it_is_meant(text: str, term: str, how: str) -> None:
    assert taken(text, term) == how


@pytest.mark.xfail(strict=True, reason="a known limit, written down in negation_phrasings")
@pytest.mark.parametrize(("text", "term", "how"), MISREAD)
def test_a_known_misreading_is_still_one(text: str, term: str, how: str) -> None:
    assert taken(text, term) == how
