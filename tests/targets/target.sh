# What the scripts of this folder know of a target. To be sourced.

# target NAME: set machine (as in `uname -m`), debian (Debian's word), triplet, emulator, arch.
target() {
    arch=$1
    case $arch in
        aarch64) machine=aarch64 debian=arm64 triplet=aarch64-linux-gnu emulator=qemu-aarch64 ;;
        armhf) machine=armv7l debian=armhf triplet=arm-linux-gnueabihf emulator=qemu-arm ;;
        *) echo "targets: aarch64 or armhf, not '$arch'" >&2; exit 2 ;;
    esac
    root=$PWD/build/targets/$arch/root
}

# Unpack the target's Python below build/targets, once: nothing of it is installed or run on this
# machine but by the emulator. Sets include, the folder of Python.h.
unpack_root() {
    if [ ! -f "$root.complete" ]; then
        suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
        # shellcheck disable=SC2016 # apt's own variables
        mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' |
            awk -v suite="$suite" '$1 == suite { print $2; exit }')
        [ -n "$mirror" ] || { echo "apt knows no mirror of $suite" >&2; return 1; }
        rm -rf "$root"
        mkdir -p "${root%/*}"
        mmdebstrap --quiet --variant=extract --mode=root --architectures="$debian" \
            --include=python3-minimal,libpython3-stdlib,libpython3-dev,python3-cffi-backend,python3-yaml \
            --aptopt='APT::Install-Recommends "false"' "$suite" "$root" \
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >&2
        # The emulator looks here first for every absolute path: only what it is for may be here.
        find "$root" -mindepth 1 -maxdepth 1 ! -name usr ! -name bin ! -name 'lib*' \
            -exec rm -rf {} +
        rm -rf "$root/usr/share" "$root/usr/local"
        : >"$root.complete"
    fi
    include=$(dirname "$(find "$root/usr/include" -path '*python3.*/Python.h' -print -quit)")
    version=${include##*python}
}
