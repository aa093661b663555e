#!/bin/bash
# unpack-debian.sh SUITE DEST PACKAGE...
# Unpacks packages with every library they need, the C library and loader included, into the folder DEST. Nothing is
# installed and no root is needed, so a newer release's programs run beside this system's own. DEST must be an
# absolute path that stays where it is: the wrappers carry it.
# SUITE: a Debian suite (bookworm, trixie, sid), or "own" for the archives this machine is set up with.
set -euo pipefail
suite=$1 dest=$2
shift 2

# Packages pulled in by dependency that a server in a private folder never runs.
drop='^(perl|perl-base|perl-modules-.*|libperl.*|debconf|adduser|passwd|login.*|systemd.*|dpkg|tar|coreutils'
drop="$drop|init-system-helpers|ssl-cert|locales|libc-bin|.*-doc)\$"
key="$suite $*"
ready() { [ -f "$dest/.done" ] && [ "$(cat "$dest/.done")" = "$key" ]; }
if ready; then exit 0; fi

cache=${UNPACK_CACHE:-$(dirname "$dest")/.cache}/$suite
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # a second caller waits here and then finds the work done
if ready; then exit 0; fi

mkdir -p "$cache"/{state/lists/partial,archives/partial,etc/empty,debs}
: >"$cache/status" # an empty status: apt resolves the whole closure, whatever this system has installed
sources() { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; }
if [ "$suite" = own ]; then
  source_options='Dir::Etc::sourcelist "/etc/apt/sources.list"; Dir::Etc::sourceparts "/etc/apt/sources.list.d";'
else
  mirror=$(sources | grep -v '^ *#' | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -1 | tr -d ' ' || true)
  if [ -z "$mirror" ]; then
    echo "unpack-debian.sh: no Debian archive in /etc/apt, so '$suite' cannot be read" >&2
    exit 3
  fi
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$cache/etc/sources.list"
  source_options="Dir::Etc::sourcelist \"$cache/etc/sources.list\"; Dir::Etc::sourceparts \"$cache/etc/empty\";"
fi
cat >"$cache/apt.conf" <<CONF
Dir::State "$cache/state"; Dir::State::status "$cache/status"; Dir::Cache "$cache"; Dir::Cache::archives "$cache/archives";
$source_options
Dir::Etc::preferencesparts "$cache/etc/empty"; APT::Install-Recommends "false"; APT::Sandbox::User "$(id -un)";
Acquire::Languages "none"; Acquire::Retries "3"; Debug::NoLocking "1";
CONF
export APT_CONFIG=$cache/apt.conf
if [ -z "$(find "$cache/state/lists" -maxdepth 1 -name '*Packages*' -mmin -720 -print -quit)" ]; then
  apt-get -qq update
fi

want=$(apt-get install -y --print-uris -qq "$@" | awk '/^\047[a-z]+:/{sub(/_.*/,"",$2); print $2}' | sort -u | grep -vE "$drop")
# shellcheck disable=SC2086  # one package a word
(cd "$cache/debs" && rm -f ./*.deb && apt-get download -qq $want)

part=$dest.part
rm -rf "$part"
for folder in lib lib64 bin sbin; do # merged /usr, as the packages expect
  mkdir -p "$part/usr/$folder"
  ln -s "usr/$folder" "$part/$folder"
done
for deb in "$cache"/debs/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$part" --keep-directory-symlink --no-same-owner
done
rm -f "$cache"/debs/*.deb

# Every program NAME becomes NAME.bin beside a wrapper NAME that starts it with the unpacked loader and libraries, so
# programs that start each other by name work as well. DEST/w gathers the wrappers of all folders.
mkdir -p "$part/w"
triplet=$(uname -m)-linux-gnu
loader=$(cd "$part" && ls -d usr/lib/"$triplet"/ld-linux-*.so.* usr/lib64/ld-linux-*.so.* usr/lib/ld-linux-*.so.* 2>/dev/null | head -1 || true)
libraries="$dest/usr/lib/$triplet:$dest/usr/lib:$dest/usr/lib/mysql"
argv0='--argv0 "$0" '
"$part/$loader" --help 2>/dev/null | grep -q -- --argv0 || argv0= # C libraries before 2.33 lack the option
for program in "$part"/usr/bin/* "$part"/usr/sbin/* "$part"/usr/lib/postgresql/*/bin/*; do
  [ -f "$program" ] && [ -x "$program" ] || continue
  inside=${program#"$part"}
  if [ ! -L "$program" ] && [ "$(head -c4 "$program" | tail -c3)" = ELF ]; then
    mv "$program" "$program.bin"
    printf '#!/bin/sh\nexec "%s" --library-path "%s" %s"%s.bin" "$@"\n' \
      "$dest/$loader" "$libraries" "$argv0" "$dest$inside" >"$program"
    chmod +x "$program"
  fi
  ln -sfn "..$inside" "$part/w/$(basename "$program")"
done
# The package's own script would choose one of the versions that may be installed together.
for control in "$part"/usr/share/postgresql/*/extension/postgis-3.control; do
  if [ -f "$control" ]; then cp "$control" "${control%-3.control}.control"; fi
done
rm -rf "$dest"
mv "$part" "$dest"
printf %s "$key" >"$dest/.done"
