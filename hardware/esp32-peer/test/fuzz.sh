#!/usr/bin/env bash
# Each decoder of the firmware's core under libFuzzer, then how much of the core that reached:
#
#     hardware/esp32-peer/test/fuzz.sh [SECONDS] [TARGET…]     60 seconds a decoder; all of them
#
# Some run at once. Exit code 1 if one found a fault: the input that shows it is printed and kept
# in build/faults; put it into corpus/TARGET, and `npm test` replays it for ever. Found inputs that
# reach more are in build/found, the corpus is only read. FUZZ_SEED repeats what is drawn.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
seconds=${1:-60}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cd corpus && ls)
jobs=$(($(nproc) > 4 ? $(nproc) : 4))
command -v clang >/dev/null && command -v llvm-cov >/dev/null || {
  echo 'LEFT OUT for want of clang: apt-get install clang llvm libclang-rt-14-dev libmbedtls-dev'
  exit 0
}
make -s -j "$(nproc)" "${targets[@]/#/build/fuzzer_}" || exit 1
rm -f build/*.profraw
mkdir -p build/faults build/found

fuzz() {
  local log="build/found/$1.log"
  mkdir -p "build/found/$1"
  LLVM_PROFILE_FILE="build/$1.profraw" timeout $(($2 + 60)) "build/fuzzer_$1" \
    -max_total_time="$2" -max_len=4096 -timeout=10 -rss_limit_mb=512 -print_final_stats=1 \
    -seed="${FUZZ_SEED:-0}" \
    -artifact_prefix="build/faults/$1-" "build/found/$1" "corpus/$1" >"$log" 2>&1
  local status=$?
  printf '%-13s %s\n' "$1" "$(grep -E '^#[0-9]+.*cov:' "$log" | tail -n 1)"
  [ $status = 0 ] && return 0
  tail -n 40 "$log"
  return 1
}
export -f fuzz

printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} bash -c "fuzz {} $seconds"
status=$?

llvm-profdata merge -sparse build/*.profraw -o build/fuzz.profdata || exit 1
objects=()
for target in "${targets[@]:1}"; do objects+=(-object "build/fuzzer_$target"); done
llvm-cov report "build/fuzzer_${targets[0]}" ${objects[@]+"${objects[@]}"} \
  -instr-profile=build/fuzz.profdata ../components/peer_core/src/*.c |
  awk '/\.c / { printf "%7s of %4d lines  %s\n", $10, $8, $1 } /^TOTAL/ { printf "%7s of %4d lines of peer_core\n", $10, $8 }'
[ "$status" = 0 ] && echo "fuzz: ok, $seconds s for each of ${#targets[@]}"
exit "$status"
