#!/bin/bash
# world: bare
# Finding an account's processes, making and clearing its home, as root (ATTACKS 9, 13, 14).
. "$WORLD_REPO/tests/support/lib.sh"

step "processes and homes"
run_ok "$BUILD/tests/remains"
says "PASSED"
passed
