#!/bin/sh
# Build amphost's wheel for another processor than this one's.
#
#     tests/targets/wheel.sh aarch64|armhf     prints the wheel's path
#
# A cross compiler makes the native code; Python's headers for the target come out of Debian
# packages that are unpacked, not installed, below build/targets. Set-up is `./dev wheel`'s.
set -eu
cd "$(dirname "$0")/../.."
. tests/targets/target.sh
target "${1:-}"

unpack_root
python=.venv/bin/python
out=build/targets/$arch/dist
rm -rf "$out"
# The interpreter that builds describes itself, not the target: these say what differs.
export CC="$triplet-gcc" LDSHARED="$triplet-gcc -shared" AR="$triplet-ar"
export CFLAGS="-I$include -idirafter $root/usr/include -idirafter $root/usr/include/$triplet"
export PYTHONWARNINGS=ignore _PYTHON_HOST_PLATFORM="linux-$machine" PYTHONPATH=.venv/build-tools
"$python" setup.py -q egg_info --egg-base "build/targets/$arch" \
    build --build-base "build/targets/$arch/build" \
    bdist_wheel --plat-name "linux_$machine" --dist-dir "$out" >&2
set -- "$out"/*.whl
[ -f "$1" ] || { echo "no wheel was made in $out" >&2; exit 1; }
echo "$1"
