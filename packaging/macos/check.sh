#!/bin/sh
# Mounts the disk image, copies Jobshelf as a user does, starts it on a GC3Pie store, removes it.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
place=$(mktemp -d)
mkdir -p "$root/build/packaging/screenshots" "$place/image" "$place/Applications"
trap 'hdiutil detach -quiet "$place/image" 2>/dev/null || true; rm -rf "$place"' EXIT

hdiutil attach -quiet -readonly -nobrowse -mountpoint "$place/image" "$root"/dist/jobshelf-*.dmg
ditto "$place/image/Jobshelf.app" "$place/Applications/Jobshelf.app"
hdiutil detach -quiet "$place/image"
codesign --verify --deep --strict "$place/Applications/Jobshelf.app"

program="$place/Applications/Jobshelf.app/Contents/MacOS/jobshelf"
export JOBSHELF_HOME="$place/home"
"$program" --version
# The picture is taken when a job is shown in the tree: the inspector process works.
picture="$root/build/packaging/screenshots/macos-$(uname -m).png"
"$program" "$root/tests/data/gc3pie/python3.7/jobs.db" --read-only --screenshot "$picture"
[ "$(wc -c < "$picture")" -gt 20000 ]

# Copies without a window; and the archive opens as a store.
"$program" export "$root/tests/data/gc3pie/python3.7/jobs.db" "$place/store.jobshelf"
"$program" "$place/store.jobshelf" --read-only --screenshot "$picture"
# Passwords of servers go into the keyring of the system: what reaches it is there.
notices=$(find "$place/Applications/Jobshelf.app" -type f -name third-party-notices.txt)
grep -q '^keyring [0-9]' "$notices"

# A window, and a second start that reaches it.
"$program" "$root/tests/data/gc3pie/python3.7/jobs.db" &
window=$!
tries=0
until ls "${TMPDIR:-/tmp}/jobshelf-$(id -u)"/*.window > /dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ]
    sleep 1
done
"$program" "$root/tests/data/gc3pie/python3.7/jobs.db" | grep "open already"
kill "$window"
wait "$window" || true
echo "mounted, started, reached, removed"
