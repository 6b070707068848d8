"""The team without a model: what each member does by rules, offline, and when no model answers."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from library import words
from report import Draft, Finding, Findings, Report, Review

from holdfast import Call, Calls, Conversation, Reply, Say
from holdfast import Final as Done
from holdfast.types import CallRecord

LINE = re.compile(r"^- (?P<measure>[^:]+): (?P<value>[^(]+?) \((?P<how>.+)\)$", re.MULTILINE)
"""How the documents state a figure: measure, value, and how it was come by."""
MOST_WORDS = 250


# --- the researcher


def research(conversation: Conversation) -> Reply:
    """Search, read what was found, and set the figures beside each other."""
    question = _asked(conversation)["task"]
    read = {
        str(call.arguments["name"]): str(call.result) for call in conversation.calls if call.tool == "read_document"
    }
    found = next((call.result for call in conversation.calls if call.tool == "search_documents"), None)
    if not isinstance(found, Sequence):
        return Calls([Call("search_documents", {"query": question})])
    if found and not read:
        return Calls([Call("read_document", {"name": name}) for name in found])
    findings = [
        Finding(measure=line["measure"], value=line["value"], how=line["how"], source=name)
        for name, text in read.items()
        for line in LINE.finditer(text)
        if words(question) & words(line["measure"])
    ]
    against = _contradictions(findings)
    return Done(Findings(findings=findings, contradictions=against, confidence=0.6 if against else 0.9))


def _contradictions(findings: Sequence[Finding]) -> list[str]:
    by_measure: dict[str, list[Finding]] = {}
    for finding in findings:
        by_measure.setdefault(finding.measure, []).append(finding)
    return [
        f"{measure}: " + ", ".join(f"{one.value} ({one.source})" for one in said)
        for measure, said in by_measure.items()
        if len({one.value for one in said}) > 1
    ]


# --- the writer


def write(conversation: Conversation) -> Reply:
    """A first draft takes one figure for each measure; one with objections says where the sources disagree."""
    context = _asked(conversation)["context"]
    findings = [Finding.model_validate(one) for one in context["findings"]]
    again = bool(context.get("objections"))
    kept = findings if again else list({one.measure: one for one in reversed(findings)}.values())
    lines = [f"{one.measure}: {one.value}, {one.how} ({one.source})." for one in kept]
    if again:
        lines += ["The sources disagree.", *(f"{one}." for one in context["contradictions"])]
    title = str(context["question"]).rstrip("?.")
    return Done(Draft(title=title, text="\n".join(lines), sources=sorted({one.source for one in kept})))


# --- the reviewers


def check_sources(conversation: Conversation) -> Reply:
    """Whether every source that says something was used."""
    context = _asked(conversation)["context"]
    missing = {one["source"] for one in context["findings"]} - set(context["draft"]["sources"])
    return _review([f"{name} is not used" for name in sorted(missing)], confidence=0.9)


def check_contradictions(conversation: Conversation) -> Reply:
    """Whether the text says where sources contradict each other."""
    context = _asked(conversation)["context"]
    hidden = [one for one in context["contradictions"] if one not in context["draft"]["text"]]
    return _review([f"not said: {one}" for one in hidden], confidence=0.8)


def check_length(conversation: Conversation) -> Reply:
    """Whether somebody in a hurry reads it to the end."""
    long = len(_asked(conversation)["context"]["draft"]["text"].split()) > MOST_WORDS
    return _review([f"more than {MOST_WORDS} words"] if long else [], confidence=0.5)


def _review(points: list[str], *, confidence: float) -> Reply:
    return Done(Review(verdict="revise" if points else "accept", points=points, confidence=confidence))


# --- the supervisor


def lead(conversation: Conversation) -> Reply:
    """Figures and causes at the same time, a draft, a review, and at most one more round."""
    question = str(conversation.input)
    done = {name: [c for c in conversation.calls if c.tool == f"delegate_to_{name}"] for name in _TEAM}
    if not done["researcher"]:
        asked = [{"task": question, "context": {"look for": what}} for what in ("figures", "causes")]
        return Calls([Call("delegate_to_researcher", one) for one in asked])
    known = _known(question, [call.result for call in done["researcher"] if call.status == "completed"])
    if not known["findings"]:
        return Say("") if conversation.closing else _give_up()
    drafts, reviews = done["writer"], done["reviewers"]
    if len(drafts) == len(reviews):
        objections = _objections(reviews[-1]) if reviews else []
        if not reviews or (objections and len(reviews) < 2):
            return _ask("writer", "Write the report.", {**known, "objections": objections})
        return Done(_report(drafts[-1].result, reviews[-1]))
    draft: Any = drafts[-1].result
    return _ask("reviewers", "May this go out?", {**known, "draft": draft["result"]})


_TEAM = ("researcher", "writer", "reviewers")


def _ask(name: str, task: str, context: Mapping[str, Any]) -> Reply:
    return Calls([Call(f"delegate_to_{name}", {"task": task, "context": dict(context)})])


def _give_up() -> Reply:
    return Calls([Call("cannot_complete", {"reason": "The documents say nothing about it."})])


def _known(question: str, came: Sequence[Any]) -> dict[str, Any]:
    """What several researchers found, each thing once."""
    findings = {str(one): one for told in came for one in told["result"]["findings"]}
    against = {one: None for told in came for one in told["result"]["contradictions"]}
    return {"question": question, "findings": list(findings.values()), "contradictions": list(against)}


def _objections(call: CallRecord) -> list[str]:
    """What the members hold against a draft, if the panel wants it written again."""
    told: Any = call.result
    if _accepted(call) is not False:
        return []
    return [str(point) for one in told["members"] if one["result"] for point in one["result"]["points"]]


def _accepted(call: CallRecord) -> bool | None:
    """What the panel says of a draft; `None`: nothing that counts."""
    told: Any = call.result
    if call.status != "completed" or told["result"] is None:
        return None
    return bool(told["result"]["verdict"] == "accept")


def _report(draft: Any, call: CallRecord) -> Report:
    told: Any = call.result
    reviewed = f"{told['outcome']}: {told['reason']}" if call.status == "completed" else f"not reviewed: {told}"
    return Report(**draft["result"], accepted=_accepted(call) is True, reviewed=reviewed)


def _asked(conversation: Conversation) -> Any:
    """What a member of the team was given."""
    asked = conversation.input
    return asked if isinstance(asked, Mapping) else {"task": str(asked), "context": {}}
