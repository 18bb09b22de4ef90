#include "server/stage.hpp"

namespace twinhub {

Stage::Visit Stage::visit() {
  const MutexLock lock(mutex_);
  if (serving_ == nullptr) return {nullptr, nullptr, 0};
  ++visitors_;
  return {this, serving_, number_};
}

Stage::Visit Stage::visit(std::uint64_t number) {
  const MutexLock lock(mutex_);
  if (serving_ == nullptr || number_ != number) return {nullptr, nullptr, 0};
  ++visitors_;
  return {this, serving_, number_};
}

void Stage::open(Serving& serving) {
  const MutexLock lock(mutex_);
  serving_ = &serving;
  ++number_;
}

void Stage::close() {
  MutexLock lock(mutex_);
  serving_ = nullptr;
  while (visitors_ > 0) lock.wait(left_);
}

void Stage::leave() {
  const MutexLock lock(mutex_);
  if (--visitors_ == 0) left_.notify_all();
}

}  // namespace twinhub
