#!/bin/sh
# The image's entry point: Node with the flags of its permission model, which confine JavaScript to the folders and files
# that the variables name. https://nodejs.org/api/permissions.html
set -eu

trimmed() {
  text=${1#"${1%%[![:space:]]*}"}
  printf '%s' "${text%"${text##*[![:space:]]}"}"
}

# The value of a variable as the service reads it: without the blanks and the one pair of quotes around it, which
# docker --env-file keeps.
value_of() {
  eval "value=\${$1-}"
  value=$(trimmed "$value")
  case $value in
    \"*\") value=${value#\"} value=${value%\"} ;;
    \'*\') value=${value#\'} value=${value%\'} ;;
  esac
  trimmed "$value"
}

# A path and, because permissions compare paths as written, what it leads to if it is a link: a line PATH, tab, "/*" for a folder.
tab=$(printf '\t')
both() { # PATH [/*]
  printf "%s$tab%s\n" "$(realpath -ms -- "$1")" "${2-}" "$(realpath -m -- "$1")" "${2-}"
}

# "/*" also allows a folder that does not exist yet.
writable() {
  images=$(value_of IMAGES_DIR)
  # Blank means the service's own default.
  for folder in "${images:-./images}" "$(value_of STATE_DIR)" "$(value_of LOG_DIR)" "$(value_of TMPDIR)" /tmp; do
    [ -z "$folder" ] || both "$folder" '/*'
  done
}

readable() {
  both /app '/*'
  both /run/secrets '/*'
  both /var/run/secrets '/*'
  writable
  # Secrets, models and deployments. A deployments file names key files in its own folder.
  for name in $(env | sed -n 's/^\([A-Z][A-Z0-9_]*_FILE\|AZURE_CLIENT_CERTIFICATE_PATH\)=.*/\1/p'); do
    file=$(value_of "$name")
    [ -n "$file" ] || continue
    both "$file"
    [ "$name" != AZURE_DEPLOYMENTS_FILE ] || both "$(dirname -- "$file")" '/*'
  done
}

# Prints a flag for each path. Node denies a folder itself if another allowed path begins with its name, so what is inside a
# folder is left out, and of /data and /data-logs, /data* is allowed.
flags_for() { # read|write
  LC_ALL=C sort -u | {
    folder='' wildcard=''
    while IFS=$tab read -r path kind; do
      path=${path%/}
      if [ -n "$wildcard" ]; then
        case $path in
          "$folder" | "$folder"/*) continue ;;
          "$folder"*) wildcard='*' && continue ;;
        esac
        printf -- '--allow-fs-%s=%s\n' "$1" "$folder$wildcard"
      fi
      folder=$path wildcard=$kind
      [ -n "$kind" ] || printf -- '--allow-fs-%s=%s\n' "$1" "$path"
    done
    [ -z "$wildcard" ] || printf -- '--allow-fs-%s=%s\n' "$1" "$folder$wildcard"
  }
}

flags="$(readable | flags_for read)
$(writable | flags_for write)"

# Split at line breaks only: folders may have spaces in their names.
IFS='
'
set -f
# The addon is sharp, which gets bytes and never paths; the two disabled warnings are about these flags. A small young
# generation is enough, because it holds little but short-lived chunks of images (docs/performance.md). Node replaces the
# shell, so that it is process 1 and handles SIGTERM itself.
exec node \
  --max-semi-space-size=8 \
  --disable-warning=PERM0001 --disable-warning=ExperimentalWarning \
  --permission \
  $flags \
  --allow-net \
  --allow-addons \
  dist/server.js "$@"
