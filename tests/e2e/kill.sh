#!/bin/bash
# Processes killed at random moments under load, for a short while; all of it: make torture.
export LB_TORTURE=short
. "$WORLD_REPO/tests/torture/kill_loop.sh"
