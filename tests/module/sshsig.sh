#!/bin/bash
# no-world
# The keeper's verdict on signatures is that of `ssh-keygen -Y verify`, on a corpus made with the real
# ssh-keygen and damaged in many ways (tests/daemon/sshsig_corpus.c).
set -u
build=${BUILD:-build}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
case $build in
/*) ;;
*) build=$PWD/$build ;;
esac
cd "$work" || exit 1
"$build/tests/sshsig_corpus"
