#!/usr/bin/env bash
# The units of packaging/ under a real systemd: readiness, what the hardening leaves possible, the
# watchdog, a stop and a restart. As root on a Linux with systemd; a machine that runs none of it is
# not touched: systemd becomes the first process of namespaces of its own, on a copy-on-write view
# of this root, without any unit but ours.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

left_out() {
  echo "LEFT OUT: $1, so no unit ran under a systemd"
  exit 0
}

# The root of the trial, seen from new namespaces; ends as its first process.
boot() {
  local scratch=$1 root=$1/disk/root
  mount --make-rprivate /
  mount -t tmpfs -o size=1g none "$scratch/disk"
  mkdir "$scratch"/disk/{upper,work,root}
  mount -t overlay -o "lowerdir=/,upperdir=$scratch/disk/upper,workdir=$scratch/disk/work" none "$root"
  mount -t proc proc "$root/proc"
  mount --bind "$root/proc/sys" "$root/proc/sys"
  mount -o remount,ro,bind "$root/proc/sys"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t tmpfs none "$root/sys/fs/cgroup"
  mount -t cgroup2 none "$root/sys/fs/cgroup"
  mount -t tmpfs -o mode=755 none "$root/run"
  mount -t tmpfs -o mode=1777 none "$root/tmp"
  mount -t tmpfs -o mode=755 none "$root/dev"
  for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  mkdir "$root"/dev/{pts,shm}
  mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
  mount -t tmpfs none "$root/dev/shm"
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
  install_sotto "$root"
  ip link set lo up
  cd "$root"
  mkdir -p before
  pivot_root . before
  # Whoever starts a container shares its mounts; systemd hands over credentials by that.
  exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=other TERM=dumb bash -c '
    umount -l /before
    mount --make-rshared /
    exec /usr/lib/systemd/systemd --system --unit=trial.target --log-target=journal'
}

# As docs/OPERATION.md has it, from a clone.
install_sotto() {
  local root=$1 system
  mkdir -p "$root/opt/sotto"
  mount --bind "$here" "$root/opt/sotto"
  ln -sf /opt/sotto/scripts/sotto.mjs "$root/usr/local/bin/sotto"
  rm -f "$root/usr/local/bin/node"
  ln -s /opt/sotto/node_modules/node/bin/node "$root/usr/local/bin/node"
  for system in "$root"/{usr/lib,etc}/systemd/system; do rm -rf "$system"/*.target.wants; done
  cp "$here"/packaging/*.service "$root/etc/systemd/system/"
  install -d -m 0755 "$root/etc/sotto"
  echo '{"name": "clinic"}' >"$root/etc/sotto/config.json"
  (umask 077 && echo 'correct horse' >"$root/etc/sotto/passphrase")
  cat >"$root/etc/systemd/system/trial.target" <<-UNIT
	[Unit]
	Requires=sysinit.target
	After=sysinit.target
	Wants=systemd-journald.service
	UNIT
  # What no unit of ours could do without, and a machine within another may forbid.
  cat >"$root/etc/systemd/system/probe.service" <<-UNIT
	[Service]
	Type=oneshot
	ExecStart=true
	DynamicUser=yes
	PrivateDevices=yes
	PrivateTmp=yes
	UNIT
}

# What is tried, inside; stops at the first thing that is not so.
trial() {
  local at=(--data-dir /var/lib/sotto) bob=(--data-dir /root/bob) main code
  cd /root
  step() { echo "ok $*"; }
  show() { systemctl show --property "$1" --value "$2"; }
  opened() { sotto inbox "${bob[@]}" | grep -q "$1"; }

  systemctl start sotto
  [ "$(show StatusText sotto)" = 'Listening at http://127.0.0.1:5000' ]
  step 'started, and ready when it listens'
  [ "$(stat -c %a /var/lib/private/sotto/key.json)" = 600 ]
  [ "$(show MainPID sotto | xargs -I{} stat -c %U /proc/{})" = sotto ]
  step 'as a user of its own, with the passphrase from a credential'
  sotto doctor "${at[@]}" >/dev/null
  sotto up --name bob --port 5010 "${bob[@]}" >bob.log 2>&1 &
  until [ -e bob/peer.json ]; do sleep 0.2; done
  code=$(sotto pair "${at[@]}" 2>/dev/null)
  sotto pair "${code#sotto pair }" "${bob[@]}" >/dev/null 2>&1
  sotto send "${at[@]}" --wait 20 'a text' >/dev/null
  opened 'a text'
  sotto cover -o cover.png >/dev/null
  sotto send "${at[@]}" --wait 30 --cover cover.png 'a picture' >/dev/null
  opened 'a picture'
  step 'pairs, sends, and hides in a picture, hardened as it is'
  sotto backup "${at[@]}" -o copy.tar >/dev/null 2>&1
  [ -s copy.tar ]
  step 'is backed up while it runs'

  mkdir /etc/systemd/system/sotto.service.d
  printf '[Service]\nWatchdogSec=6\n' >/etc/systemd/system/sotto.service.d/trial.conf
  systemctl daemon-reload
  systemctl restart sotto
  main=$(show MainPID sotto)
  sleep 13
  [ "$(show MainPID sotto)" = "$main" ]
  [ "$main" -gt 0 ]
  kill -STOP "$main"
  until [ "$(show NRestarts sotto)" = 1 ] && [ "$(show ActiveState sotto)" = active ]; do sleep 0.5; done
  step 'one that hangs is killed and started anew, one that turns is not'

  kill %1
  wait %1
  sotto send "${at[@]}" 'while bob is away' >/dev/null
  systemctl stop sotto
  [ "$(show Result sotto)" = success ]
  [ ! -e /var/lib/private/sotto/peer.json ]
  sotto up --name bob --port 5010 "${bob[@]}" >bob.log 2>&1 &
  systemctl start sotto
  until opened 'while bob is away'; do sleep 0.5; done
  step 'what waited at the stop arrives after the start'

  systemctl start sotto-bridge
  until curl -fs http://127.0.0.1:5001/healthz >/dev/null; do sleep 0.2; done
  systemctl stop sotto-bridge
  [ "$(show Result sotto-bridge)" = success ]
  step 'the bridge listens, and stops when told'
}

case ${1-} in
boot) boot "$2" ;;
trial)
  trap '[ $? = 0 ] || journalctl --no-pager -o cat --lines 40' EXIT
  trial
  ;;
*)
  [ "$(id -u)" = 0 ] || left_out 'this is not root'
  [ -x /usr/lib/systemd/systemd ] || left_out 'systemd is not installed'
  spaces=(--mount --pid --cgroup --uts --ipc --net)
  unshare "${spaces[@]}" --fork true 2>/dev/null || left_out 'this machine makes no namespaces'
  scratch=$(mktemp -d)
  mkdir "$scratch/disk"
  timeout 300 unshare "${spaces[@]}" --fork --kill-child "$0" boot "$scratch" >"$scratch/log" 2>&1 &
  outer=$!
  first=
  # With its first process all of them end, and with the last one their mounts.
  trap 'kill -KILL ${first:-$outer} 2>/dev/null; wait $outer 2>/dev/null || true; rm -rf "$scratch"' EXIT
  for _ in $(seq 100); do
    sleep 0.2
    first=$(pgrep --parent "$(pgrep --parent $outer || echo 0)" || true)
    [ "$(cat "/proc/$first/comm" 2>/dev/null)" = systemd ] && break
    kill -0 $outer 2>/dev/null || break
  done
  [ "$(cat "/proc/${first:-0}/comm" 2>/dev/null)" = systemd ] || {
    cat "$scratch/log"
    left_out 'systemd does not start in namespaces here'
  }
  inside=(nsenter --target "$first" --all --root --wd env -i
    PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb)
  for _ in $(seq 300); do
    "${inside[@]}" systemctl is-active --quiet trial.target 2>/dev/null && break
    sleep 0.2
  done
  "${inside[@]}" systemctl start probe 2>/dev/null ||
    left_out 'systemd hardens nothing in namespaces here'
  "${inside[@]}" bash /opt/sotto/scripts/try-units.sh trial
  ;;
esac
