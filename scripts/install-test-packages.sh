#!/usr/bin/env bash
# Installs what `npm run test:all` needs beside Node: a real Nginx, Prometheus, Redis and Postgres, which the tests start
# themselves on free ports, Chromium, kubectl, and the tools that the documentation's examples call. Debian and Ubuntu; needs
# root or sudo.
set -euo pipefail
packages=(nginx prometheus redis-server postgresql openssl curl jq chromium)

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = 'install ok installed' ] || missing+=("$package")
done
# Others than Debian package it too.
command -v kubectl >/dev/null || missing+=(kubectl)
if [ ${#missing[@]} -eq 0 ]; then
  echo "Already installed: ${packages[*]} kubectl"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "Installing ${missing[*]} needs root; run this as root, or install sudo." >&2; exit 1; }
  as_root=(sudo)
fi

# Debian 12 has no kubectl that renders deploy/kubernetes: the program is copied out of Debian 13's package.
copy_kubectl() { (
  mirror=$(apt-cache policy | grep -oE 'https?://[^ ]+ bookworm/main' | head -n 1 | cut -d' ' -f1)
  [ -n "$mirror" ] || { echo 'Install kubectl 1.27 or newer.' >&2; exit 1; }
  cd "$(mktemp -d)"
  mkdir -p lists/partial cache/archives/partial
  : >status
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s trixie main\n' "$mirror" >sources.list
  options=(-o "Dir::Etc::sourcelist=$PWD/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$PWD/lists"
    -o "Dir::State::status=$PWD/status" -o "Dir::Cache=$PWD/cache" -o "APT::Sandbox::User=$(id -un)")
  apt-get "${options[@]}" update -qq
  apt-get "${options[@]}" download -qq kubectl
  dpkg -x kubectl_*.deb .
  "${as_root[@]}" install -m 755 usr/bin/kubectl /usr/local/bin/kubectl
  rm -rf "$PWD"
); }

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
if [[ " ${missing[*]} " == *' kubectl '* ]] && ! apt-cache show kubectl >/dev/null 2>&1; then
  copy_kubectl
  missing=("${missing[@]/kubectl/}")
fi
read -ra missing <<<"${missing[*]}"
[ ${#missing[@]} -eq 0 ] || "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
for service in nginx prometheus redis-server postgresql; do
  if [[ " ${missing[*]} " == *" $service "* ]] && command -v systemctl >/dev/null; then
    "${as_root[@]}" systemctl disable --quiet "$service" || true
  fi
done
echo 'Done.'
