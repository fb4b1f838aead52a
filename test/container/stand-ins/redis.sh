#!/bin/sh
# As the official image: the user redis, and clients of other containers.
set -e
chown -R redis /data
exec setpriv --reuid=redis --regid=redis --clear-groups -- "$@" --protected-mode no
