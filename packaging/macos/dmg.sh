#!/bin/sh
# Signs Jobshelf.app and packs it as a disk image: dmg.sh APPLICATION IMAGE
#
# With MACOS_IDENTITY (a "Developer ID Application" in the keychain) it is signed for other
# machines, and with MACOS_NOTARY_PROFILE (of `notarytool store-credentials`) also notarised.
# Without, it is signed ad hoc: it runs, and macOS asks the user once whether to trust it.
set -eu
application=$1
image=$2
here=$(cd "$(dirname "$0")" && pwd)
identity=${MACOS_IDENTITY:--}

if [ "$identity" = "-" ]; then
    codesign --force --deep --sign - "$application"
else
    # From the inside out: what is signed last seals what is in it.
    find "$application/Contents" -type f \( -name '*.dylib' -o -name '*.so' \) -exec \
        codesign --force --timestamp --options runtime --sign "$identity" {} +
    codesign --force --timestamp --options runtime --entitlements "$here/entitlements.plist" \
        --sign "$identity" "$application"
fi
codesign --verify --deep --strict "$application"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -R "$application" "$folder/"
ln -s /Applications "$folder/Applications"
mkdir -p "$(dirname "$image")"
rm -f "$image"
hdiutil create -quiet -volname Jobshelf -srcfolder "$folder" -fs HFS+ -format ULMO "$image"

if [ "$identity" != "-" ]; then
    codesign --force --timestamp --sign "$identity" "$image"
    if [ -n "${MACOS_NOTARY_PROFILE:-}" ]; then
        xcrun notarytool submit "$image" --keychain-profile "$MACOS_NOTARY_PROFILE" --wait
        xcrun stapler staple "$image"
    fi
fi
