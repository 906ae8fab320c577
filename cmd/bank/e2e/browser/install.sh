#!/usr/bin/env bash
# Installs what the tests of the console need of Debian, if it is absent: Chromium, the two fonts, so that pictures are alike on every
# machine, and npm, which fetches axe-core. Without root it prints the command.
set -euo pipefail

missing=()
for package in chromium fonts-inter fonts-jetbrains-mono; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
npm --version >/dev/null 2>&1 || missing+=(npm)
[ ${#missing[@]} -gt 0 ] || exit 0
command=(apt-get install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" != 0 ]; then
  echo "browser: run this as root: apt-get update && ${command[*]}" >&2
  exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${command[@]}"
