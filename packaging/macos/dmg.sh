#!/bin/sh
# Packs Jobshelf.app as a disk image: dmg.sh APPLICATION IMAGE
#
# The application is signed when it is frozen (jobshelf.spec): with MACOS_IDENTITY, a "Developer ID
# Application" in the keychain, for other machines; else ad hoc: it runs, and macOS asks the user
# once whether to trust it. With MACOS_NOTARY_PROFILE (of `notarytool store-credentials`, in
# MACOS_NOTARY_KEYCHAIN if it is not the user's own) the image is notarised.
set -eu
application=$1
image=$2
codesign --verify --deep --strict "$application"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ditto "$application" "$folder/$(basename "$application")"
ln -s /Applications "$folder/Applications"
mkdir -p "$(dirname "$image")"
# macOS's own scanner may hold a new image: https://github.com/actions/runner-images/issues/7522
tries=0
until rm -f "$image" &&
    hdiutil create -quiet -volname Jobshelf -srcfolder "$folder" -fs HFS+ -format ULMO "$image"; do
    tries=$((tries + 1))
    [ "$tries" -lt 10 ]
    sleep 3
done

if [ -n "${MACOS_IDENTITY:-}" ]; then
    codesign --force --timestamp --sign "$MACOS_IDENTITY" "$image"
    if [ -n "${MACOS_NOTARY_PROFILE:-}" ]; then
        xcrun notarytool submit "$image" --wait --keychain-profile "$MACOS_NOTARY_PROFILE" \
            ${MACOS_NOTARY_KEYCHAIN:+--keychain "$MACOS_NOTARY_KEYCHAIN"}
        xcrun stapler staple "$image"  # fails if Apple refused it
    fi
fi
