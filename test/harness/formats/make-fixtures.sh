#!/usr/bin/env bash
# Makes the images of test/harness/formats/fixtures with qemu-img and qemu-io (Debian: qemu-utils), and writes beside them what
# qemu-img makes of each: size and SHA-256 of the raw disk. All are compressed with zstd, for most of them are empty.
#
#   test/harness/formats/make-fixtures.sh [folder]        # QEMU_IMG, QEMU_IO: where the programs are
set -euo pipefail

QEMU_IMG=${QEMU_IMG:-qemu-img}
QEMU_IO=${QEMU_IO:-qemu-io}
OUT=$(realpath "${1:-$(dirname "$0")/fixtures}")
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
rm -f "$OUT"/*.zst "$OUT"/raws.txt "$OUT"/xz.txt "$OUT"/refused.txt

# ── Disks: every sector tells its number, so that none can be in another's place ─────────────────────────────────────
sectors() { # from, count: 512 bytes each
  seq "$1" $(($1 + $2 - 1)) | awk '{ line = sprintf("sector %08d of this disk, no other\n", $1); text = ""; while (length(text) < 512) text = text line; printf "%s", substr(text, 1, 512) }'
}
put() { # file, from, count
  sectors "$2" "$3" | dd of="$1" bs=512 seek="$2" conv=notrunc status=none
}
noise() { # file, from, count: the same each time
  openssl enc -aes-128-ctr -K 00000000000000000000000000000000 -iv 00000000000000000000000000000000 -in /dev/zero 2>/dev/null \
    | dd of="$1" bs=512 seek="$2" count="$3" iflag=fullblock conv=notrunc status=none || true
}

# 9 MiB and 7 sectors, data here and there, at places that are multiples of nothing; and written zeros among it.
truncate -s $((9 * 1048576 + 7 * 512)) sparse.img
put sparse.img 0 3; put sparse.img 129 200; put sparse.img 1000 1; put sparse.img 4095 2; put sparse.img 8191 700
noise sparse.img 12345 16; put sparse.img 18430 9
# 1 MiB and 3 sectors, without a zero sector.
truncate -s $((1048576 + 3 * 512)) full.img
put full.img 0 2051; noise full.img 777 40
# A size that is no multiple of a sector; and one that is small, for what is refused anyway.
head -c 70001 full.img > odd.img
head -c 4096 full.img > small.img

done_with() { # file, format: says what it is as a raw disk, and keeps it. qemu-img does not see by itself what a fixed VHD is.
  "$QEMU_IMG" convert -f "$2" -O raw "$1" check.raw
  echo "$(sha256sum < check.raw | cut -d' ' -f1) $(stat -c %s check.raw) $1" >> "$OUT/raws.txt"
  keep "$1"
}
keep() { zstd -q -19 --long=24 -f "$1" -o "$OUT/$1.zst"; }
convert() { # disk, name, format, options of qemu-img convert
  local disk=$1 name=$2 format=$3; shift 3
  "$QEMU_IMG" convert -f raw -O "$format" "$@" "$disk.img" "$name"
  done_with "$name" "$format"
}

# ── qcow2 ────────────────────────────────────────────────────────────────────────────────────────────────────────────
convert sparse v3.qcow2 qcow2
convert sparse v2.qcow2 qcow2 -o compat=0.10
convert full full.qcow2 qcow2
convert odd odd.qcow2 qcow2
convert full 512.qcow2 qcow2 -o cluster_size=512
convert sparse 4k.qcow2 qcow2 -o cluster_size=4k
convert sparse 2m.qcow2 qcow2 -o cluster_size=2M
convert sparse preallocated.qcow2 qcow2 -o preallocation=metadata
convert sparse zlib.qcow2 qcow2 -c
convert full zlib-v2-4k.qcow2 qcow2 -c -o compat=0.10,cluster_size=4k
convert sparse zstd.qcow2 qcow2 -c -o compression_type=zstd
convert full zstd-2m.qcow2 qcow2 -c -o compression_type=zstd,cluster_size=2M
convert sparse extended.qcow2 qcow2 -o extended_l2=on
convert sparse extended-zstd-16k.qcow2 qcow2 -c -o extended_l2=on,compression_type=zstd,cluster_size=16k
# Compressed, overwritten, zeroed, discarded: all kinds of clusters, and of subclusters, beside each other.
for options in "" ",extended_l2=on"; do
  name=mixed${options:+-extended}.qcow2
  "$QEMU_IMG" convert -f raw -O qcow2 -c -o "cluster_size=64k$options" sparse.img "$name"
  "$QEMU_IO" -f qcow2 "$name" -c 'write -P 17 70k 3k' -c 'write -P 18 1M 64k' -c 'write -P 19 2M 200k' -c 'write -z 2100k 8k' -c 'write -z 2176k 64k' \
    -c 'write -z -u 66k 2k' -c 'write -P 20 8M 130k' -c 'discard 8256k 64k' -c 'write -z 9216k 3584' > /dev/null
  done_with "$name" qcow2
done

# ── VHD, VHDX, VMDK ──────────────────────────────────────────────────────────────────────────────────────────────────
convert sparse dynamic.vhd vpc
convert full dynamic-full.vhd vpc -o force_size=on
convert sparse fixed.vhd vpc -o subformat=fixed,force_size=on
convert small small.vhd vpc -o subformat=fixed,force_size=on
convert sparse dynamic.vhdx vhdx
convert sparse dynamic-1m.vhdx vhdx -o block_size=1M
convert full fixed.vhdx vhdx -o subformat=fixed
convert sparse sparse.vmdk vmdk
convert full full.vmdk vmdk
convert sparse zeroed.vmdk vmdk -o zeroed_grain=on
convert sparse stream.vmdk vmdk -o subformat=streamOptimized
convert full stream-full.vmdk vmdk -o subformat=streamOptimized
"$QEMU_IMG" convert -f raw -O vmdk -o zeroed_grain=on full.img overwritten.vmdk
"$QEMU_IO" -f vmdk overwritten.vmdk -c 'write -z 128k 256k' -c 'write -P 21 1000k 10k' > /dev/null
done_with overwritten.vmdk vmdk

# ── xz, which Node cannot make ───────────────────────────────────────────────────────────────────────────────────────
xz_of() { # name, options
  local name=$1; shift
  xz -c "$@" sparse.img > "$name"
  echo "$(sha256sum < sparse.img | cut -d' ' -f1) $(stat -c %s sparse.img) $name" >> "$OUT/xz.txt"
  keep "$name"
}
xz_of one-block.xz
xz_of blocks.xz --block-size=1000000
xz_of crc32.xz -C crc32 --block-size=2MiB
xz_of no-check.xz -C none --block-size=3MiB
{ head -c 3000000 sparse.img | xz --block-size=1MiB; head -c 64 /dev/zero; tail -c +3000001 sparse.img | xz -C crc32; head -c 8 /dev/zero; } > streams.xz
echo "$(sha256sum < sparse.img | cut -d' ' -f1) $(stat -c %s sparse.img) streams.xz" >> "$OUT/xz.txt"
keep streams.xz
xz -c -C sha256 small.img > sha256.xz
keep sha256.xz
# A fixed VHD, as people compress it; in several blocks, too, of which the last one begins before the footer.
xz -c small.vhd > small.vhd.xz
keep small.vhd.xz
xz -c --block-size=1000 small.vhd > small-blocks.vhd.xz
keep small-blocks.vhd.xz

# ── Large disks, of which two places were written: what the readers say of these is compared by the tests ────────────
large() { # name, format, size, place, options
  local name=$1 format=$2 size=$3 place=$4; shift 4
  "$QEMU_IMG" create -q -f "$format" "$@" "$name" "$size"
  "$QEMU_IO" -f "$format" "$name" -c 'write -P 31 4G 64k' -c "write -P 32 $place 64k" > /dev/null
  keep "$name"
}
large large.qcow2 qcow2 3T 1500G
large large.vhd vpc 1900G 1500G -o force_size=on
large large.vhdx vhdx 3T 1500G
large large.vmdk vmdk 64G 50G

# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────────
refused() { # file, words that the refusal must have
  keep "$1"
  echo "$1 $2" >> "$OUT/refused.txt"
}
"$QEMU_IMG" create -q -f qcow2 -o encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10 --object secret,id=key,data=secret luks.qcow2 1M
truncate -s 64k luks.qcow2
refused luks.qcow2 encrypted
"$QEMU_IMG" create -q -f qcow2 -o encrypt.format=aes,encrypt.key-secret=key --object secret,id=key,data=secret aes.qcow2 1M
refused aes.qcow2 encrypted
"$QEMU_IMG" create -q -f qcow2 -b small.img -F raw backing.qcow2
refused backing.qcow2 'backing file'
"$QEMU_IMG" create -q -f qcow2 -o data_file=data.bin,data_file_raw=on external.qcow2 1M
refused external.qcow2 'another file'
"$QEMU_IMG" convert -O qcow2 small.img snapshots.qcow2; "$QEMU_IMG" snapshot -c first snapshots.qcow2
refused snapshots.qcow2 'snapshots inside'
patched() { # from, to, position, bytes as printf has them
  cp "$1" "$2"; printf "$4" | dd of="$2" bs=1 seek="$3" conv=notrunc status=none
}
"$QEMU_IMG" create -q -f qcow2 empty.qcow2 1M
patched empty.qcow2 dirty.qcow2 79 '\x01'; refused dirty.qcow2 'not closed properly'
patched empty.qcow2 corrupt.qcow2 79 '\x02'; refused corrupt.qcow2 corrupt
patched empty.qcow2 future.qcow2 78 '\x10'; refused future.qcow2 'feature bits 12'
patched empty.qcow2 version.qcow2 7 '\x04'; refused version.qcow2 'version 4'
"$QEMU_IMG" convert -O qcow small.img old.qcow; refused old.qcow qcow1
"$QEMU_IMG" convert -O vdi small.img disk.vdi; refused disk.vdi VDI
"$QEMU_IMG" convert -O qed small.img disk.qed; refused disk.qed QED
"$QEMU_IMG" convert -O parallels small.img disk.parallels; refused disk.parallels Parallels
"$QEMU_IMG" convert -O vmdk -o subformat=monolithicFlat small.img flat.vmdk; refused flat.vmdk monolithicFlat
"$QEMU_IMG" convert -O vmdk -o subformat=twoGbMaxExtentSparse small.img split.vmdk; refused split.vmdk twoGbMaxExtentSparse
refused split-s001.vmdk 'several files'

du -ch "$OUT" | tail -1
