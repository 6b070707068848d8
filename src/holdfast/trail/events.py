"""The kinds of events in the journal, with what each one's data holds.

Every event has a version; a reader that meets a kind or version it does not know refuses
(`UnknownRecord`): it never guesses. Attributes of models and tools follow the OpenTelemetry GenAI
conventions.
"""

from typing import Final

STARTED: Final = "execution.started"
"""input, agent, agent_version, user, thread, priority, tools {name: schema hash}, limits {...}; where it has one:
origin (what the door that took the request wants to find again), workflow (true: its steps are code), handover (the
conversation as it was given to this agent: from, execution, reason, entries, records, notes, happened, provider_ids)"""
CLAIMED: Final = "execution.claimed"
"""worker, fence"""
PARKED: Final = "execution.parked"
"""reason, wake_at (ISO or null)"""
CANCEL_REQUESTED: Final = "execution.cancel_requested"
"""by"""
COMPLETED: Final = "execution.completed"
"""result, rung and model (which rung of the chain produced it, from 0, and its name)"""
FAILED: Final = "execution.failed"
"""reason, error, result (the partial one, or null)"""
CANCELLED: Final = "execution.cancelled"
"""by"""
RETRIED: Final = "execution.retried"
"""by, and where it goes back: from_step (the turns from there on are set aside), told (what the model is told of them),
happened [{call_id, tool, digests, key}] (calls that are not made again)"""
GUIDED: Final = "execution.guided"
"""approval_id, by, note, call_id: a person said how an escalated execution goes on"""

FEEDBACK_RECALLED: Final = "feedback.recalled"
"""ids, notes: what people corrected in earlier executions, told to the model as guidance"""
THREAD_RECALLED: Final = "thread.recalled"
"""executions [{id, last_seq}]: earlier executions whose words this one continues"""
CONTEXT_COMPACTED: Final = "context.compacted"
"""keep_from (the step from which the context is kept word for word), digest (the text that stands for what came
before), bytes_before, bytes_after"""
TOOLS_CHANGED: Final = "tools.changed"
"""changes [{tool, pinned, present}], decision {verdict, gate, reason}, tools {name: schema hash} (the new pins)"""

TOOLS_SHORTLISTED: Final = "tools.shortlisted"
"""step, anew (whether it replaces the list before), added {why (always | kept | used | called | found | ranked):
[names]} (in order, at the end), added_tokens (their definitions at most), of (how many there are), by (words | rank |
embedding), fell_back (why the words decide although something else was to, or null), decision {verdict, gate, reason};
where an embedder was asked: gen_ai.request.model, gen_ai.provider.name, gen_ai.usage.input_tokens, cost_usd,
latency_ms: which tools the model is shown, only when that changes or cost something"""

MODEL_REQUESTED: Final = "model.requested"
"""step, purpose (turn | closing), reason (why a closing), reserved_tokens, reserved_usd, gen_ai.request.max_tokens"""
MODEL_RESPONDED: Final = "model.responded"
"""step, purpose, rung, gen_ai.provider.name, gen_ai.response.model, gen_ai.usage.input_tokens,
gen_ai.usage.output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, latency_ms, bill_unknown (the reservation
stays held), response (the library's JSON), gen_ai.request.model (as the author wrote it; not in older journals, which
have attempts [{rung, model, failure, error, latency_ms, retry_after_s}] instead of events of their own)"""
MODEL_ATTEMPT_FAILED: Final = "model.attempt_failed"
"""step, purpose, rung, gen_ai.request.model, gen_ai.provider.name, failure (its class), error, latency_ms,
retry_after_s, then (again | next | compact | park | give_up: what follows), bill_unknown (it may have been charged:
the reservation stays held), and where the provider told: gen_ai.usage.input_tokens, gen_ai.usage.output_tokens,
cache_read_tokens, cache_write_tokens, cost_usd (else 0)"""
MODEL_FAILED: Final = "model.failed"
"""step, purpose, reason, error, attempts [{rung, failure}] (in older journals as in model.responded), bill_unknown:
the chain is at its end"""
CORRECTED: Final = "model.corrected"
"""step, problem (empty | truncated | malformed | invalid_result | early_result), message (what the model is told),
provider_call_id and tool (where it answers a call)"""

CALL_DECIDED: Final = "call.decided"
"""call_id, step, index, gen_ai.tool.name, gen_ai.tool.call.id, arguments, effect, status (running: the intent),
decision {verdict, gate, reason, risk}, digest, schema_hash"""
CALL_DISPATCHED: Final = "call.dispatched"
"""call_id, approval_id (or null), arguments, digest and schema_hash (where they differ from what was decided): an
intent made after the decision"""
CALL_FELL_BACK: Final = "call.fell_back"
"""call_id, tool (the fallback that serves the call from here on), error (what failed so far), failure, effect, status
(pending | awaiting_review), arguments, digest, schema_hash, decision {verdict, gate, reason, risk}"""
CHILD_STARTED: Final = "child.started"
"""call_id, child_id, agent, ceiling {tokens, cost_usd, descendants} (what of its parent's remainder is held for it),
with the intent of the call that waits for it. A panel's have a call_id each, and serves (the call), panel (its name);
one that takes the conversation over has handover (true)"""
CHILD_ENDED: Final = "child.ended"
"""call_id, child_id, agent, status, reason, error, result, steps, tokens, cost_usd (its own, its descendants' and bills
that nobody knows), descendants (how many it had): written with the child's end"""
PANEL_RESOLVED: Final = "panel.resolved"
"""call_id, gen_ai.tool.name, panel, outcome (agreed | majority | best | chosen | undecided | tie | no_majority |
error | too_few | rejected | expired), decision {verdict, gate, reason}, member (whose result counts, or null), result,
votes [{agent, child_id, status, side (equal for those that agree; null: no result), score, confidence, cost_usd,
reason}], before [what was tried first and why it did not decide], and where people were asked: approval_id, by, note"""
CONVERSATION_TRANSFERRED: Final = "conversation.transferred"
"""call_id, child_id, from, to (agents), reason: the whole conversation goes to another agent"""

CALL_ENDED: Final = "call.ended"
"""call_id, status (completed | failed | denied | in_doubt | pending), content (what the model is told),
blob (or null), error, attempt, latency_ms; where they apply: failure (its class), fallback {kind (tool | cached |
default), tool, age_s, error} (what gave the result in the tool's place), reused_from (the call whose result this is)"""

RESULT_PROPOSED: Final = "result.proposed"
"""step, result, digest, decision {verdict, gate, reason, risk}, provider_call_id and tool (the call it answers, or
null): what the agent's review rule said of a final result"""
RESULT_REFUSED: Final = "result.refused"
"""step, message (what the model is told), provider_call_id, tool, approval_id"""

APPROVAL_OPENED: Final = "approval.opened"
"""approval_id, kind, call_id, gen_ai.tool.name, question, reason, gate, risk, expires_at, digest, schema_hash,
reviewers, quorum, arguments (where they are not those of the call itself)"""
APPROVAL_VOTED: Final = "approval.voted"
"""approval_id, kind, call_id, answer, by, note, edit, yes (how many now), quorum: not enough yet"""
APPROVAL_DECIDED: Final = "approval.decided"
"""approval_id, kind, call_id, answer, status, by, note, edit, voters (everybody whose yes it rests on). A second one
with a no takes back a yes that was not used yet"""
APPROVAL_REMINDED: Final = "approval.reminded"
"""approval_id, kind, call_id, groups (who is asked; empty: everybody)"""
APPROVAL_ESCALATED: Final = "approval.escalated"
"""approval_id, kind, call_id, to (the group that is asked from now on too)"""
APPROVAL_EXPIRED: Final = "approval.expired"
"""approval_id, kind, call_id, groups (who was asked), yes and quorum (how many agreed, of how many)"""
APPROVAL_WITHDRAWN: Final = "approval.withdrawn"
"""approval_id, kind, call_id, reason"""

STEP_STARTED: Final = "step.started"
"""name, at (its place in the workflow: counted within each branch), kind (step | agent | approve | sleep | wait |
undo), effect, key, digest (of what it is given), arguments, undo (whether it can be undone), and where they apply:
agent, approval_id, until (ISO), signal, again (it was started before): the intent"""
STEP_ENDED: Final = "step.ended"
"""name, kind, status (completed | failed | in_doubt | postponed), result, error, failure (its class), attempt,
latency_ms, and where they apply: check (what its check has against the result), until (ISO, of a postponed one),
signal_id, by (who decided)"""
STEP_NOTED: Final = "step.noted"
"""at, kind (now | random), value: something that is not the same twice"""
SIGNAL_RECEIVED: Final = "signal.received"
"""id, name, payload, by: sent from outside, to be waited for"""
WORKFLOW_UNDOING: Final = "workflow.undoing"
"""reason, error, step (which failed, or null), cancelled, others (that failed too): it ends, and what its steps did is
undone first"""
WORKFLOW_CHANGED: Final = "workflow.changed"
"""message (how the code and the journal differ), decision {verdict, gate, reason}"""

PLAN_MADE: Final = "plan.made"
"""at (its place, as of a step), revision, tasks [{id, use, input, after, success, checks, needs}], result, reason: the
first plan that can be carried out"""
PLAN_REVISED: Final = "plan.revised"
"""as plan.made, kept (ids of finished tasks, which stay), because {failed {id: error} | refused_by and note | result}:
a later one"""
PLAN_REFUSED: Final = "plan.refused"
"""at, revision, by (who; null: it cannot be carried out; nobody: no answer in time), reasons, edited (where it is what
that person made of it)"""
PLAN_APPROVED: Final = "plan.approved"
"""at, revision, by, note, edited, and where people changed it: tasks, result, reason"""
TASK_JUDGED: Final = "task.judged"
"""at, task, objection (what is wrong with its result, or with what it was to be given; null: nothing)"""

JOURNAL_PRUNED: Final = "journal.pruned"
"""events (how many stood here, up to this sequence number; its hash and its time are those of the last of them)"""

VERSIONS: Final[dict[str, int]] = dict.fromkeys(
    (
        STARTED,
        CLAIMED,
        PARKED,
        CANCEL_REQUESTED,
        COMPLETED,
        FAILED,
        CANCELLED,
        RETRIED,
        GUIDED,
        FEEDBACK_RECALLED,
        THREAD_RECALLED,
        CONTEXT_COMPACTED,
        TOOLS_CHANGED,
        TOOLS_SHORTLISTED,
        MODEL_REQUESTED,
        MODEL_RESPONDED,
        MODEL_ATTEMPT_FAILED,
        MODEL_FAILED,
        CORRECTED,
        CALL_DECIDED,
        CALL_DISPATCHED,
        CALL_FELL_BACK,
        CHILD_STARTED,
        CHILD_ENDED,
        PANEL_RESOLVED,
        CONVERSATION_TRANSFERRED,
        CALL_ENDED,
        RESULT_PROPOSED,
        RESULT_REFUSED,
        APPROVAL_OPENED,
        APPROVAL_VOTED,
        APPROVAL_DECIDED,
        APPROVAL_REMINDED,
        APPROVAL_ESCALATED,
        APPROVAL_EXPIRED,
        APPROVAL_WITHDRAWN,
        STEP_STARTED,
        STEP_ENDED,
        STEP_NOTED,
        SIGNAL_RECEIVED,
        WORKFLOW_UNDOING,
        WORKFLOW_CHANGED,
        PLAN_MADE,
        PLAN_REVISED,
        PLAN_REFUSED,
        PLAN_APPROVED,
        TASK_JUDGED,
        JOURNAL_PRUNED,
    ),
    1,
)
"""The newest version of each kind that this code can read."""
