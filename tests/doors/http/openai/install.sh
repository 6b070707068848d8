#!/bin/sh
# Puts OpenAI's JavaScript client, for the test beside this file, into .cache/openai. Needs npm and Node 20 or newer.
set -eu
cd "$(dirname "$0")/../../../.."
npm install --prefix .cache/openai --no-audit --no-fund --silent openai@7.57.0
