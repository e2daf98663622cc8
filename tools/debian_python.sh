#!/bin/sh
# sh tools/debian_python.sh 3.14 FOLDER: that Python out of Debian's development release, in FOLDER.
#
# For a Debian or Ubuntu that has an older one, as root, with debootstrap and patchelf. Packages are
# unpacked into the folder alone, and none of them is installed: the interpreter brings its own C
# library, which it finds by paths in its executable.
set -eu
short=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)

missing=
for tool in debootstrap patchelf dpkg-deb; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -z "$missing" ] || { echo "to be installed first:$missing" >&2; exit 1; }
root=$folder/debian
rm -rf "$root"
debootstrap --variant=minbase --include="python$short" --download-only sid "$root" >"$folder/log" 2>&1 || {
    tail -n 1 "$folder/log" >&2
    exit 1
}
for package in "$root"/var/cache/apt/archives/*.deb; do
    dpkg-deb --extract "$package" "$root"
done
rm -rf "$root/var/cache/apt/archives"

python=$root/usr/bin/python$short
loader=$(ls "$root"/usr/lib/*/ld-linux-*.so.*)
patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$(dirname "$loader")" "$python"
mkdir -p "$folder/bin"
ln -sf "$python" "$folder/bin/python$short"
"$folder/bin/python$short" -c 'import ctypes, lzma, sqlite3, ssl, sys; print(sys.version)'
