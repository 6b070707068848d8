"""An agent whose model counts tokens; apart from the others, because the model library takes long to import."""

from holdfast import Agent
from holdfast.testing import Say, ScriptedModel

spender = Agent(name="spender", models=[ScriptedModel([Say("done")])])
