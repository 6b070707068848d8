"""The `holdfast` command: its commands, their help, and the way out.

Only cyclopts is imported here. Each command's own file loads when it is used, so help stays instant.
"""

import os
import sys
from typing import Final

from cyclopts import App, CycloptsError, Group, UnknownCommandError, UnusedCliTokensError

from holdfast.errors import HoldfastError
from holdfast.version import __version__

_START: Final = Group("Start here", sort_key=1)
_LOOK: Final = Group("See what happens", sort_key=2)
_DECIDE: Final = Group("Decide", sort_key=3)
_CONTROL: Final = Group("Hold and release", sort_key=4)
_OPERATE: Final = Group("Operate", sort_key=5)

_EPILOGUE: Final = """\
Examples:
  holdfast demo
  holdfast run support.py:support "Where is order 1042?"
  holdfast worker support.py:app --concurrency 16
  holdfast executions --status failed
  holdfast approve 7c41f2 --note "checked with billing"

TARGET is file.py:name or package.module:name, the name of an Agent or an App.
An ID may be shortened to 6 or more characters of its start or end.
Exit status: 0 completed, 1 failed, 2 usage, 3 awaiting review, 4 cancelled.
"""

_COMMANDS: Final = (
    ("demo", "demo:demo", _START, "Work a shop's support tickets, with a crash in the middle."),
    ("dev", "dev:dev", _START, "Write an agent and watch it: worker, API and console in one process."),
    ("run", "run:run", _START, "Run an agent and watch each step; Ctrl-C lets go and loses nothing."),
    ("worker", "operate:worker", _START, "Work on what waits, until stopped; Ctrl-C or SIGTERM drains."),
    ("serve", "serve:serve", _START, "Serve the API and the console over HTTP, until stopped."),
    ("executions", "look:executions", _LOOK, "List executions, newest first."),
    ("show", "look:show", _LOOK, "Tell the whole story of one execution."),
    ("tail", "look:tail", _LOOK, "Follow an execution until it ends."),
    ("dead-letters", "retry:dead_letters", _LOOK, "List executions that ended failed, and why."),
    ("metrics", "metrics:metrics", _LOOK, "Show how well each agent does."),
    ("top", "top:top", _LOOK, "Watch everything live in the terminal."),
    ("approvals", "look:approvals", _LOOK, "List what waits for a person, and how to answer it."),
    ("approve", "answer:approve", _DECIDE, "Say yes to what waits."),
    ("reject", "answer:reject", _DECIDE, "Say no to what waits, and why."),
    ("answer", "answer:answer", _DECIDE, "Answer a question that an agent asked."),
    ("resolve", "answer:resolve", _DECIDE, "Say what became of a call whose outcome is unknown."),
    ("grants", "grants:grants", _DECIDE, "List the standing yeses in force."),
    ("grant", "grants:grant", _DECIDE, "Let calls of a tool run without asking, within bounds and for a while."),
    ("revoke", "grants:revoke", _DECIDE, "Take a standing yes back."),
    ("feedback", "feedback:feedback", _DECIDE, "List what people corrected, or export it as evaluation cases."),
    ("send", "send:send", _DECIDE, "Send a signal that a workflow waits for."),
    ("cancel", "answer:cancel", _DECIDE, "Cancel an execution; nothing new starts."),
    ("retry", "retry:retry", _DECIDE, "Let failed executions go on; nothing that happened is done again."),
    ("workers", "workers:workers", _OPERATE, "List who works and what they serve; drain one from anywhere."),
    ("unpin", "workers:unpin", _OPERATE, "Let executions go on with any version of their agent."),
    ("doctor", "operate:doctor", _OPERATE, "Check a target and what a deploy of it would touch."),
    ("migrate", "operate:migrate", _OPERATE, "Make or upgrade the database's tables."),
    ("prune", "prune:prune", _OPERATE, "Take away what is old; the record of who decided what may stay."),
    ("verify-audit", "operate:verify_audit", _OPERATE, "Check that nobody changed the journal."),
    ("pause", "switches:pause", _CONTROL, "Stop an agent, a tool, a model or everything, now."),
    ("resume", "switches:resume", _CONTROL, "Let go on what was paused."),
    ("controls", "switches:controls", _CONTROL, "Show what is stopped, and which breakers are not closed."),
    ("budgets", "budgets:budgets", _CONTROL, "List budgets: spent, held, left."),
    ("rates", "budgets:rates", _CONTROL, "List rate limits."),
    ("shares", "shares:shares", _CONTROL, "List who gets how much of the workers."),
    ("schedules", "schedules:schedules", _CONTROL, "List what is asked when its time comes."),
    ("costs", "budgets:costs", _CONTROL, "Show what models cost, by model, agent, user or day."),
    ("alerts", "notices:alerts", _CONTROL, "List what is the matter now."),
    ("channels", "channels:channels", _CONTROL, "List ways to people; send a test message to one."),
    ("outbox", "notices:outbox", _CONTROL, "List deliveries to channels; retry one that was given up."),
    ("audit", "switches:audit", _CONTROL, "Show who changed what of all this."),
    ("version", "about:version", _OPERATE, "Say which version this is."),
)

_FAMILIES: Final = {
    "budget": (
        "Set, top up or drop a budget.",
        (
            ("set", "budgets:budget_set", "Put a budget in force, or change it."),
            ("top-up", "budgets:budget_top_up", "Raise one account's ceiling until its window is over."),
            ("drop", "budgets:budget_drop", "Take a budget away."),
        ),
    ),
    "rate": (
        "Set or drop a rate limit.",
        (
            ("set", "budgets:rate_set", "Put a rate in force, or change it."),
            ("drop", "budgets:rate_drop", "Take a rate away."),
        ),
    ),
    "share": (
        "Say who gets how much of the workers, and how many at once.",
        (
            ("set", "shares:share_set", "Put a share in force, or change it."),
            ("drop", "shares:share_drop", "Take a share away."),
        ),
    ),
    "schedule": (
        "Say what is asked when its time comes.",
        (
            ("add", "schedules:add", "Put a schedule in force, or change it."),
            ("pause", "schedules:pause", "Let it fire no more until it is resumed."),
            ("resume", "schedules:resume", "Let it fire again."),
            ("run", "schedules:run", "Make its request now."),
            ("history", "schedules:history", "Show what became of its last times."),
            ("drop", "schedules:drop", "Take it away."),
        ),
    ),
    "breaker": (
        "Open or close a circuit breaker by hand.",
        (
            ("open", "switches:breaker_open", "Open one until somebody closes it."),
            ("close", "switches:breaker_close", "Close one and forget its failures."),
            ("reset", "switches:breaker_close", "The same as close."),
        ),
    ),
    "keys": (
        "Say who may come in over HTTP: API keys and login links.",
        (
            ("create", "keys:create", "Make an API key; its secret is shown once."),
            ("list", "keys:listed", "List keys, who made them and when they were used."),
            ("revoke", "keys:revoke", "End a key and the sessions that came from it."),
            ("link", "keys:link", "Make a link that logs one browser in, once."),
        ),
    ),
}
"""Commands of two words."""

_MEANINGS: Final = {
    "metrics": """\
What counts, of the executions that ended since then:
  completion  completed, of those that completed or failed: a cancelled one
              was a person's decision
  steps       of one execution, on average
  useful      steps in which a tool call completed that no earlier step of the
              execution had completed with the same arguments, or that gave
              the result; of all steps
  tools ok    tool calls that completed, of those that completed, failed or
              are in doubt; denied ones never ran
  asked       executions about which a person was asked at least once, of all
  tokens each, cost each
              what all of them took, failed and cancelled ones too, over those
              that completed
  p50, p95    from the request to the end of those that completed, without the
              time in which people were asked
psql says the same:
  SELECT * FROM agent_health_metrics('support', now() - interval '7 days')
""",
}
"""What a command's words mean, said below its options."""

_EXAMPLES: Final = {
    "demo": ("demo", "demo --once --json"),
    "run": (
        'run support.py:support "Where is order 1042?" --user mia@post.example',
        "run support.py:support --input-file ticket.json --json",
        "run support.py:support - --no-wait < mail.txt",
    ),
    "dev": ("dev support.py", "dev support.py:app --port 9000 --no-reload"),
    "worker": (
        "worker support.py:app --concurrency 16",
        "worker support.py:app --drain",
        "worker app.py --metrics-port 9464",
        "worker old/support.py:app --only-pinned",
    ),
    "workers": ("workers", 'workers drain web-3-4711-c2a9f0 --why "the machine goes"', "workers --json"),
    "unpin": ('unpin support --version 3 --why "4 goes on with them"', "unpin 7c41f2"),
    "metrics": ("metrics", "metrics --agent support --since 24h", "metrics --since all --json"),
    "top": ("top", "top --once"),
    "serve": ("serve", "serve support.py:app --host 0.0.0.0 --port 8321"),
    "dead-letters": ("dead-letters --since 24h", "dead-letters --agent support --reason LOOP_DETECTED --json"),
    "retry": ("retry 7c41f2", "retry 7c41f2 --from-step 3", "retry --failed --reason MODEL_UNAVAILABLE --yes"),
    "executions": ("executions --status awaiting_review --agent support",),
    "pause": ('pause tool refund --why "double refunds since 10:40"', 'pause all --why "wrong deploy"'),
    "resume": ("resume tool refund", "resume all"),
    "costs": ("costs --by agent --days 7",),
    "budget set": (
        "budget set daily --scope global --usd 50 --window day",
        "budget set each-user --scope user --tokens 200_000 --window 24h --on-exhausted summarise",
    ),
    "budget top-up": ('budget top-up daily 20 --why "month end"', "budget top-up each-user 50_000 --subject mia"),
    "rate set": ("rate set per-user --scope user --unit requests --limit 10 --per-s 60",),
    "breaker open": ('breaker open model openai:gpt-5.2 --why "wrong answers since the update"',),
    "breaker close": ("breaker close model openai:gpt-5.2",),
    "keys create": (
        "keys create ci --role runner --agent support --expires 90d",
        "keys create grafana --role viewer --json",
    ),
    "keys list": ("keys list", "keys list --sessions"),
    "keys revoke": ("keys revoke 7c41f2",),
    "keys link": ("keys link --name Ada --role approver",),
    "channels": ("channels", "channels test slack", "channels connect telegram"),
    "outbox": ("outbox --dead", "outbox retry 5f0c2f9b1c6e4d52a0e5a8e1d3c7b9f4"),
    "show": ("show 7c41f2", "show 7c41f2 --events --json"),
    "approve": ("approve 7c41f2", """approve 7c41f2 --edit '{"order_id": "1042", "amount": "40.00"}'"""),
    "grant": ("""grant refund --agent support --bound "amount<=100" --for 2h --uses 20 --why "summer sale\"""",),
    "revoke": ("revoke 7c41f2",),
    "feedback": ("feedback --agent support", "feedback --agent support --export cases.yaml"),
    "reject": ('reject 7c41f2 --note "the parcel arrived"',),
    "answer": ('answer 7c41f2 "the blue one"',),
    "send": ("send 7c41f2 docs.signed", """send 7c41f2 docs.signed '{"by": "mia"}' --id mail-4711"""),
    "prune": (
        "prune --older-than 90d --keep-audit --dry-run",
        "prune --older-than 90d --keep-audit --yes",
        "prune --older-than 730d --agent support --status failed",
    ),
    "resolve": ("""resolve 7c41f2 happened --result '{"refund_id": "R9"}'""", "resolve 7c41f2 skip"),
}


def build() -> App:
    """The command line, with nothing of it loaded yet."""
    app = App(
        name="holdfast",
        help="Run AI agents so that nothing is lost, spent twice or done without consent.",
        help_epilogue=_EPILOGUE,
        help_format="plaintext",
        version=__version__,
    )
    app["--help"].group = app["--version"].group = _OPERATE
    for order, (name, place, group, text) in enumerate(_COMMANDS):
        examples = (f"  holdfast {it}" for it in _EXAMPLES.get(name, (name,)))
        epilogue = "\n".join([*([_MEANINGS[name]] if name in _MEANINGS else []), "Examples:", *examples])
        app.command(
            f"holdfast.doors.{place}", name=name, group=group, help=text, sort_key=order, help_epilogue=epilogue
        )
    for order, (name, (text, commands)) in enumerate(_FAMILIES.items(), len(_COMMANDS)):
        app.command(_family(name, text, commands, order))
    return app


def _family(name: str, text: str, commands: tuple[tuple[str, str, str], ...], order: int) -> App:
    family = App(name=name, help=text, group=_CONTROL, sort_key=order, help_format="plaintext")
    for second, place, about in commands:
        whole = f"{name} {second}"
        epilogue = "\n".join(["Examples:", *(f"  holdfast {it}" for it in _EXAMPLES.get(whole, (whole,)))])
        family.command(f"holdfast.doors.{place}", name=second, help=about, help_epilogue=epilogue)
    return family


def main() -> None:
    """Run the command line and exit with the status that `exits` says."""
    sys.exit(_status(sys.argv[1:]))


def _status(tokens: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its escape, not a traceback.
        stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    try:
        status = build()(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except UnknownCommandError as error:
        return _usage(_unknown(next(iter(error.unused_tokens or tokens))), tokens)
    except UnusedCliTokensError as error:
        return _usage(f"There is no place for {' '.join(error.unused_tokens or ())!r}.", tokens)
    except CycloptsError as error:
        return _usage(str(error), tokens)
    except HoldfastError as error:
        return _refused(error, as_json="--json" in tokens)
    except BrokenPipeError:
        # The reader (`| head`) went away: what is still buffered has nowhere to go, and that is no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status if isinstance(status, int) else 0


def _unknown(token: str) -> str:
    """Our own words for a mistyped command: those of cyclopts would load every command first."""
    from difflib import get_close_matches

    names = [*(name for name, *_ in _COMMANDS), *_FAMILIES]
    near = get_close_matches(token, names, n=1)
    return f"There is no command {token!r}. " + (
        f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names)}."
    )


def _usage(message: str, tokens: list[str]) -> int:
    from holdfast.doors import exits

    known = {name for name, *_ in _COMMANDS} | set(_FAMILIES)
    command = next((f" {token}" for token in tokens if token in known), "")
    exits.print_error("usage", f"{message} See holdfast{command} --help", as_json="--json" in tokens)
    return exits.USAGE


def _refused(error: HoldfastError, *, as_json: bool) -> int:
    from holdfast.doors import exits

    exits.print_error(error.code, str(error), as_json=as_json)
    return exits.of_error(error)


if __name__ == "__main__":
    main()
