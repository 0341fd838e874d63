"""The tasks of MedBench v4: what each file holds, and which scorer reads its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Task:
    """One file of the download.

    Parameters
    ----------
    name : str
        The task's name on the leaderboard; the three MedRxCheck files are one task.
    track : str
        llm, agent or vlm.
    dimension : str
        The leaderboard's dimension.
    scorer : str
        `judge` where only a judge can score.
    permuted : bool
        Whether one question stands in several rows with its options in other orders.
    options : mapping
        Options of the scorer.
    """

    name: str
    track: str
    dimension: str
    scorer: str = "judge"
    permuted: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


DIMENSIONS: Mapping[str, str] = MappingProxyType(
    {
        "MKQA": "医学知识问答",
        "MLG": "医学语言生成",
        "CMR": "复杂医学推理",
        "MLU": "医学语言理解",
        "HSE": "医疗安全和伦理",
        "agent_planning": "临床任务规划与推理",
        "agent_tools": "医疗工具调用与执行",
        "agent_perception": "医疗场景感知与交互",
        "agent_memory": "记忆与上下文保持",
        "agent_collaboration": "医疗多智能体协作",
        "agent_safety": "医疗安全伦理与合规",
        "multimodal": "多模态",
    }
)

_JUDGED: Mapping[str, str] = MappingProxyType(
    {
        "MKQA": "MedHC MedMC MedSpeQA MedLitQA MedRehab MedRxPlan MedPsychCare MedPsychQA",
        "MLG": "MedRecordGen MedPopular MedSummary MedExplain MedTeach",
        "CMR": "CMB-Clin-extended MedTreat MedOutcome MedAnalysis MedDiag MedDiffer MedCare "
        "MedPrimary MedPHM",
        "MLU": "MedInsureCheck MedChartQC MedReportQC MedPathQC MedTerm MedSynonym",
        "agent_planning": "MedDecomp MedPathPlan MedCOT MedReflect",
        "agent_tools": "MedRetAPI MedCallAPI MedDBOps",
        "agent_perception": "MedRoleAdapt",
        "agent_memory": "MedLongQA MedLongConv",
        "agent_collaboration": "MedCollab",
        "agent_safety": "MedShield MedDefend",
        "multimodal": "MedClass MedCourse MedDetect MedDiffDx MedGen MedOCR MedQC MedSeqIm "
        "MedTherapy MedVQA",
    }
)


def _track(dimension: str) -> str:
    if dimension == "multimodal":
        return "vlm"
    return "agent" if dimension.startswith("agent_") else "llm"


def _tasks() -> dict[str, Task]:
    tasks = {
        name: Task(name, _track(dimension), dimension)
        for dimension, names in _JUDGED.items()
        for name in names.split()
    }
    tasks |= {
        "MedExam": Task("MedExam", "llm", "MKQA", "choice", permuted=True),
        "MedSafety": Task("MedSafety", "llm", "HSE", "choice", permuted=True),
        "MedEthics": Task("MedEthics", "llm", "HSE", "choice", permuted=True),
        "MedRxCheck_SCQ": Task("MedRxCheck", "llm", "MLU", "choice", permuted=True),
        "MedRxCheck_MSQ": Task("MedRxCheck", "llm", "MLU", "multi"),
        "MedRxCheck_SQ": Task("MedRxCheck", "llm", "MLU"),
        "DDx-advanced": Task("DDx-advanced", "llm", "CMR", "multi"),
        "MedHG": Task("MedHG", "llm", "MKQA", "multi"),
        "SMDoc": Task("SMDoc", "llm", "MLU", "json"),
        "MedInsureCalc": Task("MedInsureCalc", "llm", "MLU", "json"),
        "MedIntentID": Task("MedIntentID", "agent", "agent_perception", "choice"),
    }
    return tasks


TASKS: Mapping[str, Task] = MappingProxyType(_tasks())
