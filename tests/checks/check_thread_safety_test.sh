#!/usr/bin/env bash
# Shows that clang refuses what GUARDED_BY, REQUIRES and EXCLUDES of storage/guarded.hpp forbid, and takes what they allow. Each case is the
# body of one function of a class with a mutex, a member that the mutex guards and a function that needs the mutex held.
set -euo pipefail
root=$(readlink -f "$(dirname "$(readlink -f "$0")")/../..")
clang=$(command -v clang++) || {
  echo "clang++ is missing: ./dev deps test" >&2
  exit 1
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

# expect_taken BODY
expect_taken() {
  compiles "$1" || complain "clang should take: $1"
}

# expect_refused WORDS BODY: WORDS stand in clang's error
expect_refused() {
  if compiles "$2"; then
    complain "clang should refuse: $2"
  elif ! grep -qF -- "$1" "$folder/out"; then
    complain "clang should say '$1' of: $2"
  fi
}

complain() {
  echo "$1"
  cat "$folder/out"
  failed=1
}

compiles() {
  cat >"$folder/case.cpp" <<END
struct Counter {
  void body(const std::stop_token& stop [[maybe_unused]]) { $1 }
  void needs_mutex() REQUIRES(mutex_) { ++count_; }
  void takes_mutex() EXCLUDES(mutex_) { const twinhub::MutexLock lock(mutex_); }
  twinhub::Mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable_any changed_or_stopped_;
  int count_ GUARDED_BY(mutex_) = 0;
  int* behind_ PT_GUARDED_BY(mutex_) = nullptr;
};
END
  "$clang" "${flags[@]}" -include-pch "$folder/guarded.pch" -fsyntax-only "$folder/case.cpp" 2>"$folder/out"
}

flags=(-std=c++20 -Wall -Wextra -Wthread-safety -Werror)
"$clang" "${flags[@]}" -Wno-pragma-once-outside-header -x c++-header "$root/storage/guarded.hpp" -o "$folder/guarded.pch"

readonly deadline='const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);'
expect_taken 'const twinhub::MutexLock lock(mutex_); ++count_; needs_mutex();'
expect_taken 'mutex_.lock(); ++count_; mutex_.unlock();'
expect_taken 'twinhub::MutexLock lock(mutex_); lock.unlock(); takes_mutex(); lock.lock(); ++count_;'
expect_taken 'twinhub::MutexLock lock(mutex_); while (count_ == 0) lock.wait(changed_);'
expect_taken "$deadline twinhub::MutexLock lock(mutex_); while (count_ == 0) lock.wait_until(changed_, deadline);"
expect_taken "$deadline twinhub::MutexLock lock(mutex_); while (count_ == 0) lock.wait_until(changed_or_stopped_, deadline, stop);"

expect_refused 'requires holding mutex' '++count_;'
expect_refused 'requires holding mutex' '*behind_ = 1;'
expect_refused 'requires holding mutex' 'needs_mutex();'
expect_refused 'requires holding mutex' '{ const twinhub::MutexLock lock(mutex_); } ++count_;'
expect_refused 'requires holding mutex' 'twinhub::MutexLock lock(mutex_); lock.unlock(); ++count_;'
expect_refused 'requires holding mutex' 'twinhub::Mutex other; const twinhub::MutexLock lock(other); ++count_;'
expect_refused 'cannot call function' 'const twinhub::MutexLock lock(mutex_); takes_mutex();'
expect_refused 'already held' 'const twinhub::MutexLock lock(mutex_); const twinhub::MutexLock again(mutex_);'
expect_refused 'still held' 'mutex_.lock(); ++count_;'
exit $failed
