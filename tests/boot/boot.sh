# Becomes process 1 of a box: its disk over the shared programs, then systemd. Called by box.py, in namespaces of its own:
# boot.sh CGROUP BASE FOLDER [WHERE=WHAT...]
set -euo pipefail
cgroup=$1 base=$2 folder=$3
shift 3
mount --make-rprivate /
# Into a control group of its own, whose namespace is made last: it becomes the top in there.
echo $$ > "$cgroup/cgroup.procs"
root=$folder/root
# Over the disk that this machine itself runs from, what a box writes stays in memory.
[ "$base" != / ] || mount -t tmpfs tmpfs "$folder"
mkdir -p "$folder/upper" "$folder/work" "$root"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$folder/upper,workdir=$folder/work" "$root"
for each in "$@"; do
  mkdir -p "$root${each%%=*}"
  mount --bind "${each#*=}" "$root${each%%=*}"
  mount -o remount,bind,ro "$root${each%%=*}"
done
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
hostname microscope
cd "$root"
mkdir -p .before
pivot_root . .before
exec unshare --cgroup /bin/bash -c '
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  umount -l /.before
  exec env -i container=smearwatch PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=console --show-status=0
'
