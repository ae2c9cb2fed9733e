#!/bin/sh
# Install the wheel of another processor, and run Python tests there, by qemu's user emulation.
#
#     tests/targets/python.sh aarch64|armhf [PYTEST OPTION...]
#
# Without a path: the tests of everything that is native below, and of the plan. Functional only:
# an x86 host keeps x86's order of memory accesses whatever it emulates.
set -eu
cd "$(dirname "$0")/../.."
. tests/targets/target.sh
target "${1:-}"
shift

wheel=$(tests/targets/wheel.sh "$arch")
unpack_root
site=build/targets/$arch/site
packages='pydantic pydantic-core annotated-types typing-extensions typing-inspection pyserial
    pytest hypothesis sortedcontainers iniconfig packaging pluggy pygments'
stamp=$(echo "$packages" | cat - constraints.txt | cksum)
if [ "$(cat "$site.of" 2>/dev/null)" != "$stamp" ]; then
    rm -rf "$site" "$site.of"
    # shellcheck disable=SC2086 # a list of words
    .venv/bin/python -I -m pip install --quiet --retries 2 --timeout 30 -c constraints.txt \
        --no-deps --only-binary=:all: --implementation cp --python-version "$version" \
        --platform "manylinux2014_$machine" --platform "manylinux_2_17_$machine" \
        --platform "manylinux_2_28_$machine" --platform "manylinux_2_31_$machine" \
        --target "$site" $packages >&2
    echo "$stamp" >"$site.of"
fi
installed=build/targets/$arch/installed
rm -rf "$installed"
.venv/bin/python -I -m zipfile -e "$wheel" "$installed"

case " $* " in
    *' tests/'*) ;;
    *) set -- "$@" tests/unit/test_mailbox_native.py tests/unit/test_mailbox_layout.py \
        tests/unit/test_mailbox_queue.py tests/unit/test_loop.py tests/unit/test_pump.py \
        tests/unit/test_plan_layout.py tests/unit/test_watchdog.py tests/unit/test_frame_vectors.py ;;
esac
# A copy without the package: what is imported must be the wheel's.
work=build/targets/$arch/work
rm -rf "$work"
mkdir -p "$work"
cp -r tests boards examples docs pyproject.toml "$work"
mkdir "$work/native"
for folder in native/*; do [ "$folder" = native/build ] || cp -r "$folder" "$work/native"; done
here=$PWD
cd "$work"
PYTHONPATH=$here/$installed:$here/$site PYTHONDONTWRITEBYTECODE=1 AMP_EMULATED=1 \
    exec "$emulator" -L "$root" "$root/usr/bin/python$version" -m pytest -q -p no:cacheprovider "$@"
