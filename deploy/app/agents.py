"""What the image serves until your agents are in it: one agent that answers by rules, without a key."""

from holdfast import Agent, App, Conversation, Say


def by_rules(_: Conversation) -> Say:
    """Say hello."""
    return Say("Hello. Put your agents in the place of deploy/app and build the image again.")


app = App(agents=[Agent(name="greeter", models=[by_rules])])
