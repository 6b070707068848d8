#!/bin/sh
# Puts aimock, a provider for the tests beside this file, into .cache/aimock. Needs npm and Node 20 or newer.
set -eu
cd "$(dirname "$0")/../../.."
npm install --prefix .cache/aimock --no-audit --no-fund --silent @copilotkit/aimock@1.43.0
