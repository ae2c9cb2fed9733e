#!/bin/sh
# Make what the guest boots: Debian's PREEMPT_RT Linux and a root file system with amphost in it.
#
#     tests/guest/image.sh       build/guest/vmlinuz and build/guest/initrd; prints what they are
#
# Debian packages are downloaded by an apt with lists of its own, and unpacked, not installed: the
# machine's own packages are not touched. A step whose inputs have not changed is not made again.
# The initrd is three archives, one behind the other: Debian, the Python packages, amphost.
set -eu
PATH=$PATH:/usr/sbin:/sbin
cd "$(dirname "$0")/../.."
here=$PWD
out=$here/build/guest
python=$here/.venv/bin/python
packages=python3-minimal,libpython3-stdlib,busybox-static,kmod,udev
modules='virtio_pci virtio_console xhci_pci usbserial ftdi_sio'
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")

fail() {
    echo "guest: $*" >&2
    exit 69
}

# again COMMAND...: three times; a mirror is amid an update now and then.
again() {
    for pause in 2 10 no; do
        if "$@"; then return 0; fi
        [ "$pause" = no ] || sleep "$pause"
    done
    return 1
}

# step NAME INPUTS COMMAND...: make a part of the initrd, unless it was made of just these inputs.
step() {
    stamp=$(printf '%s' "$2" | cat - "$here/tests/guest/image.sh" | cksum)
    name=$1
    shift 2
    [ "$(cat "$out/$name.of" 2>/dev/null)" != "$stamp" ] || return 0
    rm -f "$out/$name.of"
    "$@"
    echo "$stamp" >"$out/$name.of"
}

# pack FOLDER NAME: as an initramfs. Not compressed: an emulated processor would have to undo it.
pack() {
    (cd "$1" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) \
        >"$out/$2.cpio"
}

# Compile as the guest's Python would, if this one is of its version: there it takes ten times as
# long.
compile() {
    minor=$("$python" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    [ "$minor" = "$(guest_python)" ] || return 0
    "$python" -I -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$1" -p / "$1" \
        >/dev/null || true # one of Debian's test files is not meant to compile
}

guest_python() { basename "$(echo "$out"/root/usr/lib/python3.[0-9]*)" | sed 's/python//'; }

unpack_debian() {
    rm -rf "$out/root" "$out/deb"
    mkdir -p "$out/deb"
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(RELEASE) $(REPO_URI)' | sort -u |
        awk -v suite="$suite" '$1 == suite || $1 == suite "-security" {
            print "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", $2, $1, "main" }' \
            >"$out/sources"
    # shellcheck disable=SC2016 # the hook's own variables
    mmdebstrap --quiet --variant=extract --architectures=amd64 --include="$packages" \
        --aptopt='APT::Install-Recommends "false"' --aptopt='APT::Sandbox::User "root"' \
        --aptopt='Acquire::Retries "3"' --extract-hook='
            export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
            image=$(apt-cache depends linux-image-rt-amd64 |
                sed -n "s/.*Depends: \(linux-image-[0-9].*\)/\1/p")
            cd '"'$out/deb'"' && apt-get -q download "$image"' \
        "$suite" "$out/root" - <"$out/sources" >&2
}

make_debian() {
    again unpack_debian || fail "no PREEMPT_RT Linux or no Python from Debian's mirrors" \
        "($(cut -d' ' -f 3- "$out/sources" | tr '\n' ';')): check \`apt-get update\`, try again"
    linux=$out/linux root=$out/root
    rm -rf "$linux"
    mkdir -p "$linux"
    dpkg-deb --fsys-tarfile "$out"/deb/linux-image-*.deb | tar -x -C "$linux" --wildcards \
        './boot/vmlinuz-*' './lib/modules/*/modules.*' './lib/modules/*/kernel/drivers/usb/*' \
        './lib/modules/*/kernel/drivers/virtio/*' './lib/modules/*/kernel/drivers/char/*'
    release=$(ls "$linux/lib/modules")
    mv "$linux/boot/vmlinuz-$release" "$out/vmlinuz"
    rm -rf "$out/deb" "$root/usr/share" "$root/var" "$root/dev" "$root/lib/udev/hwdb.d" \
        "$root/usr/lib/x86_64-linux-gnu/gconv" "$root/usr/lib/python3/dist-packages"
    mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/root" "$root/var"
    take_modules
    compile "$root"
    pack "$root" debian
    echo "$release" >"$out/release"
}

take_modules() {
    depmod -b "$linux" "$release"
    from=$linux/lib/modules/$release to=$root/lib/modules/$release
    mkdir -p "$to"
    for module in $modules; do
        name=$(echo "$module" | sed 's/_/[-_]/g') # a file's name has either
        grep -E "/$name\.ko[.a-z]*:" "$from/modules.dep" ||
            fail "Linux $release has no module $module"
    done | tr ': ' '\n\n' | sed '/^$/d' | sort -u | (cd "$from" && cpio --quiet -pdm "$to")
    cp "$from"/modules.builtin* "$from/modules.order" "$to"
    depmod -b "$root" "$release"
}

REQUIRED='
import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")
'

make_packages() {
    rm -rf "$out/site"
    "$python" -I -c "$REQUIRED" >"$out/requirements"
    again "$python" -I -m pip install --quiet --disable-pip-version-check --timeout 30 \
        --no-compile --only-binary=:all: --implementation cp --python-version "$(guest_python)" \
        --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 \
        --platform manylinux_2_28_x86_64 --platform manylinux1_x86_64 -c constraints.txt \
        --target "$out/site/usr/lib/python3/dist-packages" -r "$out/requirements" >&2 ||
        fail 'the Python packages were not reached: check `pip download pydantic`, try again'
    compile "$out/site"
    pack "$out/site" packages
}

make_amphost() {
    rm -rf "$out/dist" "$out/build" "$out/installed"
    PYTHONPATH=.venv/build-tools PYTHONWARNINGS=ignore "$python" setup.py -q \
        egg_info --egg-base "$out" build --build-base "$out/build" \
        bdist_wheel --dist-dir "$out/dist" >&2
    "$python" -I -m zipfile -e "$out"/dist/*.whl "$out/installed/usr/lib/python3/dist-packages"
    compile "$out/installed"
    pack "$out/installed" amphost
}

mkdir -p "$out"
command -v depmod >/dev/null || fail 'depmod is not here: apt-get install kmod'
step debian "$suite $packages $modules" make_debian
step packages "$(cat pyproject.toml constraints.txt) $(guest_python)" make_packages
sources=$(find amphost native boards examples setup.py pyproject.toml -type f \
    ! -path '*/__pycache__/*' ! -path 'native/build/*' ! -path 'native/tests/*' ! -name '*.so' \
    ! -name '*.a' ! -path '*/runs/*' | LC_ALL=C sort | tr '\n' '\0' | xargs -0 cat | cksum)
step amphost "$sources" make_amphost
rm -rf "$out/own"
mkdir -p "$out/own"
cp tests/guest/init tests/guest/agent.py "$out/own"
chmod +x "$out/own/init"
pack "$out/own" own
cat "$out/debian.cpio" "$out/packages.cpio" "$out/amphost.cpio" "$out/own.cpio" >"$out/initrd"
echo "Linux $(cat "$out/release"), Python $(guest_python)," \
    "initrd of $(($(wc -c <"$out/initrd") / 1000000)) MB"
