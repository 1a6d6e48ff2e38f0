# SPDX-License-Identifier: Apache-2.0
#
# Downloads, checked: read by scripts/bootstrap. Source archives and single headers come from Debian's archive
# through a private apt configuration, which leaves the machine's own as it is: apt checks every file against
# the signed index, and the source archives are checked against the manifest too.
# shellcheck shell=bash disable=SC2154

# Prints the address of the Debian mirror that this machine is set up with.
debian_mirror() {
  local codename addresses
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  [[ -n $codename ]] || die "/etc/os-release names no release"
  addresses=$(apt-get update --print-uris 2>>"$log" | sed -n "s,^'\(.*\)/dists/$codename/InRelease'.*,\1,p")
  [[ -n $addresses ]] || die "no Debian mirror for '$codename' among apt's sources"
  # Other archives may serve a suite of the same name; Debian's own ends in /debian.
  { grep -E '/debian/?$' <<<"$addresses" || printf '%s\n' "$addresses"; } | head -n 1
}

# Sets up the private apt configuration and its package lists, once a run.
private_apt() {
  local dir=$cache/apt keyring mirror
  [[ ${private_apt_ready:-0} == 1 ]] && return 0
  for keyring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
    [[ -r $keyring ]] && break
  done
  [[ -r $keyring ]] || die "Debian's archive keys are missing: install debian-archive-keyring"
  mirror=$(debian_mirror)
  mkdir -p "$dir"/{state/lists/partial,cache/archives/partial,empty}
  : >"$dir/status"
  cat >"$dir/sources.list" <<TEXT
deb [signed-by=$keyring] $mirror bookworm main
deb [signed-by=$keyring] $mirror trixie main
deb-src [signed-by=$keyring] $mirror trixie main
TEXT
  cat >"$dir/apt.conf" <<TEXT
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "$dir/empty";
Dir::Etc::preferencesparts "$dir/empty";
Dir::Etc::preferences "$dir/none";
Dir::State "$dir/state";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
APT::Update::Post-Invoke-Success "";
APT::Update::Post-Invoke "";
#clear APT::Update::Post-Invoke-Success;
#clear APT::Update::Post-Invoke;
TEXT
  ((EUID != 0)) || printf 'APT::Sandbox::User "root";\n' >>"$dir/apt.conf"
  logged env APT_CONFIG="$dir/apt.conf" apt-get update -q -o APT::Update::Error-Mode=any ||
    die "cannot read the package lists of the Debian mirror that apt is set up with: is the network there?"
  private_apt_ready=1
}

sha256_is() { [[ -f $1 && $(sha256sum <"$1") == "$2  -" ]]; }

# Unpacks a source archive into the cache, downloading it if need be, and sets `source_dir`.
fetch_source() {
  local wanted=$1 entry name file sum dir
  for entry in "${SOURCES[@]}"; do
    read -r name file sum <<<"$entry"
    [[ $name == "$wanted" ]] && break
  done
  [[ $name == "$wanted" ]] || die "no source named $wanted"
  source_dir=$cache/src/${file%.orig.tar.*}
  [[ -e $source_dir/.unpacked ]] && return 0
  open_log
  mkdir -p "$cache/downloads" "$cache/src"
  if ! sha256_is "$cache/downloads/$file" "$sum"; then
    private_apt
    rm -f "$cache/downloads/$file"
    (cd "$cache/downloads" && logged env APT_CONFIG="$cache/apt/apt.conf" \
      apt-get source -q --download-only --tar-only "$name") || die "cannot download the source of $name"
    sha256_is "$cache/downloads/$file" "$sum" || die "$file is not what was expected (SHA-256 or version differs)"
  fi
  dir=$source_dir.partial
  rm -rf "$dir" "$source_dir"
  mkdir -p "$dir"
  logged tar -xf "$cache/downloads/$file" -C "$dir" || die "cannot unpack $file"
  # Some archives hold one folder, others the files themselves.
  local inside=("$dir"/*)
  if ((${#inside[@]} == 1)) && [[ -d ${inside[0]} ]]; then
    mv "${inside[0]}" "$source_dir"
    rm -rf "$dir"
  else
    mv "$dir" "$source_dir"
  fi
  touch "$source_dir/.unpacked"
}

# Unpacks a binary package into the cache without installing it, and sets `package_dir`.
fetch_package() {
  local name=$1 suite=$2 version=$3 debs
  package_dir=$cache/src/$name-$version-$native
  [[ -e $package_dir/.unpacked ]] && return 0
  open_log
  private_apt
  rm -rf "$package_dir"
  mkdir -p "$package_dir/deb"
  (cd "$package_dir/deb" && logged env APT_CONFIG="$cache/apt/apt.conf" apt-get download -q "$name/$suite") ||
    die "cannot download the package $name"
  debs=("$package_dir"/deb/*.deb)
  [[ $(dpkg-deb -f "${debs[0]}" Version) == "$version"* ]] || die "$name in $suite is no longer version $version"
  logged dpkg-deb -x "${debs[0]}" "$package_dir" || die "cannot unpack the package $name"
  rm -rf "$package_dir/deb"
  touch "$package_dir/.unpacked"
}
