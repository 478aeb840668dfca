#!/bin/sh
# Brings mbedtls' source, as Debian has it, to build/mbedtls. It is never committed. apt-get needs a
# deb-src line for that: it gets one of its own here, and this machine's lists stay as they are.
set -eu
cd "$(dirname "$0")"
[ -f build/mbedtls/library/psa_crypto.c ] && exit 0
work=build/apt
mkdir -p "$work/lists/partial"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
echo "deb-src [signed-by=$keyring] http://deb.debian.org/debian $suite main" >"$work/sources.list"
lists=$PWD/$work/lists
from=$PWD/$work/sources.list
apt() {
  apt-get -qq -o "Dir::Etc::sourcelist=$from" -o Dir::Etc::sourceparts=- \
    -o "Dir::State::lists=$lists" "$@"
}
apt update
(cd "$work" && apt source --download-only mbedtls)
mkdir -p build/mbedtls.part
tar xf "$work"/mbedtls_*.orig.tar.* --strip-components=1 -C build/mbedtls.part
rm -rf build/mbedtls "$work"
mv build/mbedtls.part build/mbedtls
