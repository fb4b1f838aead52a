#!/usr/bin/env bash
# Installs what `npm run test:all` needs beside Node: a real Nginx, Prometheus, Redis and Postgres, which the tests start
# themselves on free ports, and the tools that the documentation's examples call. Debian and Ubuntu; needs root or sudo.
set -euo pipefail
packages=(nginx prometheus redis-server postgresql openssl curl jq chromium)

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = 'install ok installed' ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "Already installed: ${packages[*]}"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "Installing ${missing[*]} needs root; run this as root, or install sudo." >&2; exit 1; }
  as_root=(sudo)
fi

echo "Installing with apt-get: ${missing[*]}"
echo 'Nginx, Prometheus, Redis and Postgres are neither started nor enabled as services.'
# Debian asks this file before it starts a service of a new package: https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
for service in nginx prometheus redis-server postgresql; do
  if [[ " ${missing[*]} " == *" $service "* ]] && command -v systemctl >/dev/null; then
    "${as_root[@]}" systemctl disable --quiet "$service" || true
  fi
done
echo 'Done.'
